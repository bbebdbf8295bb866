//! Routing profiles as a merchant of the simulation writes them, and where its orders go.

use crate::dice::Dice;
use crate::wish::LOCATIONS;
use onhand_engine::record::order::ShipToV1;

/// Profiles that a merchant has at the most.
pub(crate) const PROFILES: u16 = 2;

/// Postal codes of the locations: Berlin, Munich, Hamburg.
pub(crate) const POSTAL_CODES: [&str; LOCATIONS as usize] = ["10115", "80331", "20095"];

/// The name of a profile.
pub(crate) fn profile_name(number: u16) -> String {
    format!("profile {number}")
}

/// The text of one: a rule for some orders, one for all, and perhaps a fallback. Whatever comes out can be put.
pub(crate) fn profile_text(dice: &mut Dice) -> String {
    let otherwise = ["", "otherwise = \"reject\"\n", "otherwise = \"backorder\"\n"][dice.place(3)];
    let when = match dice.below(4) {
        0 => "{ fact = \"country\", eq = \"DE\" }".to_owned(),
        1 => "{ not = { fact = \"country\", in = [\"DE\", \"AT\"] } }".to_owned(),
        2 => format!("{{ lines = \"any\", is = {{ fact = \"quantity\", ge = {} }} }}", 2 + dice.small(3)),
        _ => {
            format!("{{ lines = {{ ge = {} }}, is = {{ fact = \"quantity\", ge = 1 }} }}", 2 + dice.small(3))
        }
    };
    let (some, all) = (rules(dice), rules(dice));
    let fallback = if dice.below(2) == 0 { String::new() } else { format!("[[fallbacks]]\n{}", rules(dice)) };
    format!("{otherwise}[[strategies]]\nwhen = {when}\n{some}[[strategies]]\n{all}{fallback}")
}

fn rules(dice: &mut Dice) -> String {
    let location = |dice: &mut Dice| format!("\"location {}\"", dice.place(usize::from(LOCATIONS)));
    let filter = match dice.below(5) {
        0 => format!("include = [{}]\n", location(dice)),
        1 => format!("exclude = [{}]\n", location(dice)),
        2 => format!("keep_free = {}\n", 1 + dice.small(4)),
        3 => format!("max_distance_m = {}\n", 100_000 + 100_000 * dice.small(6)),
        _ => String::new(),
    };
    let rank = match dice.below(4) {
        0 => format!("rank = [{{ by = \"priority\", list = [{}] }}]\n", location(dice)),
        1 => "rank = [{ by = \"nearest\", band = 50000 }, { by = \"most_stock\" }]\n".to_owned(),
        2 => "cost = [{ by = \"nearest\", weight = 3 }, { by = \"fewest_shipments\", weight = 10 }]\n"
            .to_owned(),
        _ => String::new(),
    };
    let split =
        if dice.below(3) == 0 { format!("max_split = {}\n", 1 + dice.small(2)) } else { String::new() };
    let lines = if dice.below(4) == 0 { "line_split = false\n" } else { "" };
    format!("{filter}{rank}{split}{lines}")
}

/// Where an order of this external id goes.
pub(crate) fn ship_to(external: &str) -> Option<ShipToV1<'static>> {
    let to = |country, postal_code| Some(ShipToV1 { country, region: None, postal_code });
    match external.bytes().map(u32::from).sum::<u32>() % 4 {
        0 => to("DE", Some("60311")),
        1 => to("DE", Some("86150")),
        2 => to("FR", None),
        _ => None,
    }
}
