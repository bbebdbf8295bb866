//! What a merchant does that nobody asks for: what is due ends, and who waits is served. What fails of it for good would fail
//! each time again, and keep back whatever comes behind it: such a merchant is not served, and whoever runs the engine is told.

use super::{Merchant, NotWritten, Tools};
use crate::metrics::count;
use crate::translate::{Named, encode_body, kind_of, version_of};
use onhand_domain::{Event, MerchantState};
use onhand_snapshots::Lsn;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Records of what is due before one submission: some milliseconds at the most; the next submission goes on.
const ENDINGS_PER_TURN: usize = 8;

impl Merchant {
    /// Lets holds end whose deadline has come, and cancels what waits beyond its date: whatever is decided next finds it so.
    /// As long as the log takes no record of it nothing is decided, and reads show it as it was; so too, a turn, where more
    /// is due than one may end.
    pub(super) fn end_due(&mut self, tools: &mut Tools<'_>) -> Result<(), NotWritten> {
        let at = tools.trusted_ms;
        for _ in 0..ENDINGS_PER_TURN {
            if !self.state.is_due(at) {
                return Ok(());
            }
            self.do_own(|state| state.due(at), tools)?;
        }
        if self.state.is_due(at) { Err(NotWritten::Busy) } else { Ok(()) }
    }

    /// Lets happen what is due, where nobody asks. What the log does not take now is still due then.
    pub(crate) fn expire(&mut self, tools: &mut Tools<'_>) {
        let _busy = self.end_due(tools);
    }

    /// Whether the system has work of its own for this merchant.
    pub(crate) fn has_work(&self) -> bool {
        !self.poisoned && self.state.next_work().is_some()
    }

    /// The system's own work for this merchant, if there is some: one step of it. `false` if none was done. What is over by
    /// now is not served any more.
    pub(crate) fn work(&mut self, tools: &mut Tools<'_>) -> bool {
        if self.poisoned {
            return false;
        }
        let at = tools.trusted_ms;
        if self.state.is_due(at) {
            return self.do_own(|state| state.due(at), tools).is_ok();
        }
        let Some(command) = self.state.next_work() else { return false };
        self.do_own(|state| state.decide(&command).ok(), tools).is_ok()
    }

    /// Decides what the system does on its own, writes it down, and lets it happen.
    fn do_own(
        &mut self,
        decide: impl FnOnce(&MerchantState) -> Option<Event>,
        tools: &mut Tools<'_>,
    ) -> Result<(), NotWritten> {
        let Ok(Some(event)) = catch_unwind(AssertUnwindSafe(|| decide(&self.state))) else {
            self.distrust(tools.appender.last(), "its own work cannot be decided");
            return Err(NotWritten::Failed);
        };
        let written = self.write_own(&event, tools);
        if let Err(NotWritten::Failed) = written {
            self.distrust(tools.appender.last(), "its own work cannot be written");
        }
        let lsn = written?;
        self.remember_closed(&event, lsn, tools.keys);
        count(&event);
        self.evolve(lsn, &event, &Named::Nothing);
        if self.poisoned { Err(NotWritten::Failed) } else { Ok(()) }
    }

