//! The turn: the heart of the engine. Decide, append, evolve.
//!
//! ```text
//! seen this key?   keys       the first answer, or go on
//! decide           domain     pure; nothing has changed
//! append           log        may refuse; still nothing has changed
//! evolve           domain     cannot fail
//! file the answer  completion handed out when the record is durable
//! ```
//! The state runs ahead of the disk, the answers do not: whoever sees a state that is not yet durable
//! appends behind it, so a crash that loses the one loses the other too.

mod own;

use crate::ask::{
    Answer, Ask, CancelAsk, ExtendAsk, HoldAsk, ReadAsk, RepeatAsk, ShipAsk, StockAsk, Submission,
};
use crate::completion::Item;
use crate::directory::Directory;
use crate::keys::{Asked, KeyKind, Keys, Sighting, hash_of, order_key};
use crate::metrics::count;
use crate::refusal::refusal_of;
use crate::seen::closes;
use crate::translate::{Named, OrderEnd, Told, encode_body, kind_of, version_of};
use onhand_domain::command::{AcknowledgeGrant, CancelOrder, ExtendHold, PlaceHold, SetGrant, ShipOrder};
use onhand_domain::event::OrderAccepted;
use onhand_domain::rejection::Shortfall;
use onhand_domain::{Command, Event, MerchantNumber, MerchantState, OrderId, Rejection};
use onhand_record::admin::CommandRefusedV1;
use onhand_record::order::{ClaimV1, OrderRefusedV1, RepeatAnsweredV1, ShortfallV1};
use onhand_record::{EncodeError, Header, Kind, VERSION, encode_into};
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{AppendError, Appender};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// One merchant as its shard holds it.
pub(crate) struct Merchant {
    pub(crate) number: MerchantNumber,
    pub(crate) state: MerchantState,
    pub(crate) directory: Arc<Directory>,
    /// The last time stamped into one of its records.
    pub(crate) at: u64,
    /// Its state contradicted itself; it is not served.
    pub(crate) poisoned: bool,
}

/// What a turn needs besides the merchant.
pub(crate) struct Tools<'a> {
    pub(crate) appender: &'a Appender,
    pub(crate) keys: &'a mut Keys,
    /// The record being written; kept to be used again.
    pub(crate) buffer: &'a mut Vec<u8>,
    /// The claims of that record; likewise.
    pub(crate) claims: &'a mut Vec<ClaimV1>,
    /// What the next record is stamped with.
    pub(crate) now_ms: u64,
    /// The time by which deadlines pass.
    pub(crate) trusted_ms: u64,
}

/// The keys of a submission.
#[derive(Default)]
pub(crate) struct AskedKeys {
    idempotency: Option<Asked>,
    /// The external id of an order.
    external: Option<Asked>,
}

/// An answer and the record it rests on.
pub(crate) struct Turned {
    pub(crate) answer: Answer,
    pub(crate) until: Lsn,
}

/// Why a record was not written. Nothing has changed.
enum NotWritten {
    Busy,
    NoRoom,
    Failed,
}

impl From<AppendError> for NotWritten {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full { .. } | AppendError::Closed => Self::Busy,
            AppendError::NoRoom { .. } => Self::NoRoom,
            AppendError::TooLong { .. } => Self::Failed,
        }
    }
}

impl From<EncodeError> for NotWritten {
    fn from(_: EncodeError) -> Self {
        Self::Failed
    }
}

impl From<NotWritten> for Answer {
    fn from(not_written: NotWritten) -> Self {
        match not_written {
            NotWritten::Busy => Self::Busy,
            NotWritten::NoRoom => Self::NoRoom,
            NotWritten::Failed => Self::Failed,
        }
    }
}

