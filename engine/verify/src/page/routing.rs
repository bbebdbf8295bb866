//! Routing profiles, and what they said of orders. What a profile means is not read here; what its explanation says must
//! be what was claimed.

use super::Page;
use crate::ledger::{Channel, Named};
use crate::report::Invariant;
use onhand_record::order::ClaimV1;
use onhand_record::routing::{RoutedV1, RoutingProfilePutV1};
use std::collections::BTreeSet;

/// Bytes of the longest explanation.
const EXPLANATION_BYTES_MAX: usize = 300;

/// Bytes of the longest profile.
const PROFILE_BYTES_MAX: usize = 64 << 10;

/// What decided: what the order was promised, by a hold or a grant, over all rules.
const HELD: u8 = 8;

/// What decided: nothing served in full, and nothing is claimed; by a fallback or the defaults, or by a strategy.
const REJECTS: [u8; 2] = [3, 11];

/// Added to what decided where the counted steps ended first.
const CUT_SHORT: u8 = 4;

/// What an explanation says, as `docs/FORMATS.md` has it.
struct Said {
    version: u64,
    decided: u8,
    left_out: u64,
    /// Locations that serve.
    chosen: BTreeSet<u16>,
    /// Whether others are listed too.
    lists_others: bool,
}

impl Said {
    /// `None` if the bytes are no explanation.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[1])?;
        let version = number(&mut rest)?;
        let (decided, after) = rest.split_first()?;
        rest = after;
        number(&mut rest)?;
        let left_out = number(&mut rest)?;
        let (mut chosen, mut lists_others) = (BTreeSet::new(), false);
        while !rest.is_empty() {
            let location = u16::try_from(number(&mut rest)?).ok()?;
            let (reason, after) = rest.split_first()?;
            rest = after;
            number(&mut rest)?;
            if *reason == 0 {
                chosen.insert(location);
            } else {
                lists_others = true;
            }
        }
        Some(Self { version, decided: decided & !CUT_SHORT, left_out, chosen, lists_others })
    }
}

/// A number in groups of seven bits, the lowest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

impl Page<'_> {
    pub(crate) fn profile(&mut self, put: &RoutingProfilePutV1<'_>) {
        let bytes = put.text.len();
        self.findings.check(Invariant::J4, bytes <= PROFILE_BYTES_MAX, || {
            format!("its text has {bytes} bytes, at most {PROFILE_BYTES_MAX} are allowed")
        });
        let count = self.ledger.profiles.len();
        let newest = self.ledger.profiles.get(usize::from(put.profile)).copied().unwrap_or(0);
        self.findings.check(Invariant::J4, newest.checked_add(1) == Some(put.version), || {
            format!("version {} of routing profile {} comes after version {newest}", put.version, put.code)
        });
        if self.named(Named::Profile, put.is_new, u32::from(put.profile), count, put.code) {
            self.ledger.profiles.push(put.version);
        } else if let Some(row) = self.ledger.profiles.get_mut(usize::from(put.profile)) {
            *row = put.version;
        }
    }

    /// The newest version of the channel's profile decided, and says so; `claims` are those of an accepted order.
    pub(super) fn routed(
        &mut self,
        channel: &Channel,
        routed: Option<&RoutedV1<'_>>,
        is_promised: bool,
        claims: Option<&[ClaimV1]>,
    ) {
        let profile = routed.map(|routed| routed.profile);
        self.findings.check(Invariant::J4, profile == channel.profile, || {
            format!("routing profile {profile:?} decided, {:?} is the channel's", channel.profile)
        });
        let Some(RoutedV1 { profile, explanation, within }) = routed else { return };
        self.totals.orders_routed += 1;
        let said = Said::read(explanation).filter(|_| explanation.len() <= EXPLANATION_BYTES_MAX);
        self.findings
            .check(Invariant::J4, said.is_some(), || format!("its explanation is none: {explanation:?}"));
        let Some(said) = said else { return };
        let newest = self.ledger.profiles.get(usize::from(*profile)).copied().unwrap_or(0);
        self.findings.check(Invariant::J4, said.version == u64::from(newest), || {
            format!("version {} of the routing profile decided, {newest} is the newest", said.version)
        });
        let within = within.as_deref().unwrap_or(&[]);
        let is_ordered = within.is_sorted_by(|one, next| one < next);
        let are_its = within.iter().all(|location| channel.locations.contains(location));
        self.findings.check(Invariant::J4, is_ordered && are_its, || {
            format!("{within:?} may serve it, {:?} are the channel's", channel.locations)
        });
        self.findings.check(Invariant::J4, said.decided != HELD || is_promised, || {
            "its explanation speaks of a promise, it confirms no hold, and is granted nothing of it".into()
        });
        let Some(claims) = claims else { return };
        self.findings.check(Invariant::I4, !REJECTS.contains(&said.decided), || {
            "it was accepted, its explanation refuses it".into()
        });
        let serving: BTreeSet<u16> = claims.iter().map(|claim| claim.location).collect();
        if said.decided == HELD {
            return;
        }
        let are_within = within.is_empty() || serving.iter().all(|location| within.contains(location));
        self.findings
            .check(Invariant::I5, are_within, || format!("locations {serving:?} serve, {within:?} may"));
        // Those that serve stand first, so that only the last of them can be among those left out.
        let are_all = said.lists_others || said.left_out == 0;
        let is_so = if are_all { said.chosen == serving } else { said.chosen.is_subset(&serving) };
        self.findings.check(Invariant::I5, is_so, || {
            format!("locations {:?} serve by its explanation, {serving:?} by its claims", said.chosen)
        });
    }
}
