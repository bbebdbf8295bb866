//! The numbers that locations were compared by, with their units and in words.

use onhand_engine::domain::quantity;
use onhand_engine::routing::Measure;

/// What a location's number under a rank counts.
pub(super) fn unit(measure: &Measure) -> &'static str {
    if measure.band.is_some() {
        return "bands";
    }
    match measure.by {
        "nearest" => "metres",
        "priority" => "places",
        "fewest_shipments" => "shipments",
        "landed_cost" => "minor_units",
        "most_stock" => "units_fewer",
        "days_of_cover" => "days_fewer",
        "capacity_left" => "orders_fewer",
        _ => "points",
    }
}

/// A length as people say it: metres below a kilometre, tenths of one below ten.
pub(super) fn length(metres: u64) -> String {
    match metres {
        0..1_000 => format!("{metres} m"),
        1_000..10_000 => format!("{}.{} km", metres / 1_000, metres % 1_000 / 100),
        _ => format!("{} km", metres / 1_000),
    }
}

/// A number under a rank with its unit.
fn counted(measure: &Measure, number: u64) -> String {
    match (measure.by, measure.currency) {
        ("nearest", _) => length(number),
        ("priority", _) => number.saturating_add(1).to_string(),
        ("landed_cost", Some(currency)) => {
            format!("{} {}", quantity::format(number, currency.exponent()), currency.as_str())
        }
        _ => number.to_string(),
    }
}

/// What a number under a rank says of a location; nothing where all have the same.
pub(super) fn told(measure: &Measure, score: u64) -> Option<String> {
    let number = match measure.band {
        None => counted(measure, score),
        Some(band) => {
            let from = score.saturating_mul(band);
            format!("between {} and {}", counted(measure, from), counted(measure, from.saturating_add(band)))
        }
    };
    Some(match measure.by {
        "nearest" => format!("{number} away"),
        "priority" => format!("place {number} in the order of preference"),
        "fewest_shipments" => return None,
        "landed_cost" => format!("a shipment costs {number}"),
        "most_stock" if score == 0 && measure.band.is_none() => "the most in stock".to_owned(),
        "most_stock" => format!("{number} units fewer in stock than the location with the most"),
        "days_of_cover" => format!("{number} days of cover fewer than the best location"),
        "capacity_left" => format!("room for {number} orders fewer than the best location"),
        _ => format!("a cost of {number}"),
    })
}

/// How far a location lies behind another one under a rank, where their numbers alone say it.
pub(super) fn behind(measure: &Measure, score: u64, (other, best): (&str, u64)) -> Option<String> {
    let more = score.checked_sub(best).filter(|more| *more > 0 && measure.band.is_none())?;
    match measure.by {
        "nearest" => Some(format!("{} farther than {other}", length(more))),
        "priority" => Some(format!("behind {other} in the order of preference")),
        "landed_cost" => Some(format!("a shipment costs {} more than from {other}", counted(measure, more))),
        "most_stock" => Some(format!("{more} units fewer in stock than {other}")),
        "days_of_cover" => Some(format!("{more} days of cover fewer than {other}")),
        "capacity_left" => Some(format!("room for {more} orders fewer than {other}")),
        "cost" => Some(format!("a cost of {score}, and {other} has {best}")),
        _ => None,
    }
}