impl Merchant {
    /// One submission, from key to answer.
    pub(crate) fn turn(
        &mut self,
        submission: &mut Submission,
        asked: &AskedKeys,
        tools: &mut Tools<'_>,
    ) -> Turned {
        let is_held = tools.keys.holds.is_held(submission.request, submission.stage);
        if self.poisoned {
            return Turned { answer: Answer::Poisoned, until: Lsn::ZERO };
        }
        let ended = self.end_due(tools);
        if self.poisoned {
            return Turned { answer: Answer::Poisoned, until: Lsn::ZERO };
        }
        if let Ask::Read(read) = &submission.ask {
            return self.read(read, tools);
        }
        if let Err(not_written) = ended {
            return Turned { answer: not_written.into(), until: Lsn::ZERO };
        }
        // What was answered before names nothing anew.
        let names_things = !matches!(submission.ask, Ask::AnswerRepeat(_));
        if names_things && submission.names != self.directory.names() {
            return Turned { answer: Answer::Renamed, until: Lsn::ZERO };
        }
        match self.seen(submission, asked, tools.keys) {
            (Sighting::No, _) if is_held => {
                let submission = Box::new(submission.take());
                return Turned { answer: Answer::Behind { submission }, until: Lsn::ZERO };
            }
            (Sighting::No, _) => {}
            (Sighting::At(lsn), by_key) => {
                let submission = Box::new(submission.take());
                return Turned { answer: Answer::Repeats { lsn, by_key, submission }, until: lsn };
            }
            (Sighting::Perhaps(hash), by_key) => {
                tools.keys.holds.hold(submission.request, submission.stage);
                let submission = Box::new(submission.take());
                return Turned { answer: Answer::Perhaps { hash, by_key, submission }, until: Lsn::ZERO };
            }
        }
        let turned = match submission.ask {
            Ask::AnswerRepeat(repeat) => self.answer_repeat(repeat, submission, asked, tools),
            _ => match self.decide(submission, tools.trusted_ms) {
                Err(Panicked) => Err(NotWritten::Failed),
                Ok(Ok(event)) => self.commit(event, submission, asked, tools),
                Ok(Err(rejection)) => Ok(self.refuse(rejection, submission, asked, tools)),
            },
        };
        turned.unwrap_or_else(|not_written| Turned { answer: not_written.into(), until: Lsn::ZERO })
    }

    fn read(&self, read: &ReadAsk, tools: &Tools<'_>) -> Turned {
        let until = tools.appender.last();
        let read = catch_unwind(AssertUnwindSafe(|| crate::read::read(self, read, tools.keys)));
        match read {
            Ok(read) => Turned { answer: Answer::Read { lsn: until, read }, until },
            Err(_) => Turned { answer: Answer::Failed, until: Lsn::ZERO },
        }
    }

    /// Asks for the keys of a batch, and looks at what else its turns will look at. Each turn would wait for memory
    /// several times, one after the other; in loops that do nothing else the waits overlap.
    pub(crate) fn look_ahead(&self, items: &[Item], keys: &Keys, asked: &mut Vec<AskedKeys>) {
        asked.clear();
        asked.extend(items.iter().map(|item| match item.submission() {
            Some(submission) => self.ask_keys(submission, keys),
            None => AskedKeys::default(),
        }));
        for asked in asked.iter().flat_map(|asked| [asked.idempotency, asked.external]).flatten() {
            keys.approach(asked);
        }
        for submission in items.iter().filter_map(Item::submission) {
            self.approach(&submission.ask);
        }
    }

    fn ask_keys(&self, submission: &Submission, keys: &Keys) -> AskedKeys {
        let known = submission.known.as_deref();
        let ask =
            |kind, key| keys.ask(hash_of(self.number, kind, key), known.map(|known| known.findings(kind)));
        let external = match &submission.ask {
            Ask::PlaceOrder(order) => Some(ask(KeyKind::External, &order.external)),
            _ => None,
        };
        let idempotency = submission.idempotency.as_ref().map(|key| ask(KeyKind::Idempotency, key));
        AskedKeys { idempotency, external }
    }

    fn approach(&self, ask: &Ask) {
        let Ask::PlaceOrder(order) = ask else { return };
        black_box(order.asked.first().copied());
        self.state.approach(order.lines.iter().map(|(sku, _)| *sku));
    }

    /// Whether the key was seen, and else, of an order, the external id.
    fn seen(&self, submission: &Submission, asked: &AskedKeys, keys: &Keys) -> (Sighting, bool) {
        let known = submission.known.as_deref();
        let look = |kind, asked| keys.look(asked, known.map(|known| known.findings(kind)));
        let by_key = asked.idempotency.map(|asked| look(KeyKind::Idempotency, asked));
        if let Some(sighting) = by_key.filter(|sighting| *sighting != Sighting::No) {
            return (sighting, true);
        }
        let by_id = asked.external.map(|asked| look(KeyKind::External, asked));
        (by_id.unwrap_or(Sighting::No), false)
    }

