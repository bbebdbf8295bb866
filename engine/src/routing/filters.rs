//! Which locations may serve: the filters of a strategy.

use super::Names;
use super::error::TextError;
use super::profile::Reader;
use super::tree::{Node, Value};
use onhand_domain::routing::profile::{Filter, Set};

/// What a member filters by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Include,
    Exclude,
    KeepFree,
    MaxDistance,
    Kinds,
    Capabilities,
    BeforeCutOff,
    MinCapacity,
}

/// Every filter, by its member of a strategy, in the order in which they are asked.
pub(super) const FILTERS: [(&str, Kind); 8] = [
    ("include", Kind::Include),
    ("exclude", Kind::Exclude),
    ("keep_free", Kind::KeepFree),
    ("max_distance_m", Kind::MaxDistance),
    ("kinds", Kind::Kinds),
    ("capabilities", Kind::Capabilities),
    ("before_cut_off", Kind::BeforeCutOff),
    ("min_capacity", Kind::MinCapacity),
];

/// The filters that a strategy has, in the order of the profile's; `keep_free` may be several.
pub(super) fn written(strategy: Node<'_>) -> Vec<(Node<'_>, Kind)> {
    let mut written = Vec::new();
    for (name, kind) in FILTERS {
        let Some(member) = strategy.find(name) else { continue };
        match (kind, member.value()) {
            (Kind::KeepFree, Value::List(_)) => written.extend(member.children().map(|item| (item, kind))),
            // As if it were not there.
            (Kind::BeforeCutOff, Value::Flag(false)) => {}
            _ => written.push((member, kind)),
        }
    }
    written
}

impl<N: Names> Reader<'_, N> {
    pub(super) fn filters(&mut self, strategy: Node<'_>) -> Result<Vec<Filter>, TextError> {
        written(strategy).into_iter().map(|(node, kind)| self.filter(node, kind)).collect()
    }

    fn filter(&mut self, node: Node<'_>, kind: Kind) -> Result<Filter, TextError> {
        // An item of `keep_free` has no name, and is supplied.
        self.must_be_supplied(node.name(), |code, detail| node.wrong_name(code, detail))?;
        Ok(match kind {
            Kind::Include => Filter::Include(Set::new(self.locations(node)?)),
            Kind::Exclude => Filter::Exclude(Set::new(self.locations(node)?)),
            Kind::KeepFree => self.keep_free(node)?,
            Kind::MaxDistance => Filter::MaxDistance(node.up_to(u32::MAX)?),
            Kind::Kinds => Filter::Kinds(Set::new(self.location_kinds(node)?)),
            Kind::Capabilities => Filter::Capabilities(Set::new(self.symbols(node)?)),
            Kind::BeforeCutOff => {
                node.flag()?;
                Filter::BeforeCutOff
            }
            Kind::MinCapacity => Filter::CapacityLeft(node.up_to(u32::MAX)?),
        })
    }

    /// Units alone, or units with the locations at which they stay.
    fn keep_free(&self, node: Node<'_>) -> Result<Filter, TextError> {
        if matches!(node.value(), Value::Whole(_)) {
            return Ok(Filter::KeepFree { units: node.up_to(u32::MAX)?, at: None });
        }
        node.members(&["units", "at"])?;
        let units = node.need("units")?.up_to(u32::MAX)?;
        let at = node.find("at").map(|at| self.locations(at)).transpose()?;
        Ok(Filter::KeepFree { units, at: at.map(Set::new) })
    }
}
