//! A state built again from a picture of it. Only what a snapshot holds is handed in; counters, tables and the
//! lists of who waits are derived, as they were the first time.

use super::{Channel, MerchantState};
use crate::id::SkuNumber;
use crate::order::{Order, StoredOrder};
use crate::rows::Rows;
use crate::sku::{Class, Cursor, SkuActor, Waiting};
use crate::table::Table;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

impl MerchantState {
    /// A state without SKUs and orders.
    #[must_use]
    pub fn restored(location_count: u16, channels: Vec<Channel>) -> Self {
        Self {
            location_count,
            channels,
            skus: Rows::default(),
            orders: Rows::default(),
            order_rows: Table::default(),
            backlogged: BTreeSet::new(),
            passes: BTreeSet::new(),
        }
    }

    /// Adds the next SKU; all of them come before the orders.
    pub fn restore_sku(&mut self, actor: SkuActor) {
        self.skus.insert(actor);
    }

    /// Adds an open order, its claims and what of it waits.
    ///
    /// # Panics
    /// If the order contradicts the SKUs: then the picture is damaged.
    pub fn restore_order(&mut self, order: Order) {
        for claim in &order.claims {
            let sku = order.demands[usize::from(claim.demand)].sku;
            self.sku_mut(sku).claim(claim.location, claim.quantity);
        }
        for (number, demand) in (0_u16..).zip(&order.demands) {
            let classes = [(Class::Short, demand.short), (Class::Backorder, demand.backordered)];
            for (class, quantity) in classes.into_iter().filter(|(_, quantity)| *quantity > 0) {
                let waiting = Waiting { class, order: order.id, demand: number };
                self.sku_mut(demand.sku).wait(waiting, quantity);
                self.note_backlog(demand.sku);
            }
        }
        self.insert_order(StoredOrder::of(&order));
    }

    /// Goes on with a pass over those who wait; all orders come before.
    ///
    /// # Panics
    /// If there is no such SKU: then the picture is damaged.
    pub fn restore_pass(&mut self, sku: SkuNumber, cursor: Cursor) {
        self.sku_mut(sku).continue_pass(Some(cursor));
        self.note_backlog(sku);
    }
}