    fn decide(&self, submission: &Submission, now_ms: u64) -> Result<Result<Event, Rejection>, Panicked> {
        let directory = &self.directory;
        catch_unwind(AssertUnwindSafe(|| match &submission.ask {
            Ask::PutLocation(ask) => {
                let location = directory.location(&ask.code);
                self.state.decide(&Command::PutLocation(ask.command(location)))
            }
            Ask::PutChannel(ask) => {
                self.state.decide(&Command::PutChannel(ask.command(directory.channel(&ask.code))))
            }
            Ask::PutSku(ask) => {
                let sku = directory.sku(&ask.code).map(|name| name.number);
                self.state.decide(&Command::PutSku(ask.command(sku)))
            }
            Ask::MoveStock(StockAsk { sku, location, movement, .. }) => {
                self.state.decide(&movement.command(*sku, *location))
            }
            Ask::PutProfile(ask) => self.decide_profile(ask),
            Ask::PlaceOrder(ask) => self.decide_order(ask),
            Ask::PlaceHold(ask) => {
                let HoldAsk { channel, customer, ref lines, .. } = **ask;
                let (deadline, key) = (now_ms.saturating_add(ask.ttl_ms), submission.actor);
                self.state.decide(&Command::PlaceHold(PlaceHold { channel, deadline, customer, key, lines }))
            }
            Ask::ExtendHold(ExtendAsk { hold, ttl_ms }) => {
                let (hold, deadline) = (*hold, now_ms.saturating_add(*ttl_ms));
                self.state.decide(&Command::ExtendHold(ExtendHold { hold, deadline }))
            }
            Ask::ReleaseHold(hold) => self.state.decide(&Command::ReleaseHold(*hold)),
            Ask::PutExposure(put) => self.state.decide(&Command::PutExposure(*put)),
            Ask::SetGrant(set) => self.state.decide(&Command::SetGrant(*set)),
            Ask::AcknowledgeGrant(acknowledge) => self.state.decide(&Command::AcknowledgeGrant(*acknowledge)),
            Ask::PassFeed(pass) => self.decide_pass(*pass, now_ms),
            Ask::CancelOrder(CancelAsk { order, lines, .. }) => self
                .state
                .decide(&Command::CancelOrder(CancelOrder { order: *order, lines: lines.as_deref() })),
            Ask::ShipOrder(ShipAsk { order, location, lines, .. }) => {
                let (order, location, at) = (*order, *location, now_ms);
                self.state.decide(&Command::ShipOrder(ShipOrder { order, location, lines, at }))
            }
            Ask::AnswerRepeat(_) | Ask::Read(_) => Err(Rejection::NothingWaits),
        }))
        .map_err(|_| Panicked)
    }

    /// Writes the event down, lets it happen, and says so.
    fn commit(
        &mut self,
        event: Event,
        submission: &mut Submission,
        asked: &AskedKeys,
        tools: &mut Tools<'_>,
    ) -> Result<Turned, NotWritten> {
        let version = version_of(&event, Some(&submission.ask));
        // What a date allowed by the trusted time it allows by the record's, too, also where the clock runs behind that.
        let now_ms = match event {
            Event::OrderShipped(_) => tools.now_ms.max(tools.trusted_ms),
            _ => tools.now_ms,
        };
        let header = self.header(kind_of(&event), version, Some(submission), now_ms);
        tools.buffer.clear();
        header.encode_into(tools.buffer);
        let decimals = self.decimals(&submission.ask);
        encode_body(&event, Some(&submission.ask), decimals, tools.claims, tools.buffer)?;
        let lsn = tools.appender.append(&[tools.buffer])?;
        self.remember(asked, &event, lsn, tools.keys);
        count(&event);
        let exposed = self.exposed_by(&event);
        self.tell_if_late(&submission.ask);
        self.evolve(lsn, &event, &Named::from(&submission.ask));
        self.tell_exposed(&event, exposed);
        let answer = match event {
            // What was decided is in the log, and is said once a state that can be trusted says it too.
            _ if self.poisoned => Answer::Poisoned,
            Event::OrderAccepted(OrderAccepted { policy, kits, claims, .. }) => {
                Answer::Accepted { lsn, asked: take_asked(&mut submission.ask), policy, kits, claims }
            }
            _ => Answer::Recorded { lsn, record: tools.buffer.clone() },
        };
        Ok(Turned { answer, until: lsn })
    }

