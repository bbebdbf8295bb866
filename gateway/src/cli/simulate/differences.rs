//! One order that fares differently, and why, in the words of explanations.

use crate::ids::order_text;
use crate::render::explanation::{ExplanationView, Naming, explained, unrouted};
use onhand_engine::directory::{Directory, View};
use onhand_engine::domain::{LocationNumber, OrderId, SkuNumber, quantity};
use onhand_engine::routing::titles;
use onhand_engine::simulate::{Difference, Fate, Served, Told};
use std::collections::BTreeSet;

/// Lines of an order that are named; the others are counted. A parcel stays a line that can be read.
const NAMED_MAX: usize = 5;

/// What became of an order in both worlds, a paragraph.
pub(super) fn told(directory: &Directory, difference: &Difference) -> String {
    let Difference { lsn, channel, external_id, lines, told, .. } = difference;
    let names = directory.view();
    let asked = lines.iter().map(|(sku, units)| goods(&names, *sku, *units));
    let asked = listed(&asked.collect::<Vec<_>>());
    let called = order_of(difference).unwrap_or_else(|| format!("record {lsn}"));
    let channel = names.channel_code(*channel);
    let mut text = format!("\n{called} ({channel} {external_id}): {asked}\n");
    let mut say = |name: &str, words: &str| text.push_str(&format!("  {name:<10} {words}\n"));
    for (name, told) in [("recorded:", &told.recorded), ("simulated:", &told.simulated)] {
        say(name, &fate(&names, told));
        if let Some(explanation) = explanation(directory, told) {
            say("", explanation.words());
        }
    }
    if let Some(explanation) = explanation(directory, &told.simulated) {
        let passed_over = passed_over(&told.recorded, &told.simulated);
        let codes = passed_over.map(|location| names.location_code(location));
        codes.filter_map(|code| explanation.words_of(code)).for_each(|words| say("", words));
    }
    text
}

/// The public id of an order that is one as recorded.
pub(super) fn order_of(difference: &Difference) -> Option<String> {
    let is_order = matches!(difference.told.recorded.fate, Fate::Accepted { .. });
    is_order.then(|| order_text(OrderId(difference.lsn.0)))
}

/// Why an order fared so; of one that was refused without rules its shortfalls say that.
pub(super) fn explanation(directory: &Directory, told: &Told) -> Option<ExplanationView> {
    match (&told.explained, &told.fate) {
        (None, Fate::Accepted { .. }) => Some(unrouted()),
        (None, Fate::Refused { .. }) => None,
        (Some((rules, explanation)), _) => {
            let titles = titles(&rules.text, rules.format);
            let naming = Naming { profile: rules.name.to_string(), titles };
            Some(explained(directory, &naming, explanation))
        }
    }
}

fn fate(names: &View<'_>, told: &Told) -> String {
    match &told.fate {
        Fate::Refused { detail, .. } => format!("refused: {detail}"),
        Fate::Accepted { claims, waiting } => {
            let parcel = |(from, goods): (LocationNumber, Vec<String>)| {
                format!("{} from {}", listed(&goods), names.location_code(from))
            };
            let mut parts: Vec<String> = parcels(names, claims).map(parcel).collect();
            if *waiting > 0 {
                parts.push(format!("{waiting} smallest units wait"));
            }
            parts.join("; ")
        }
    }
}

/// What each location serves, in the order of the claims.
fn parcels(names: &View<'_>, claims: &[Served]) -> impl Iterator<Item = (LocationNumber, Vec<String>)> {
    let mut parcels: Vec<(LocationNumber, Vec<String>)> = Vec::new();
    for Served { sku, location, units, .. } in claims {
        let goods = goods(names, *sku, *units);
        match parcels.iter_mut().find(|(from, _)| from == location) {
            Some((_, parcel)) => parcel.push(goods),
            None => parcels.push((*location, vec![goods])),
        }
    }
    parcels.into_iter()
}

/// Goods as a line names them: the first ones, and how many more there are.
fn listed(goods: &[String]) -> String {
    let named = &goods[..goods.len().min(NAMED_MAX)];
    match goods.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more lines", named.join(", ")),
    }
}

fn goods(names: &View<'_>, sku: SkuNumber, units: u32) -> String {
    let code = names.sku_code(sku);
    let decimals = names.sku(code).map_or(0, |name| name.decimals);
    format!("{} {code}", quantity::format(units.into(), decimals))
}

/// The locations that serve as recorded and not as simulated, ascending.
fn passed_over(recorded: &Told, simulated: &Told) -> impl Iterator<Item = LocationNumber> {
    let serving = |told: &Told| -> BTreeSet<LocationNumber> {
        match &told.fate {
            Fate::Accepted { claims, .. } => claims.iter().map(|served| served.location).collect(),
            Fate::Refused { .. } => BTreeSet::new(),
        }
    };
    let (before, now) = (serving(recorded), serving(simulated));
    before.into_iter().filter(move |location| !now.contains(location))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_names_its_first_lines_and_counts_the_others() {
        let goods: Vec<String> = (1..=8).map(|number| format!("{number} MUG")).collect();
        assert_eq!(listed(&goods[..1]), "1 MUG");
        assert_eq!(listed(&goods[..5]), "1 MUG, 2 MUG, 3 MUG, 4 MUG, 5 MUG");
        assert_eq!(listed(&goods), "1 MUG, 2 MUG, 3 MUG, 4 MUG, 5 MUG and 3 more lines");
    }
}