    /// A full log is no loss: the work is still there next time.
    fn write_own(&mut self, event: &Event, tools: &mut Tools<'_>) -> Result<Lsn, NotWritten> {
        // What is due by the trusted time is so by the record's, too, also where the clock runs behind that.
        let now_ms = tools.now_ms.max(tools.trusted_ms);
        let header = self.header(kind_of(event), version_of(event, None), None, now_ms);
        tools.buffer.clear();
        header.encode_into(tools.buffer);
        encode_body(event, None, 0, tools.claims, tools.buffer)?;
        Ok(tools.appender.append(&[tools.buffer])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;
    use crate::keys::Keys;
    use onhand_domain::order::{
        Agreed, CLAIMS_MAX, Claim, ClaimState, Demand, KIT_CLAIMS_MAX, Line, Order, Part, Policy,
    };
    use onhand_domain::sku::{Level, SkuActor};
    use onhand_domain::{ChannelNumber, LocationNumber, MerchantNumber, OrderId, SkuNumber};
    use onhand_snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN};
    use onhand_snapshots::storage::SimStorage;
    use std::sync::Arc;

    /// Units of each claim: a number that takes as many bytes as one can.
    const UNITS: u32 = 70_000;
    const DATE: u64 = 9;

    /// A line with so many claims, of which two units wait until the date; of kits, half of the claims on a second part.
    fn order(claims: usize, part: Option<Part>) -> Order {
        let location = |place: usize| LocationNumber(u16::MAX - u16::try_from(place).unwrap());
        let claim = |demand, place| {
            let (location, state) = (location(place), ClaimState::Allocated);
            Claim { demand, location, state, quantity: UNITS }
        };
        let parts = 1 + u16::from(part.is_some());
        let each = claims / usize::from(parts);
        let demands = (0..parts).map(|sku| Demand { part, ..Demand::plain(SkuNumber(sku.into()), 0, 2) });
        let ordered = u32::try_from(each).unwrap() * UNITS + 2;
        Order {
            id: OrderId(1),
            channel: ChannelNumber(0),
            policy: Policy::Backorder,
            lines: [Line::new(ordered)].into_iter().collect(),
            demands: demands.collect(),
            claims: (0..parts).flat_map(|part| (0..each).map(move |place| claim(part, place))).collect(),
        }
    }

    fn merchant(order: Order) -> Merchant {
        let number = MerchantNumber(1);
        let mut state = MerchantState::restored(Vec::new(), Vec::new());
        let level = |location| Level::restored(LocationNumber(location), u32::MAX, 0, 0);
        for _ in &order.demands {
            state.restore_sku(SkuActor::restored(0, true, (0..=u16::MAX).map(level)));
        }
        let agreed = Agreed { cancel_after: Some(DATE), ..Agreed::NONE };
        state.restore_order(order);
        state.restore_agreed(OrderId(1), agreed);
        Merchant { number, state, directory: Arc::new(Directory::new(number)), at: 0, poisoned: false }
    }

    /// How many records there are after the date has come.
    fn expire(merchant: &mut Merchant) -> Lsn {
        let options = LogOptions { cluster: [1; 16], segment_bytes: SEGMENT_BYTES_MIN };
        let log = Log::open(Arc::new(SimStorage::default()), options, Lsn(1), &mut |_, _| Ok(())).unwrap();
        let (mut keys, mut buffer, mut claims) = (Keys::default(), Vec::new(), Vec::new());
        let (keys, buffer, claims) = (&mut keys, &mut buffer, &mut claims);
        let mut tools =
            Tools { appender: &log.appender, keys, buffer, claims, now_ms: DATE, trusted_ms: DATE };
        merchant.expire(&mut tools);
        log.appender.last()
    }

    #[test]
    fn a_record_holds_what_lapses_of_an_order_with_as_many_claims_as_it_may_have() {
        const PART: Part = Part { per_kit: 1, shipped: 0 };
        for (claims, part) in [(CLAIMS_MAX, None), (KIT_CLAIMS_MAX, Some(PART))] {
            let mut merchant = merchant(order(claims, part));
            assert_eq!(expire(&mut merchant), Lsn(1), "{claims} claims");
            assert!(!merchant.poisoned);
            assert_eq!(merchant.state.order(OrderId(1)).unwrap().waiting(), 0);
        }
    }

    #[test]
    fn a_merchant_of_whom_no_record_holds_what_is_due_is_not_served() {
        let mut order = order(CLAIMS_MAX, None);
        let few = |claim: &Claim| Claim { quantity: 1, ..*claim };
        let more: Vec<Claim> = order.claims.iter().map(few).cycle().take(4 * CLAIMS_MAX).collect();
        order.lines[0].ordered += u32::try_from(more.len()).unwrap();
        order.claims.extend(more);
        let mut merchant = merchant(order);
        assert_eq!(expire(&mut merchant), Lsn::ZERO);
        assert!(merchant.poisoned);
    }

    #[test]
    fn a_merchant_of_whom_cannot_be_decided_what_is_due_is_not_served() {
        let mut merchant = merchant(order(1, None));
        // A second date, of which the first does not know: when that has come, nothing waits for this one.
        let agreed = Agreed { cancel_after: Some(DATE - 1), ..Agreed::NONE };
        merchant.state.restore_agreed(OrderId(1), agreed);
        assert_eq!(expire(&mut merchant), Lsn(1));
        assert!(merchant.poisoned);
    }
}