    /// Binds the key of a request that the record of an accepted order answers: there is nothing to decide, and
    /// nothing happens.
    fn answer_repeat(
        &mut self,
        repeat: RepeatAsk,
        submission: &Submission,
        asked: &AskedKeys,
        tools: &mut Tools<'_>,
    ) -> Result<Turned, NotWritten> {
        // Without a key there is nothing to bind, and who asks for it has a defect.
        let key = asked.idempotency.ok_or(NotWritten::Failed)?;
        tools.buffer.clear();
        self.header(Kind::RepeatAnswered, VERSION, Some(submission), tools.now_ms).encode_into(tools.buffer);
        let RepeatAsk { order, conflicts } = repeat;
        encode_into(&RepeatAnsweredV1 { order: order.0, conflicts }, tools.buffer)?;
        let lsn = tools.appender.append(&[tools.buffer])?;
        tools.keys.insert(key.hash, lsn);
        Ok(Turned { answer: Answer::Recorded { lsn, record: tools.buffer.clone() }, until: lsn })
    }

    /// A business "no": logged if it must be the same again, else only said.
    fn refuse(
        &mut self,
        rejection: Rejection,
        submission: &mut Submission,
        asked: &AskedKeys,
        tools: &mut Tools<'_>,
    ) -> Turned {
        let until = tools.appender.last();
        let refusal = refusal_of(&rejection, &self.directory);
        let is_remembered = submission.idempotency.is_some() && refusal.status == 409;
        let shortfalls = match &rejection {
            Rejection::InsufficientStock { shortfalls, .. }
                if matches!(submission.ask, Ask::PlaceOrder(_)) =>
            {
                Some(refused_body(shortfalls))
            }
            _ => None,
        };
        if !is_remembered {
            let answer = match shortfalls {
                Some(refused) => {
                    Answer::Refused { lsn: until, asked: take_asked(&mut submission.ask), refused }
                }
                None => Answer::Rejected { lsn: until, rejection },
            };
            return Turned { answer, until };
        }
        tools.buffer.clear();
        let written = match (&shortfalls, &submission.ask) {
            (Some(refused), Ask::PlaceOrder(ask)) => {
                // One that has ended had no part in what was decided.
                let confirmed =
                    ask.hold.map(|confirm| confirm.hold).filter(|hold| self.state.hold(*hold).is_some());
                let routed = match &rejection {
                    Rejection::InsufficientStock { routed, .. } => routed.as_deref(),
                    _ => None,
                };
                let end = OrderEnd::of_refused(confirmed, routed, ask);
                self.header(Kind::OrderRefused, end.version(), Some(submission), tools.now_ms)
                    .encode_into(tools.buffer);
                tools.buffer.extend_from_slice(&ask.asked);
                encode_into(refused, tools.buffer).and_then(|()| end.encode(tools.buffer))
            }
            _ => {
                self.header(Kind::CommandRefused, VERSION, Some(submission), tools.now_ms)
                    .encode_into(tools.buffer);
                let (status, code, detail) = (refusal.status, refusal.code, &*refusal.detail);
                encode_into(
                    &CommandRefusedV1 { status, code, detail, numbers: refusal.numbers },
                    tools.buffer,
                )
            }
        };
        let appended =
            written.map_err(NotWritten::from).and_then(|()| Ok(tools.appender.append(&[tools.buffer])?));
        match appended {
            Err(not_written) => Turned { answer: not_written.into(), until: Lsn::ZERO },
            Ok(lsn) => {
                if let Some(key) = asked.idempotency {
                    tools.keys.insert(key.hash, lsn);
                }
                let answer = match shortfalls {
                    Some(refused) => Answer::Refused { lsn, asked: take_asked(&mut submission.ask), refused },
                    None => Answer::Recorded { lsn, record: tools.buffer.clone() },
                };
                Turned { answer, until: lsn }
            }
        }
    }

