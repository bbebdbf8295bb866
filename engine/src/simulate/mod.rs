//! What would have been: the orders of a log, decided anew under other rules.
//!
//! Two worlds live through the same records, side by side. In the world *as recorded* the events happen as they stand in
//! the log. In the *simulated* world each order is decided anew, as it was asked and by the code that decided it then
//! ([`world`]); all else that the records say happens there as far as it can ([`follow`]). What becomes of the orders is
//! counted for both ([`tally`]), and of the first orders that fare differently both outcomes are kept ([`outcome`]).
//!
//! The log is read as the audit reads it: without a lock, up to its last good frame, also beside a server that goes on
//! writing; nothing is written. It is read twice: for names first ([`survey`]), since rules may name what came late, and
//! then to be lived through ([`replay`]). Personal data stays sealed: nobody here opens it.

mod error;
mod follow;
mod measure;
mod outcome;
mod policies;
mod replay;
mod survey;
mod tally;
mod world;

use crate::directory::Directory;
use crate::routing::Format;
use onhand_domain::MerchantState;
use onhand_domain::digest::digest;
use onhand_domain::money::Currency;
use onhand_snapshots::Lsn;
use onhand_snapshots::log::{OpenError, scan};
use onhand_snapshots::storage::Storage;
use replay::Replay;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use survey::Survey;
use world::Trial;

pub use error::SimulateError;
pub use outcome::{Difference, Fate, RulesText, Served, Told};
pub use policies::{NewChannel, NewPolicies, NewPolicyText, NewTerms};
pub use tally::{Both, ChannelCounts, Counts, Strayed};

/// What is to be tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// Whose orders; may be left out where the log has one merchant.
    pub merchant: Option<&'a str>,
    /// The routing profile to try. Without one, and without policies, both worlds are ruled alike, and nothing may differ.
    pub profile: Option<NewProfile<'a>>,
    /// Policies of channels and SKUs to try, beside it or alone.
    pub policies: Option<NewPolicyText<'a>>,
    /// The first record whose order is decided anew and counted; what comes before is as recorded. The log's first one if
    /// `None`.
    pub from: Option<Lsn>,
    /// The last one, where the replay ends. The log's last one if `None`.
    pub to: Option<Lsn>,
    /// Of so many orders that fare differently, the first ones, both outcomes are kept.
    pub differences: usize,
}

/// A routing profile to try.
#[derive(Debug, Clone, Copy)]
pub struct NewProfile<'a> {
    /// What explanations call it.
    pub name: &'a str,
    /// The rules.
    pub text: &'a str,
    /// How they are written.
    pub format: Format,
    /// The codes of the channels that get it; if there is none, every channel that has a profile at the time.
    pub channels: &'a [String],
}

/// What became of the orders in both worlds.
#[derive(Debug)]
pub struct Report {
    /// Whose orders.
    pub merchant: String,
    /// The names of what the report speaks of in numbers.
    pub directory: Arc<Directory>,
    /// The first record of the window.
    pub from: Lsn,
    /// The last one.
    pub to: Lsn,
    /// All orders of the window.
    pub total: Both<Counts>,
    /// Those of each channel that has some, by number.
    pub channels: Vec<ChannelCounts>,
    /// Smallest units that are sellable at the end, and that no claim has.
    pub unsold: Both<u64>,
    /// The merchant at the end.
    pub ends: Both<MerchantState>,
    /// How many orders fare differently: refused in one world only, or from other locations.
    pub differing: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// What of the log the simulated world could not follow to the letter.
    pub strayed: Strayed,
    /// Of the rate card that shipments are priced by: the first one of the new profile.
    pub currency: Option<Currency>,
    /// The last record before a frame that is written in part, if the log ends so.
    pub torn_behind: Option<Lsn>,
}

impl Report {
    /// Whether both worlds end with the same stock, pools, holds, open lines and claims: one walk over all of it.
    #[must_use]
    pub fn ends_alike(&self) -> bool {
        let digest_of = |state| digest(self.directory.merchant, state);
        digest_of(&self.ends.recorded) == digest_of(&self.ends.simulated)
    }
}

/// Lives through the log of a data directory, which errors call `name`.
///
/// # Errors
/// [`SimulateError`]: what was asked cannot be tried, or the log cannot be read.
pub fn simulate(storage: &dyn Storage, name: &str, question: &Question<'_>) -> Result<Report, SimulateError> {
    let survey = Survey::of(storage, name, question.merchant)?;
    let window = survey.window(question.from, question.to)?;
    let rules = question.profile.map(|profile| survey.rules(&profile)).transpose()?;
    let policies = question.policies.map(|policies| survey.policies(&policies)).transpose()?;
    let trial = Trial { rules: rules.map(Arc::new), policies: policies.map(Arc::new) };
    let mut replay = Replay::new(&survey.directory, trial, window, question.differences);
    let mut visit = |lsn, record: &[u8]| Ok(replay.record(lsn, record)?);
    // Records that contradict each other end the merchant's service, and so they end this.
    match catch_unwind(AssertUnwindSafe(|| scan(storage, Lsn(1), &mut visit))) {
        Ok(scanned) => scanned?,
        Err(_) => {
            let (lsn, what) = (replay.lsn(), "it contradicts what was before it".into());
            return Err(OpenError::Visitor { lsn, what }.into());
        }
    };
    Ok(replay.close(survey))
}
