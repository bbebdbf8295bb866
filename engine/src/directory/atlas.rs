//! Where a merchant's locations are, and what they are.

use super::symbols::Symbols;
use crate::geo::{Place, Places, Sites, distances};
use onhand_domain::LocationNumber;
use onhand_domain::routing::profile::Symbol;
use onhand_record::order::ShipToV1;
use std::sync::Arc;

/// A location as its record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// `warehouse`, `shop`, `3pl` or `dropship_supplier`.
    pub(crate) kind: &'a str,
    pub(crate) country: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) postal_code: Option<&'a str>,
}

/// The same in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    kind: Box<str>,
    country: Box<str>,
    region: Option<Box<str>>,
    postal_code: Option<Box<str>>,
    kind_symbol: Symbol,
    /// Where it is on earth, once that was looked for.
    place: Option<Option<Place>>,
}

impl Site {
    /// As its record has it.
    pub(crate) fn address(&self) -> Address<'_> {
        Address {
            kind: &self.kind,
            country: &self.country,
            region: self.region.as_deref(),
            postal_code: self.postal_code.as_deref(),
        }
    }
}

/// All locations, by number.
#[derive(Debug, Default)]
pub(crate) struct Atlas {
    sites: Vec<Arc<Site>>,
    /// Their places on earth, as they were surveyed.
    places: Option<Sites>,
}

impl Atlas {
    pub(crate) fn put(&mut self, location: LocationNumber, address: Address<'_>, symbols: &mut Symbols) {
        let site = Site {
            kind: address.kind.into(),
            country: address.country.into(),
            region: address.region.map(Into::into),
            postal_code: address.postal_code.map(Into::into),
            kind_symbol: symbols.make(address.kind),
            place: None,
        };
        match self.sites.get_mut(location.row()) {
            Some(row) => *row = Arc::new(site),
            None => self.sites.push(Arc::new(site)),
        }
        self.places = None;
    }

    /// All locations, by number.
    pub(crate) fn sites(&self) -> &[Arc<Site>] {
        &self.sites
    }

    /// What a location is.
    pub(crate) fn kind(&self, location: LocationNumber) -> Option<Symbol> {
        self.sites.get(location.row()).map(|site| site.kind_symbol)
    }

    /// Finds the locations on earth of which that was not done since they changed.
    pub(crate) fn survey(&mut self) {
        if self.places.is_none() {
            let places = self.sites.iter_mut().map(|site| {
                let place = site.place.unwrap_or_else(|| located(&site.address()));
                if site.place.is_none() {
                    Arc::make_mut(site).place = Some(place);
                }
                place
            });
            self.places = Some(Sites::new(places));
        }
    }

    /// How far it is to some locations, in their order; `None` for one of which nobody knows where it is.
    pub(crate) fn metres_to(
        &self,
        ship_to: &ShipToV1<'_>,
        locations: &[LocationNumber],
    ) -> Option<Vec<Option<u32>>> {
        let places = Places::bundled().ok()?;
        let located = places.locate(ship_to.country, ship_to.region, ship_to.postal_code)?;
        let sites = self.places.as_ref()?;
        let rows = locations.iter().map(|location| location.row());
        Some(distances().to_some(sites, located.place, rows))
    }
}

fn located(address: &Address<'_>) -> Option<Place> {
    let Address { country, region, postal_code, .. } = *address;
    Some(Places::bundled().ok()?.locate(country, region, postal_code)?.place)
}
