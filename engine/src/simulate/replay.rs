//! The second reading: both worlds live through the records, in the order of the log.

use super::Report;
use super::measure::Ruler;
use super::outcome::{Difference, Outcome, RulesText, Told};
use super::survey::{Survey, Window};
use super::tally::{Both, Tally};
use super::world::{AskedOrder, Simulated, Trial};
use crate::directory::Directory;
use crate::translate::{Named, Told as Record, accepted_of, decode_event, lines_of, routed_of, said_of};
use crate::turn::Merchant;
use onhand_domain::event::{OrderedLines, Routed};
use onhand_domain::kit::Kit;
use onhand_domain::order::Agreed;
use onhand_domain::rejection::Shortfall;
use onhand_domain::routing::profile::Explanation;
use onhand_domain::{ChannelNumber, Event, HoldId, MerchantState, ProfileNumber, Rejection, SkuNumber};
use onhand_record::order::{OrderAskedV1, decode_accepted_all, decode_refused_whole};
use onhand_record::routing::OrderDetailsV1;
use onhand_record::{DecodeError, Header, Kind};
use onhand_snapshots::Lsn;
use std::sync::Arc;

/// See the module.
pub(super) struct Replay {
    recorded: Merchant,
    /// From the first record of the window on.
    simulated: Option<Simulated>,
    trial: Trial,
    window: Window,
    ruler: Ruler,
    tally: Tally,
    differing: u64,
    differences: Vec<Difference>,
    differences_max: usize,
    /// The record that is being lived through.
    lsn: Lsn,
}

impl Replay {
    pub(super) fn new(
        directory: &Arc<Directory>,
        trial: Trial,
        window: Window,
        differences_max: usize,
    ) -> Self {
        let (number, state) = (directory.merchant, MerchantState::default());
        let recorded = Merchant { number, state, directory: Arc::clone(directory), at: 0, poisoned: false };
        Self {
            recorded,
            simulated: None,
            ruler: Ruler::new(directory, trial.rules.clone()),
            trial,
            window,
            tally: Tally::default(),
            differing: 0,
            differences: Vec::new(),
            differences_max,
            lsn: Lsn::ZERO,
        }
    }

    /// The record that was lived through last, or is.
    pub(super) fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// One record.
    pub(super) fn record(&mut self, lsn: Lsn, record: &[u8]) -> Result<(), String> {
        self.lsn = lsn;
        if lsn > self.window.to {
            return Ok(());
        }
        let (header, body) = Header::decode(record).map_err(text)?;
        if header.merchant != self.recorded.number.0 {
            return Ok(());
        }
        if lsn >= self.window.from {
            self.begin();
        }
        if let Some(simulated) = &mut self.simulated {
            simulated.expire(lsn, header.at, &self.recorded);
        }
        match header.kind {
            Kind::OrderAccepted => self.accepted(&header, body)?,
            Kind::OrderRefused => self.refused(&header, body)?,
            _ => self.other(&header, body)?,
        }
        if let Some(simulated) = &mut self.simulated {
            simulated.serve_waiting(lsn, &self.recorded);
        }
        Ok(())
    }

    /// The simulated world begins, if it has not.
    fn begin(&mut self) {
        let Self { recorded, trial, lsn, .. } = self;
        self.simulated.get_or_insert_with(|| Simulated::fork(recorded, trial.clone(), *lsn));
    }

    fn accepted(&mut self, header: &Header, body: &[u8]) -> Result<(), String> {
        let record = decode_accepted_all(header.version, body).map_err(text)?;
        let event = Event::OrderAccepted(accepted_of(&record).map_err(text)?);
        self.recorded.apply(self.lsn, &event, &Named::Nothing);
        self.order(header.at, &record.asked, &record.details, &Ok(event))
    }

    fn refused(&mut self, header: &Header, body: &[u8]) -> Result<(), String> {
        let (asked, refused, details) = decode_refused_whole(header.version, body).map_err(text)?;
        let routed = routed_of(&details).map_err(text)?;
        let rows = refused.shortfalls.iter();
        let shortfalls =
            rows.map(|row| Shortfall { line: row.line, requested: row.requested, available: row.available });
        let rejection = Rejection::InsufficientStock { shortfalls: shortfalls.collect(), routed };
        self.order(header.at, &asked, &details, &Err(rejection))
    }

    /// An order, decided anew if it is in the window.
    fn order(
        &mut self,
        at: u64,
        asked: &OrderAskedV1<'_>,
        details: &OrderDetailsV1<'_>,
        recorded: &Result<Event, Rejection>,
    ) -> Result<(), String> {
        let Some(simulated) = &mut self.simulated else { return Ok(()) };
        let of_refused: OrderedLines;
        let (lines, agreed) = match recorded {
            Ok(Event::OrderAccepted(accepted)) => (&accepted.lines, Agreed::of(accepted.agreed.as_deref())),
            _ => {
                of_refused = lines_of(asked);
                (&of_refused, Agreed::NONE)
            }
        };
        self.ruler.survey(asked);
        let hold = details.hold.map(HoldId);
        let order = AskedOrder { asked, lines, hold, said: said_of(&details.said), agreed };
        let decided = simulated.decide(&order);
        if let Ok(event) = &decided {
            simulated.evolve(self.lsn, event);
        }
        if let Some(hold) = hold.filter(|_| recorded.is_ok()) {
            simulated.leave_behind(hold);
        }
        let outcomes = Outcome::of(recorded).zip(Outcome::of(&decided));
        let (recorded, simulated) = outcomes.ok_or("what was decided of an order is none")?;
        self.compare(at, asked, lines, Both { recorded, simulated });
        Ok(())
    }

