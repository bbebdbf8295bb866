//! The simulated world: the merchant as it would be, and the rules that hold in it.

use super::outcome::RulesText;
use super::policies::NewPolicies;
use super::tally::Strayed;
use crate::ask::OrderSaid;
use crate::route::was_sold_before;
use crate::routing::Format;
use crate::translate::policy_of;
use crate::turn::Merchant;
use onhand_domain::command::{Confirm, PlaceOrder};
use onhand_domain::event::{ChannelPut, HoldsEnded, ProfilePut, Routed};
use onhand_domain::hold::EndCause;
use onhand_domain::merchant::Channel;
use onhand_domain::money::Currency;
use onhand_domain::order::{Agreed, Policy};
use onhand_domain::routing::profile::{Profile, RateCard};
use onhand_domain::sku::SkuActor;
use onhand_domain::{ChannelNumber, Command, Event, HoldId, OrderId, ProfileNumber, Rejection, SkuNumber};
use onhand_record::order::OrderAskedV1;
use onhand_snapshots::Lsn;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rules to try, and for whom.
#[derive(Debug)]
pub(super) struct NewRules {
    pub(super) text: RulesText,
    pub(super) currency: Option<Currency>,
    profile: Arc<Profile>,
    /// `None` is each channel that has a profile at the time.
    channels: Option<Vec<ChannelNumber>>,
}

impl NewRules {
    pub(super) fn new(
        (name, text, format): (&str, &str, Format),
        profile: Arc<Profile>,
        channels: Option<Vec<ChannelNumber>>,
        currency: Option<Currency>,
    ) -> Self {
        let text = RulesText { name: name.into(), text: text.into(), format };
        Self { text, currency, profile, channels }
    }

    /// What shipments are priced by.
    pub(super) fn card(&self) -> Option<&RateCard> {
        self.profile.rate_cards.first()
    }

    fn is_for(&self, channel: ChannelNumber, recorded: Option<ProfileNumber>) -> bool {
        self.channels.as_ref().map_or(recorded.is_some(), |channels| channels.contains(&channel))
    }
}

/// What is tried.
#[derive(Clone, Default)]
pub(super) struct Trial {
    pub(super) rules: Option<Arc<NewRules>>,
    pub(super) policies: Option<Arc<NewPolicies>>,
}

/// An order as it was asked.
pub(super) struct AskedOrder<'a> {
    pub(super) asked: &'a OrderAskedV1<'a>,
    pub(super) lines: &'a [(SkuNumber, u32)],
    /// The hold that it confirmed, or would have: one that was live then.
    pub(super) hold: Option<HoldId>,
    pub(super) said: Option<OrderSaid>,
    /// What of it was agreed beyond its policy; of one that was refused nothing was.
    pub(super) agreed: Agreed,
}

/// See the module.
pub(super) struct Simulated {
    pub(super) merchant: Merchant,
    pub(super) strayed: Strayed,
    rules: Option<Arc<NewRules>>,
    /// The number of the new profile here.
    own: ProfileNumber,
    /// The numbers here of the log's profiles, by theirs.
    numbers: Vec<ProfileNumber>,
    /// Policies to try.
    pub(super) policies: Option<Arc<NewPolicies>>,
    /// SKUs of which those are still to be stated.
    pub(super) terms_due: BTreeSet<SkuNumber>,
    /// Live holds that are no more as recorded, since an order confirmed them that was refused here. Nothing in the log ends
    /// them, so their deadlines do.
    left_behind: BTreeSet<(u64, HoldId)>,
}

impl Simulated {
    /// The world as it is recorded up to a record, with the new rules from then on.
    pub(super) fn fork(recorded: &Merchant, Trial { rules, policies }: Trial, lsn: Lsn) -> Self {
        let Merchant { number, ref state, ref directory, at, poisoned } = *recorded;
        let count = u16::try_from(directory.profile_count()).unwrap_or(u16::MAX);
        let merchant =
            Merchant { number, state: state.clone(), directory: Arc::clone(directory), at, poisoned };
        let mut world = Self {
            merchant,
            strayed: Strayed::default(),
            own: ProfileNumber(count),
            numbers: (0..count).map(ProfileNumber).collect(),
            rules,
            policies,
            terms_due: BTreeSet::new(),
            left_behind: BTreeSet::new(),
        };
        if let Some(rules) = world.rules.clone() {
            let (profile, rules) = (world.own, Arc::clone(&rules.profile));
            world.evolve(lsn, &Event::ProfilePut(ProfilePut { profile, is_new: true, rules }));
        }
        world.change_channels(lsn);
        world.change_skus(lsn);
        // Those who wait may be served otherwise, before anybody else asks.
        world.serve_waiting(lsn, recorded);
        world
    }

    /// Gives the channels that are there the profiles and policies that they have here.
    fn change_channels(&mut self, lsn: Lsn) {
        let count = u16::try_from(self.merchant.state.channel_count()).unwrap_or(u16::MAX);
        for channel in (0..count).map(ChannelNumber) {
            let Some(now) = self.merchant.state.channel(channel) else { continue };
            let Channel { locations, policy, stock_policy, rank, profile } = now.clone();
            let is_new = false;
            let recorded = ChannelPut { channel, is_new, locations, policy, stock_policy, rank, profile };
            let profile = self.profile_of(channel, profile);
            let put = self.stated(ChannelPut { profile, ..recorded.clone() });
            if put != recorded {
                self.evolve(lsn, &Event::ChannelPut(put));
            }
        }
    }

