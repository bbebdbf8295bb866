//! The names that events bring.

use super::Directory;
use crate::translate::Named;
use onhand_domain::Event;
use onhand_snapshots::Lsn;

impl Directory {
    /// Takes in the name that an event gives; hearing of it again changes nothing.
    #[inline]
    pub(crate) fn hear(&self, lsn: Lsn, event: &Event, named: &Named<'_>) {
        match (event, named) {
            (Event::LocationPut(put), Named::Location(code, address)) => {
                self.put_location(put.location, code, lsn);
                self.put_address(put.location, *address);
            }
            (Event::ChannelPut(put), Named::Channel(code)) => self.put_channel(put.channel, code, lsn),
            (Event::SkuPut(put), Named::Sku(code, tags)) => {
                self.put_sku(put.sku, code, lsn, put.decimals, tags);
            }
            (Event::ProfilePut(put), Named::Profile(text)) => self.put_profile(put.profile, *text, lsn),
            _ => {}
        }
    }
}