    fn header(&mut self, kind: Kind, version: u8, submission: Option<&Submission>, now_ms: u64) -> Header {
        self.at = self.at.max(now_ms);
        Header {
            kind,
            version,
            merchant: self.number.0,
            at: self.at,
            actor: submission.map_or(0, |submission| submission.actor),
            request: submission.map_or([0; 16], |submission| submission.request),
            idempotency: submission.and_then(|submission| submission.idempotency),
            fingerprint: submission.and_then(|submission| submission.fingerprint),
        }
    }

    fn decimals(&self, ask: &Ask) -> u8 {
        match ask {
            Ask::MoveStock(StockAsk { sku, .. })
            | Ask::SetGrant(SetGrant { sku, .. })
            | Ask::AcknowledgeGrant(AcknowledgeGrant { sku, .. }) => {
                self.state.sku(*sku).map_or(0, onhand_domain::sku::SkuActor::decimals)
            }
            _ => 0,
        }
    }

    fn remember(&self, asked: &AskedKeys, event: &Event, lsn: Lsn, keys: &mut Keys) {
        if let Some(key) = asked.idempotency {
            keys.insert(key.hash, lsn);
        }
        if let (Some(id), Event::OrderAccepted(_)) = (asked.external, event) {
            keys.insert(id.hash, lsn);
        }
        self.remember_closed(event, lsn, keys);
    }

    fn remember_closed(&self, event: &Event, lsn: Lsn, keys: &mut Keys) {
        if let Some(order) = closes(event) {
            keys.insert(hash_of(self.number, KeyKind::Closed, &order_key(order)), lsn);
        }
    }

    /// Lets an event happen. If that contradicts an invariant, the state is not trusted any more.
    fn evolve(&mut self, lsn: Lsn, event: &Event, named: &Named<'_>) {
        let evolved = catch_unwind(AssertUnwindSafe(|| self.apply(lsn, event, named)));
        if evolved.is_err() {
            self.distrust(lsn, "the state contradicted itself");
        }
    }

    /// Lets happen what a record says, likewise.
    pub(crate) fn evolve_told(&mut self, lsn: Lsn, told: Told<'_>) {
        let evolved = catch_unwind(AssertUnwindSafe(|| self.apply_told(lsn, told)));
        if !matches!(evolved, Ok(Ok(()))) {
            self.distrust(lsn, "the state contradicted itself");
        }
    }

    /// Serves the merchant no more, until it was built again from the log.
    fn distrust(&mut self, lsn: Lsn, why: &'static str) {
        self.poisoned = true;
        tracing::error!(merchant = self.number.0, %lsn, why, "the merchant is not served");
    }

    /// Lets happen what a record says.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub(crate) fn apply_told(&mut self, lsn: Lsn, told: Told<'_>) -> Result<(), String> {
        match told {
            Told::Happened(event, named) => self.apply(lsn, &event, &named),
            Told::Profile(put) => {
                let (event, named) = self.profile_told(&put)?;
                self.apply(lsn, &event, &named);
            }
        }
        Ok(())
    }

    /// Lets an event happen, live or from the log.
    pub(crate) fn apply(&mut self, lsn: Lsn, event: &Event, named: &Named<'_>) {
        self.state.evolve(OrderId(lsn.0), event);
        self.directory.hear(lsn, event, named);
    }
}

/// The order as it was handed in, given back for its answer.
fn take_asked(ask: &mut Ask) -> Vec<u8> {
    match ask {
        Ask::PlaceOrder(order) => std::mem::take(&mut order.asked),
        _ => Vec::new(),
    }
}

/// Deciding panicked: a defect, but nothing has changed.
struct Panicked;

fn refused_body(shortfalls: &[Shortfall]) -> OrderRefusedV1 {
    let shortfall =
        |row: &Shortfall| ShortfallV1 { line: row.line, requested: row.requested, available: row.available };
    OrderRefusedV1 { shortfalls: shortfalls.iter().map(shortfall).collect() }
}
