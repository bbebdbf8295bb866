//! Which of the possible plans is taken: ranks one after the other, or one weighted cost.

use super::Names;
use super::error::{TextError, code};
use super::profile::Reader;
use super::shape::unknown;
use super::tree::Node;
use super::values::amount;
use onhand_domain::money::Currency;
use onhand_domain::routing::profile::{BAND_MAX, Objective, PriorityList, Rank, Ranking, Weight};

/// What `by` may name.
pub(super) const OBJECTIVES: [&str; 7] = [
    "priority",
    "fewest_shipments",
    "nearest",
    "landed_cost",
    "most_stock",
    "days_of_cover",
    "capacity_left",
];

impl<N: Names> Reader<'_, N> {
    /// The ranking of a strategy; without one, the fewest shipments.
    pub(super) fn ranking(&mut self, strategy: Node<'_>) -> Result<Ranking, TextError> {
        match (strategy.find("rank"), strategy.find("cost")) {
            (Some(_), Some(cost)) => {
                let detail = "a strategy has `rank` or `cost`, not both";
                Err(cost.wrong_name(code::CONTRADICTION, detail))
            }
            (Some(rank), None) => {
                let ranks: Result<_, _> = rank.items()?.map(|item| self.rank(item)).collect();
                ranks.map(Ranking::InOrder)
            }
            (None, Some(cost)) => {
                let parts: Result<_, _> = cost.items()?.map(|item| self.weight(item)).collect();
                parts.map(Ranking::Weighted)
            }
            (None, None) => {
                let fewest = Rank { objective: Objective::FewestShipments, band: None };
                Ok(Ranking::InOrder(vec![fewest]))
            }
        }
    }

    fn rank(&mut self, node: Node<'_>) -> Result<Rank, TextError> {
        let (objective, currency) = self.objective(node, "band")?;
        let band = node.find("band").map(|band| width(band, currency)).transpose()?;
        Ok(Rank { objective, band })
    }

    fn weight(&mut self, node: Node<'_>) -> Result<Weight, TextError> {
        let (objective, _) = self.objective(node, "weight")?;
        let weight = node.need("weight")?.up_to(u32::MAX)?;
        Ok(Weight { objective, weight })
    }

    /// What `by` names, in which currency if it is money; `beside` is the member that ranks, or weights, have as well.
    fn objective(
        &mut self,
        node: Node<'_>,
        beside: &str,
    ) -> Result<(Objective, Option<Currency>), TextError> {
        if node.find("by").is_none() {
            node.members(&["by", "list", "rate_card", beside])?;
        }
        let by = node.need("by")?;
        let name = by.text()?;
        let own = match name {
            "priority" => &["list"][..],
            "landed_cost" => &["rate_card"],
            _ => &[],
        };
        if !OBJECTIVES.contains(&name) {
            return Err(by.wrong(code::WRONG_TYPE, unknown(name, &OBJECTIVES)));
        }
        self.must_be_supplied(name, |code, detail| by.wrong(code, detail))?;
        node.members(&[own, &["by", beside]].concat())?;
        let objective = match name {
            "priority" => Objective::Priority(PriorityList::new(&self.locations(node.need("list")?)?)),
            "nearest" => Objective::Nearest,
            "landed_cost" => {
                let (card, currency) = self.rate_card(node.need("rate_card")?)?;
                return Ok((Objective::LandedCost(card), Some(currency)));
            }
            "most_stock" => Objective::MostStock,
            "days_of_cover" => Objective::DaysOfCover,
            "capacity_left" => Objective::CapacityLeft,
            _ => Objective::FewestShipments,
        };
        Ok((objective, None))
    }
}

/// How wide a band is: a whole number, or an amount if money is compared.
fn width(band: Node<'_>, currency: Option<Currency>) -> Result<u32, TextError> {
    let Some(currency) = currency else { return band.up_to(u32::MAX) };
    u32::try_from(amount(band, currency)?).map_err(|_| {
        band.wrong(
            code::OUT_OF_RANGE,
            format!("this is more than {BAND_MAX} minor units of {}", currency.as_str()),
        )
    })
}