    /// What is stated of a channel here.
    pub(super) fn stated(&self, put: ChannelPut) -> ChannelPut {
        match &self.policies {
            Some(policies) => policies.channel(put),
            None => put,
        }
    }

    /// The profile here of a channel that has this one as recorded.
    pub(super) fn profile_of(
        &self,
        channel: ChannelNumber,
        recorded: Option<ProfileNumber>,
    ) -> Option<ProfileNumber> {
        if self.rules.as_ref().is_some_and(|rules| rules.is_for(channel, recorded)) {
            return Some(self.own);
        }
        recorded.and_then(|profile| self.numbers.get(profile.row()).copied())
    }

    /// The number here of a profile of the log; a new one if it has none.
    pub(super) fn number_of(&mut self, recorded: ProfileNumber) -> ProfileNumber {
        if let Some(number) = self.numbers.get(recorded.row()) {
            return *number;
        }
        // The new profile has the number that the next one of the log would have had.
        let number = ProfileNumber(recorded.0.saturating_add(u16::from(self.rules.is_some())));
        self.numbers.push(number);
        number
    }

    /// The rules that decided here: the new ones, or those of this number in the log.
    pub(super) fn rules_of(&self, routed: &Routed) -> Result<&RulesText, ProfileNumber> {
        match &self.rules {
            Some(rules) if routed.profile == self.own => Ok(&rules.text),
            _ => {
                let place = self.numbers.iter().position(|number| *number == routed.profile);
                let number = place.and_then(|place| u16::try_from(place).ok());
                Err(number.map_or(routed.profile, ProfileNumber))
            }
        }
    }

    /// What becomes of an order here. One whose hold is not live here is decided like any other.
    pub(super) fn decide(&self, order: &AskedOrder<'_>) -> Result<Event, Rejection> {
        let AskedOrder { asked, lines, hold, ref said, agreed } = *order;
        let hold = hold.map(|hold| Confirm { hold, or_reserve: true });
        let channel = ChannelNumber(asked.channel);
        let is_late = was_sold_before(self.merchant.state.exposure(channel), asked);
        let policy = if is_late { Some(Policy::Imposed) } else { asked.policy.map(policy_of) };
        let place = PlaceOrder { channel, policy, agreed, lines, hold, route: None };
        self.merchant.decide_place(place, said.as_ref(), || Some(asked))
    }

    /// Notes a hold that has ended as recorded; it may be live here.
    pub(super) fn leave_behind(&mut self, hold: HoldId) {
        if let Some(live) = self.merchant.state.hold(hold) {
            self.left_behind.insert((live.deadline, hold));
        }
    }

    /// Ends holds that were left behind, once their deadlines have come; and cancels what waits beyond its date in this world
    /// only, which no record tells.
    pub(super) fn expire(&mut self, lsn: Lsn, at: u64, recorded: &Merchant) {
        self.lapse_here(lsn, at, recorded);
        while let Some((_, hold)) = self.left_behind.first().copied().filter(|(deadline, _)| *deadline <= at)
        {
            self.left_behind.pop_first();
            self.end_holds(lsn, &HoldsEnded { holds: vec![hold], cause: EndCause::Expired });
        }
    }

    fn lapse_here(&mut self, lsn: Lsn, at: u64, recorded: &Merchant) {
        let due = self.merchant.state.lapses().take_while(|(date, _)| *date <= at);
        let due: Vec<(u64, OrderId)> = due.filter(|(_, order)| !recorded.state.has_lapse(*order)).collect();
        for (date, order) in due {
            self.lapse(lsn, order, date);
        }
    }

    /// Cancels what waits of an order here, whose date has come.
    pub(super) fn lapse(&mut self, lsn: Lsn, order: OrderId, date: u64) {
        if let Some(event) = self.merchant.state.lapse(order, date) {
            self.evolve(lsn, &event);
        }
    }

    /// Serves those who wait where it would come by itself: where no pass is under way as recorded, whose end the log tells.
    pub(super) fn serve_waiting(&mut self, lsn: Lsn, recorded: &Merchant) {
        while let Some(sku) = self.own_pass(recorded) {
            if self.perform(lsn, &Command::FillBacklog(sku)).is_err() {
                return;
            }
        }
    }

    /// A SKU for which a pass is under way in this world only.
    fn own_pass(&self, recorded: &Merchant) -> Option<SkuNumber> {
        let has_pass = |sku: &SkuNumber| {
            let backlog = recorded.state.sku(*sku).and_then(SkuActor::backlog);
            backlog.is_some_and(|backlog| backlog.pass().is_some())
        };
        self.merchant.state.passes().find(|sku| !has_pass(sku))
    }

    /// Does something if it can be done.
    pub(super) fn perform(&mut self, lsn: Lsn, command: &Command<'_>) -> Result<(), Rejection> {
        let event = self.merchant.state.decide(command)?;
        self.evolve(lsn, &event);
        Ok(())
    }

    pub(super) fn evolve(&mut self, lsn: Lsn, event: &Event) {
        self.merchant.state.evolve(OrderId(lsn.0), event);
    }
}
