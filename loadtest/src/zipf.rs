//! Zipf's law over a finite number of ranks, exactly: a table of sums and a binary search.

/// The distribution: rank k (from 0) has weight `1 / (k + 1)^exponent`.
#[derive(Debug, Clone)]
pub(crate) struct Zipf {
    /// Entry k: the probability of a rank of at most k. The last is 1.
    sums: Vec<f64>,
}

impl Zipf {
    /// A table for so many ranks, which are not none. Eight bytes a rank.
    pub(crate) fn new(ranks: u32, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut sums: Vec<f64> = (1..=ranks)
            .map(|rank| {
                sum += f64::from(rank).powf(-exponent);
                sum
            })
            .collect();
        for entry in &mut sums {
            *entry /= sum;
        }
        Self { sums }
    }

    /// The rank that a number of 0 or more and below 1 falls on.
    pub(crate) fn rank(&self, unit: f64) -> u32 {
        let rank = self.sums.partition_point(|&sum| sum <= unit);
        // Rounding may leave the last sum a hair below 1.
        u32::try_from(rank.min(self.sums.len() - 1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    #[test]
    fn frequencies_follow_the_law() {
        let (ranks, draws) = (1000_u32, 200_000_u32);
        let zipf = Zipf::new(ranks, 0.99);
        let mut random = Random::of(1, Stream::Order, 0);
        let mut counts = vec![0_u32; ranks as usize];
        for _ in 0..draws {
            counts[zipf.rank(random.unit()) as usize] += 1;
        }
        let total: f64 = (1..=ranks).map(|rank| f64::from(rank).powf(-0.99)).sum();
        for rank in [1_u32, 2, 3, 10, 100] {
            let expected = f64::from(draws) * f64::from(rank).powf(-0.99) / total;
            let seen = f64::from(counts[rank as usize - 1]);
            // Five standard deviations of a count.
            assert!(
                (seen - expected).abs() < 5.0 * expected.sqrt(),
                "rank {rank}: {seen} instead of {expected}"
            );
        }
    }

    #[test]
    fn the_ends_of_the_range_fall_on_the_ends_of_the_table() {
        let zipf = Zipf::new(10, 0.99);
        assert_eq!(zipf.rank(0.0), 0);
        assert_eq!(zipf.rank(1.0 - f64::EPSILON), 9);
        assert_eq!(zipf.rank(1.0), 9);
        assert_eq!(Zipf::new(1, 0.99).rank(0.7), 0);
    }
}
