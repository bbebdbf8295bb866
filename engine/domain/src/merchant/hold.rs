//! Placing, extending and ending holds.

use super::MerchantState;
use super::place::{check_lines, hand_out, shortfalls, sum_needs};
use super::promise::Asking;
use crate::command::{ExtendHold, PlaceHold};
use crate::event::{Event, HoldExtended, HoldPlaced, HoldsEnded};
use crate::hold::{
    ENDED_ROWS_MAX, ENDED_TOGETHER_MAX, EXTENSIONS_MAX, EndCause, HOLDS_PER_CUSTOMER_MAX, HOLDS_PER_KEY_MAX,
    Hold, Holder,
};
use crate::id::{HoldId, SkuNumber};
use crate::quantity::QUANTITY_MAX;
use crate::rejection::Rejection;
use crate::routing::Take;
use crate::sku::Owner;
use alloc::vec::Vec;

impl MerchantState {
    /// A live hold.
    #[must_use]
    pub fn hold(&self, hold: HoldId) -> Option<&Hold> {
        self.holds.get(&hold)
    }

    /// How many holds are live.
    #[must_use]
    pub fn live_holds(&self) -> usize {
        self.holds.len()
    }

    /// All live holds, the oldest first.
    pub fn holds(&self) -> impl Iterator<Item = (HoldId, &Hold)> {
        self.holds.iter().map(|(id, hold)| (*id, hold))
    }

    /// Holds whose deadline has come at this time, a bounded number of them.
    pub(super) fn due_holds(&self, at: u64) -> Option<Event> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= at);
        let mut rows = 0;
        let fits = |hold: &HoldId| {
            let fits = rows < ENDED_ROWS_MAX;
            rows += self.hold(*hold).map_or(0, |hold| hold.units.len());
            fits
        };
        let holds = due.map(|(_, hold)| *hold).take(ENDED_TOGETHER_MAX).take_while(fits);
        let holds: Vec<HoldId> = holds.collect();
        (!holds.is_empty()).then_some(Event::HoldsEnded(HoldsEnded { holds, cause: EndCause::Expired }))
    }

    pub(super) fn decide_place_hold(&self, place: &PlaceHold<'_>) -> Result<Event, Rejection> {
        check_lines(place.lines)?;
        self.check_holdable(place.lines)?;
        let (needs, need_of) = sum_needs(place.lines);
        let is_too_much = |need: &usize| needs[*need].quantity > QUANTITY_MAX.into();
        if let Some(index) = need_of.iter().position(is_too_much) {
            let quantity = needs[need_of[index]].quantity;
            return Err(Rejection::QuantityOutOfRange { index, quantity, max: QUANTITY_MAX });
        }
        let (channel, deadline, customer, key) = (place.channel, place.deadline, place.customer, place.key);
        let units = needs.iter().map(|need| (need.sku, u32::try_from(need.quantity).unwrap_or(QUANTITY_MAX)));
        let mut units: Vec<(SkuNumber, u32)> = units.collect();
        units.sort_unstable();
        let hold = Hold { channel, deadline, extensions: 0, customer, key, units };
        self.check_holders(&hold)?;
        // A hold has no place: what each line gets is all that is said of it.
        let takes: Vec<Take> = (0..)
            .zip(&needs)
            .map(|(number, need)| {
                let asks = Asking::selling(Some(place.lines));
                let quantity = self.promise_to_order(need.sku, channel, asks).total().min(need.quantity);
                Take { need: number, location: crate::id::LocationNumber(0), quantity }
            })
            .collect();
        let handed = hand_out(place.lines, &need_of, &takes);
        let shortfalls = shortfalls(place.lines, &handed);
        if shortfalls.is_empty() {
            Ok(Event::HoldPlaced(HoldPlaced { hold }))
        } else {
            Err(Rejection::InsufficientStock { shortfalls, routed: None })
        }
    }

    fn check_holders(&self, hold: &Hold) -> Result<(), Rejection> {
        for holder in hold.holders() {
            let live = self.holders.get(&holder).copied().unwrap_or(0);
            let (what, max) = match holder {
                Holder::Customer(_) => ("customer", HOLDS_PER_CUSTOMER_MAX),
                Holder::Key(_) => ("key", HOLDS_PER_KEY_MAX),
            };
            if live >= max {
                return Err(Rejection::TooManyHolds { what, live, max });
            }
        }
        Ok(())
    }

    pub(super) fn decide_extend_hold(&self, extend: ExtendHold) -> Result<Event, Rejection> {
        let ExtendHold { hold, deadline } = extend;
        let live = self.hold(hold).ok_or(Rejection::HoldEnded { hold })?;
        if live.extensions >= EXTENSIONS_MAX {
            return Err(Rejection::TooManyExtensions { max: EXTENSIONS_MAX });
        }
        // An extension never takes time away.
        let deadline = deadline.max(live.deadline);
        Ok(Event::HoldExtended(HoldExtended { hold, deadline }))
    }

    pub(super) fn decide_release_hold(&self, hold: HoldId) -> Result<Event, Rejection> {
        self.hold(hold).ok_or(Rejection::HoldEnded { hold })?;
        Ok(Event::HoldsEnded(HoldsEnded { holds: [hold].into(), cause: EndCause::Released }))
    }

    pub(super) fn evolve_hold_placed(&mut self, id: HoldId, placed: &HoldPlaced) {
        self.sell_held(&placed.hold);
        let owner = Owner { channel: placed.hold.channel, order: id.order() };
        for (sku, quantity) in &placed.hold.units {
            self.sku_mut(*sku).hold(owner, *quantity);
        }
        self.insert_hold(id, placed.hold.clone());
    }

    /// Notes a hold whose units are kept already.
    pub(super) fn insert_hold(&mut self, id: HoldId, hold: Hold) {
        for holder in hold.holders() {
            *self.holders.entry(holder).or_insert(0) += 1;
        }
        self.deadlines.insert((hold.deadline, id));
        self.holds.insert(id, hold);
    }

    pub(super) fn evolve_hold_extended(&mut self, extended: &HoldExtended) {
        let Some(hold) = self.holds.get_mut(&extended.hold) else { panic!("I5: the hold is not live") };
        self.deadlines.remove(&(hold.deadline, extended.hold));
        hold.deadline = extended.deadline;
        hold.extensions += 1;
        self.deadlines.insert((extended.deadline, extended.hold));
    }

    pub(super) fn evolve_holds_ended(&mut self, ended: &HoldsEnded) {
        for id in &ended.holds {
            if let Some(hold) = self.hold(*id).filter(|_| !self.granted.is_empty()).cloned() {
                self.take_back(*id, &hold, |_| 0);
            }
            self.end_hold(*id);
        }
    }

    /// A hold is no more. Its units may serve who waits.
    pub(super) fn end_hold(&mut self, id: HoldId) {
        let Some(hold) = self.holds.remove(&id) else { panic!("I5: the hold is not live") };
        self.deadlines.remove(&(hold.deadline, id));
        for holder in hold.holders() {
            if let Some(live) = self.holders.get_mut(&holder) {
                *live -= 1;
                if *live == 0 {
                    self.holders.remove(&holder);
                }
            }
        }
        let owner = Owner { channel: hold.channel, order: id.order() };
        for (sku, quantity) in &hold.units {
            self.sku_mut(*sku).end_hold(owner, *quantity);
            self.note_backlog(*sku);
        }
    }
}
