//! Typed numbers. A number is given by the event that creates the thing, is never reused, and has no
//! arithmetic: two of them can only be compared.

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $inner);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// A tenant. Unique in the whole journal.
    MerchantNumber,
    u32
);
number!(
    /// A sellable unit of one merchant, dense from 0.
    SkuNumber,
    u32
);
number!(
    /// A place that stocks goods of one merchant, dense from 0.
    LocationNumber,
    u16
);
number!(
    /// Where orders of one merchant come from, dense from 0.
    ChannelNumber,
    u16
);
number!(
    /// A routing profile of one merchant, dense from 0.
    ProfileNumber,
    u16
);
number!(
    /// An order: the LSN of the record that accepted it, so it needs no index to be found in the log.
    OrderId,
    u64
);

number!(
    /// A hold: the LSN of the record that placed it.
    HoldId,
    u64
);

impl SkuNumber {
    /// The row of this SKU in a dense table.
    #[must_use]
    pub fn row(self) -> usize {
        self.0 as usize
    }
}

impl LocationNumber {
    /// The row of this location in a dense table.
    #[must_use]
    pub fn row(self) -> usize {
        usize::from(self.0)
    }
}

impl ProfileNumber {
    /// The row of this profile in a dense table.
    #[must_use]
    pub fn row(self) -> usize {
        usize::from(self.0)
    }
}

impl ChannelNumber {
    /// The row of this channel in a dense table.
    #[must_use]
    pub fn row(self) -> usize {
        usize::from(self.0)
    }
}
