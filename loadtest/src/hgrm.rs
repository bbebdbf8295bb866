//! The latency distribution in the text form that HdrHistogram's plotter reads (`.hgrm`).

use std::io::{self, Write};

use hdrhistogram::Histogram;

/// Steps from one halving of the distance to 100 % to the next, as the other implementations have it.
const TICKS_PER_HALF: u32 = 5;

/// Nanoseconds in the unit shown, a millisecond.
const UNIT_NS: f64 = 1e6;

/// Writes a histogram of nanoseconds, in milliseconds.
pub(crate) fn write(histogram: &Histogram<u64>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / UNIT_NS;
        let quantile = step.quantile_iterated_to();
        if quantile < 1.0 {
            let inverse = 1.0 / (1.0 - quantile);
            writeln!(out, "{value:>12.3} {quantile:>2.12} {total:>10} {inverse:>14.2}")?;
        } else {
            writeln!(out, "{value:>12.3} {quantile:>2.12} {total:>10}")?;
        }
    }
    let mean = histogram.mean() / UNIT_NS;
    let deviation = histogram.stdev() / UNIT_NS;
    writeln!(out, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]")?;
    let max = histogram.max() as f64 / UNIT_NS;
    writeln!(out, "#[Max     = {max:>12.3}, Total count    = {:>12}]", histogram.len())?;
    writeln!(out, "#[Buckets = {:>12}, SubBuckets     = {:>12}]", histogram.buckets(), 2048)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::histogram;

    #[test]
    fn the_last_line_of_values_is_the_maximum_at_one() {
        let mut values = histogram();
        for milliseconds in 1..=1_000_u64 {
            values.saturating_record(milliseconds * 1_000_000);
        }
        let mut out = Vec::new();
        write(&values, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(rows[0].len(), 4);
        let last = rows.last().unwrap();
        assert_eq!((last[1], last[2], last.len()), ("1.000000000000", "1000", 3));
        assert!(last[0].parse::<f64>().unwrap() >= 999.0);
        let quantiles: Vec<f64> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
        assert!(quantiles.is_sorted());
        assert!(text.contains("Total count    =         1000]"));
    }
}