    fn compare(
        &mut self,
        at: u64,
        asked: &OrderAskedV1<'_>,
        lines: &[(SkuNumber, u32)],
        outcomes: Both<Outcome<'_>>,
    ) {
        let is_same = outcomes.recorded.is_as(outcomes.simulated);
        let recorded = self.ruler.way(asked, outcomes.recorded.claims());
        let simulated = if is_same { recorded } else { self.ruler.way(asked, outcomes.simulated.claims()) };
        let ordered = self.units_of(lines);
        let channel = ChannelNumber(asked.channel);
        self.tally.add_order(channel, ordered, outcomes, &Both { recorded, simulated });
        if is_same {
            return;
        }
        self.differing += 1;
        if self.differences.len() < self.differences_max {
            let told = Both {
                recorded: Told {
                    fate: outcomes.recorded.fate(ordered, &self.recorded.directory),
                    explained: outcomes.recorded.routed().and_then(|routed| self.explained(routed)),
                },
                simulated: Told {
                    fate: outcomes.simulated.fate(ordered, &self.recorded.directory),
                    explained: outcomes.simulated.routed().and_then(|routed| self.explained_here(routed)),
                },
            };
            let (external_id, lines) = (asked.external_id.to_owned(), OrderedLines::from_slice(lines));
            self.differences.push(Difference { lsn: self.lsn, at, channel, external_id, lines, told });
        }
    }

    /// Units that lines need in all: of a kit those of its parts.
    fn units_of(&self, lines: &[(SkuNumber, u32)]) -> u64 {
        let kits = self.recorded.state.kits();
        let of_each = |sku: SkuNumber| {
            let parts = |kit: &Kit| kit.parts().iter().map(|(_, units)| u64::from(*units)).sum();
            kits.get(sku).map_or(1, parts)
        };
        let units = lines.iter().map(|(sku, units)| u64::from(*units).saturating_mul(of_each(*sku)));
        units.fold(0, u64::saturating_add)
    }

    /// What rules of the log say of an order, with their text as it was then.
    fn explained(&self, routed: &Routed) -> Option<(RulesText, Explanation)> {
        Some((self.text_of(routed.profile)?, routed.explanation.clone()))
    }

    /// What rules of the simulated world say of an order.
    fn explained_here(&self, routed: &Routed) -> Option<(RulesText, Explanation)> {
        let rules = match self.simulated.as_ref()?.rules_of(routed) {
            Ok(rules) => rules.clone(),
            Err(recorded) => self.text_of(recorded)?,
        };
        Some((rules, routed.explanation.clone()))
    }

    fn text_of(&self, profile: ProfileNumber) -> Option<RulesText> {
        let entry = self.recorded.directory.profile_entry(profile)?;
        Some(RulesText { name: entry.code, text: entry.text, format: entry.format })
    }

    /// Whatever is no order.
    fn other(&mut self, header: &Header, body: &[u8]) -> Result<(), String> {
        let Some(record) = decode_event(header, body).map_err(text)? else { return Ok(()) };
        let (event, named) = match record {
            Record::Happened(event, named) => (event, named),
            Record::Profile(put) => self.recorded.profile_told(&put)?,
        };
        self.recorded.apply(self.lsn, &event, &named);
        if matches!(event, Event::LocationPut(_)) {
            self.ruler.location_changed();
        }
        if let Some(simulated) = &mut self.simulated {
            simulated.follow(self.lsn, header.at, &event);
        }
        Ok(())
    }

    /// What both worlds came to.
    pub(super) fn close(self, survey: Survey) -> Report {
        let lsn = self.lsn;
        let Self { recorded, simulated, trial, window, mut tally, differing, differences, .. } = self;
        // The window may have had no record of the merchant.
        let simulated = simulated.unwrap_or_else(|| Simulated::fork(&recorded, trial.clone(), lsn));
        let Simulated { merchant, mut strayed, terms_due, .. } = simulated;
        strayed.terms += terms_due.len() as u64;
        let ends = Both { recorded: recorded.state, simulated: merchant.state };
        tally.add_waiting(&ends);
        let (total, channels) = tally.close();
        Report {
            merchant: survey.merchant,
            directory: survey.directory,
            from: window.from,
            to: window.to,
            total,
            channels,
            unsold: Both { recorded: unsold(&ends.recorded), simulated: unsold(&ends.simulated) },
            ends,
            differing,
            differences,
            strayed,
            currency: trial.rules.and_then(|rules| rules.currency),
            torn_behind: survey.torn_behind,
        }
    }
}

fn text(error: DecodeError) -> String {
    error.to_string()
}

/// Smallest units that are sellable and that no claim has.
fn unsold(state: &MerchantState) -> u64 {
    state.skus().flat_map(|(_, actor)| actor.levels()).map(|level| u64::from(level.unclaimed())).sum()
}
