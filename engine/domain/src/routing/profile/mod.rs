//! Routing profiles: a merchant's own rules for which locations serve an order.
//!
//! A [`Profile`] is an immutable version: defaults, strategies in order, fallbacks, and what becomes of an
//! order that none of them serves in full. [`check`] refuses a profile that cannot mean what it says;
//! [`plan_with`] plans an order by one, and says why in an [`Explanation`]. Preview and commit call the same
//! function, and the same input gives the same plan.
//!
//! Names do not come here: countries, tags, categories and the like are [`Symbol`]s, which the shell gives
//! out, and all else is a whole number with its unit. Nothing is computed here that needs a float: distances
//! come in as metres.
//!
//! Reading order: [`Condition`] over [`Fact`]s (when), [`Filter`] (where), [`Ranking`] (which of them), the
//! planner (`ground`, `field`, `exact`, `bounded`, `plan`), `explain`, `check`.

mod bounded;
mod budget;
mod check;
mod condition;
mod costs;
mod encoding;
mod exact;
mod explain;
mod facts;
mod field;
mod filter;
mod ground;
mod holds;
mod plan;
mod postal;
mod rank;
mod rate;
mod set;
mod trial;
mod world;

use crate::order::Policy;
use alloc::vec::Vec;

pub use budget::{FALLBACK_STEPS_MAX, PLAN_STEPS_MAX, READS_MAX, SEARCH_STEPS_MAX, WALK_STEPS_MAX};
pub use check::{
    BAND_MAX, CONDITION_DEPTH_MAX, CONDITION_NODES_MAX, Cause, FALLBACKS_MAX, FILTERS_MAX, Field, LIST_MAX,
    ProfileError, RATE_CARDS_MAX, RATE_MAX, RATE_ROWS_MAX, STRATEGIES_MAX, Section, WEIGHT_MAX, check,
};
pub use condition::{Condition, Op, Quantifier};
pub use encoding::{EXPLANATION_BYTES_MAX, ExplanationError};
pub use exact::{EXACT_LOCATIONS_MAX, EXACT_NEEDS_MAX};
pub use explain::{By, Decision, EXPLAINED_MAX, Explanation, Reason, Verdict};
pub use facts::{Fact, FactKind, LineFacts, OrderFacts, Symbol, currency_value};
pub use filter::{Barrier, Filter};
pub use plan::{Outcome, Planned, plan_with};
pub use postal::{POSTAL_CHARACTERS_MAX, postal_key, postal_prefix};
pub use rank::{NORMAL, Objective, PriorityList, RANKS_MAX, Rank, Ranking, SCORE_MAX, UNKNOWN, Weight};
pub use rate::{Rate, RateCard, RateRow};
pub use set::Set;
pub use world::{PlaceFacts, World};

/// One version of a merchant's routing rules. It never changes; a change is another version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Which version; every explanation names it.
    pub version: u32,
    /// How an order may be split where a strategy says nothing else.
    pub defaults: Split,
    /// Tried in this order: the first whose condition holds and that serves the order in full wins.
    pub strategies: Vec<Strategy>,
    /// Tried after the strategies, in the same way. If none serves in full either, the last of them whose condition
    /// holds, else the last such strategy, says how as much as possible is served.
    pub fallbacks: Vec<Strategy>,
    /// What becomes of an order that nothing serves in full, if the order itself says nothing. `None` leaves it to the
    /// channel.
    pub otherwise: Option<Policy>,
    /// What shipments cost, for [`Objective::LandedCost`].
    pub rate_cards: Vec<RateCard>,
}

/// How far an order may be split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Split {
    /// The most locations that may serve one order, at least 1.
    pub max_split: u16,
    /// Whether several locations may serve one line. Lines of the same SKU count as one line.
    pub line_split: bool,
}

/// One way to serve an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strategy {
    /// When it is tried; `None` is always.
    pub when: Option<Condition>,
    /// Which locations may serve: those that pass every filter.
    pub filters: Vec<Filter>,
    /// Which of the possible plans is taken.
    pub ranking: Ranking,
    /// Instead of the default.
    pub max_split: Option<u16>,
    /// Instead of the default.
    pub line_split: Option<bool>,
}

impl Profile {
    /// Whether a rule asks how far a location is from the destination.
    #[must_use]
    pub fn asks_distance(&self) -> bool {
        self.strategies.iter().chain(&self.fallbacks).any(Strategy::asks_distance)
    }
}

impl Strategy {
    fn asks_distance(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Filter::MaxDistance(_)))
            || self.ranking.objectives().any(|objective| *objective == Objective::Nearest)
            || self.when.as_ref().is_some_and(Condition::asks_distance)
    }

    /// How far it may split an order.
    fn split(&self, defaults: Split) -> Split {
        Split {
            max_split: self.max_split.unwrap_or(defaults.max_split),
            line_split: self.line_split.unwrap_or(defaults.line_split),
        }
    }
}
