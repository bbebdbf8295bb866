//! Merchants and keys: records of the administrator. They carry the bare clock, so their times promise nothing
//! (ADR 9), and a key may be revoked while requests that it was good for are on their way: their records come
//! later in the log than the revocation.

use crate::findings::Findings;
use crate::report::Invariant;
use onhand_record::admin::{KeyCreatedV1, KeyRevokedV1, MerchantCreatedV1};
use std::collections::{HashMap, HashSet};

/// A key as the log knows it.
struct Key {
    merchant: u32,
    is_revoked: bool,
}

/// Who exists. Keys stay after they were revoked.
#[derive(Default)]
pub(crate) struct Registry {
    names: HashSet<String>,
    keys: HashMap<u32, Key>,
}

impl Registry {
    /// Whether a merchant of this number was created; they are numbered densely from 1.
    pub(crate) fn has_merchant(&self, merchant: u32) -> bool {
        (1..=self.names.len()).contains(&(merchant as usize))
    }

    /// Whether this key was ever given to this merchant; 0 is the system.
    pub(crate) fn may_act(&self, key: u32, merchant: u32) -> bool {
        key == 0 || self.keys.get(&key).is_some_and(|known| known.merchant == merchant)
    }

    /// `true` if the merchant is the next one, and so exists now.
    pub(crate) fn merchant_created(
        &mut self,
        merchant: u32,
        created: &MerchantCreatedV1<'_>,
        findings: &mut Findings,
    ) -> bool {
        let is_next = merchant as usize == self.names.len() + 1;
        findings.check(Invariant::J4, is_next, || format!("merchant {merchant} is not the next number"));
        let is_new = !self.names.contains(created.name);
        findings.check(Invariant::J4, is_new, || format!("there is a merchant {:?} already", created.name));
        is_next && self.names.insert(created.name.to_owned())
    }

    pub(crate) fn key_created(&mut self, merchant: u32, created: &KeyCreatedV1, findings: &mut Findings) {
        let key = created.key;
        let is_known = self.has_merchant(merchant);
        findings.check(Invariant::J4, is_known, || format!("merchant {merchant} was never created"));
        let is_new = key != 0 && self.keys.insert(key, Key { merchant, is_revoked: false }).is_none();
        findings.check(Invariant::J4, is_new, || format!("key {key} was given out before"));
    }

    pub(crate) fn key_revoked(&mut self, merchant: u32, revoked: &KeyRevokedV1, findings: &mut Findings) {
        let found = self.keys.get_mut(&revoked.key).filter(|key| key.merchant == merchant);
        let was_good = found.is_some_and(|key| !std::mem::replace(&mut key.is_revoked, true));
        findings.check(Invariant::J4, was_good, || {
            format!("key {} was not a good key of merchant {merchant}", revoked.key)
        });
    }
}
