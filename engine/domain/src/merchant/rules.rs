//! Locations, channels and SKUs: created once, numbered densely, changed later, never removed.

use super::MerchantState;
use crate::command::{PutChannel, PutLocation, PutSku};
use crate::event::{ChannelPut, Event};
use crate::id::{ChannelNumber, LocationNumber, SkuNumber};
use crate::quantity::DECIMALS_MAX;
use crate::rejection::Rejection;

/// Locations of one merchant. Far above any real network, and it keeps a claim's row small.
pub(super) const LOCATIONS_MAX: u16 = 10_000;

/// Channels of one merchant: one per shop front, marketplace account and till group is some hundreds at the most.
pub(super) const CHANNELS_MAX: u16 = 1_000;

/// Locations that serve one channel. The planner looks at each of them for an order that no single one can serve.
pub const CHANNEL_LOCATIONS_MAX: usize = 1_000;

impl MerchantState {
    pub(super) fn decide_put_location(&self, put: PutLocation) -> Result<Event, Rejection> {
        let location = put.location.unwrap_or(LocationNumber(self.location_count));
        if location.0 >= LOCATIONS_MAX {
            return Err(Rejection::TooMany { what: "locations", max: u32::from(LOCATIONS_MAX) });
        }
        Ok(Event::LocationPut(location, put))
    }

    pub(super) fn decide_put_channel(&self, put: &PutChannel<'_>) -> Result<Event, Rejection> {
        let next = u16::try_from(self.channels.len()).unwrap_or(CHANNELS_MAX);
        let channel = put.channel.unwrap_or(ChannelNumber(next));
        if channel.0 >= CHANNELS_MAX {
            return Err(Rejection::TooMany { what: "channels", max: u32::from(CHANNELS_MAX) });
        }
        if put.locations.len() > CHANNEL_LOCATIONS_MAX {
            return Err(Rejection::TooManyLocations {
                locations: put.locations.len(),
                max: CHANNEL_LOCATIONS_MAX,
            });
        }
        for (place, location) in put.locations.iter().enumerate() {
            if put.locations[..place].contains(location) {
                return Err(Rejection::DuplicateLocation { location: *location });
            }
        }
        let is_new = put.channel.is_none();
        Ok(Event::ChannelPut(ChannelPut {
            channel,
            is_new,
            locations: put.locations.to_vec(),
            policy: put.policy,
        }))
    }

    pub(super) fn decide_put_sku(&self, put: PutSku) -> Result<Event, Rejection> {
        if put.decimals > DECIMALS_MAX {
            return Err(Rejection::TooManyDecimals { decimals: put.decimals, max: DECIMALS_MAX });
        }
        let Some(sku) = put.sku else {
            let number = u32::try_from(self.skus.len())
                .map_err(|_| Rejection::TooMany { what: "skus", max: u32::MAX })?;
            return Ok(Event::SkuPut(SkuNumber(number), put));
        };
        if let Some(actor) = self.sku(sku)
            && actor.is_in_use()
            && actor.decimals() != put.decimals
        {
            return Err(Rejection::DecimalsFixed { decimals: actor.decimals() });
        }
        Ok(Event::SkuPut(sku, put))
    }
}
