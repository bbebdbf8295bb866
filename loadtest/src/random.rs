//! Numbers that look random and are the same for the same seed, wherever and in whatever order they are drawn.
//!
//! Each order has a generator of its own (SplitMix64), so what an order asks for depends on the seed and its
//! number alone: not on the number of threads, nor on which answer came first.

/// Separates draws that would otherwise repeat each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// What an order asks for.
    Order = 1,
    /// Which requests repeat an earlier one.
    Repeat = 2,
    /// Which orders are read back.
    Sample = 3,
    /// What a SKU costs.
    Price = 4,
}

/// A SplitMix64 generator.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

/// The odd number nearest to 2^64 divided by the golden ratio: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Random {
    /// The generator of one thing: number `index` of a stream, under a seed.
    pub(crate) fn of(seed: u64, stream: Stream, index: u64) -> Self {
        let start = mix(seed.wrapping_add(STEP)) ^ mix((stream as u64).wrapping_mul(STEP));
        Self(mix(start ^ mix(index.wrapping_add(STEP))))
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below `bound`, which is not 0. The bias is below bound / 2^64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A number of 0 or more and below 1, in steps of 2^-53.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_is_the_published_one() {
        // First outputs for the state 1234567, from the reference implementation.
        let mut random = Random(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn draws_depend_on_seed_stream_and_index() {
        let first = |seed, stream, index| Random::of(seed, stream, index).next();
        assert_eq!(first(1, Stream::Order, 7), first(1, Stream::Order, 7));
        assert_ne!(first(1, Stream::Order, 7), first(2, Stream::Order, 7));
        assert_ne!(first(1, Stream::Order, 7), first(1, Stream::Repeat, 7));
        assert_ne!(first(1, Stream::Order, 7), first(1, Stream::Order, 8));
    }

    #[test]
    fn below_reaches_every_value_and_no_other() {
        let mut random = Random::of(3, Stream::Order, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            seen[usize::try_from(random.below(7)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| (850..1150).contains(&count)), "{seen:?}");
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.unit())));
    }
}
