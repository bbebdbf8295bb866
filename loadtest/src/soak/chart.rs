//! The course of a run as a picture: throughput, p99.9 and resident memory, one above the other over the same time.

use crate::soak::verdict::{Trend, Trends};
use crate::soak::watch::Sample;
use crate::svg::{begin, put, text};

/// In pixels.
const WIDTH: u64 = 900;
const HEIGHT: u64 = 560;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const PANEL: f64 = 120.0;
const GAP: f64 = 40.0;

/// One of the three courses.
struct Panel {
    name: &'static str,
    of: fn(&Sample) -> f64,
    trend: fn(&Trends) -> Trend,
    /// From the trend's unit to the panel's.
    unit: f64,
    digits: usize,
}

const PANELS: [Panel; 3] = [
    Panel {
        name: "requests answered a second",
        of: Sample::per_second,
        trend: |trends| trends.throughput,
        unit: 1.0,
        digits: 0,
    },
    Panel {
        name: "p99.9 from the planned time, ms",
        of: |sample| sample.latency.p99_9_ms,
        trend: |trends| trends.p99_9,
        unit: 1.0,
        digits: 1,
    },
    Panel {
        name: "resident memory of the server, MiB",
        of: |sample| sample.resident as f64 / MIB,
        trend: |trends| trends.resident,
        unit: MIB,
        digits: 0,
    },
];

const MIB: f64 = 1_048_576.0;

/// Places in the picture.
struct Scale {
    seconds: f64,
    top: f64,
    most: f64,
}

impl Scale {
    fn x(&self, at: f64) -> f64 {
        LEFT + (WIDTH as f64 - LEFT - RIGHT) * at / self.seconds.max(1.0)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + PANEL * (1.0 - value / self.most.max(f64::MIN_POSITIVE))
    }
}

/// Draws the samples; `title` says what was run.
pub(crate) fn draw(samples: &[Sample], trends: Option<&Trends>, title: &str) -> String {
    let mut out = begin(WIDTH, HEIGHT);
    put(&mut out, &format!(r#"<text x="10" y="20" font-weight="bold">{title}</text>"#));
    let seconds = samples.last().map_or(1.0, |sample| sample.at);
    let mut top = TOP;
    for panel in &PANELS {
        let largest = samples.iter().map(panel.of).fold(0.0, f64::max);
        let scale = Scale { seconds, top, most: round_up(largest) };
        draw_panel(&mut out, panel, &scale, samples, trends);
        top += PANEL + GAP;
    }
    let below = top - GAP + 18.0;
    put(&mut out, &text(LEFT, below, "0 s"));
    put(&mut out, &end(WIDTH as f64 - RIGHT, below, &format!("{seconds:.0} s")));
    put(
        &mut out,
        &text(
            LEFT,
            below + 20.0,
            "grey lines: snapshots; red: medians of the first and the last third; shaded: not judged",
        ),
    );
    put(&mut out, "</svg>");
    out
}

fn draw_panel(out: &mut String, panel: &Panel, scale: &Scale, samples: &[Sample], trends: Option<&Trends>) {
    let (top, bottom) = (scale.top, scale.top + PANEL);
    put(out, &text(LEFT, top - 8.0, panel.name));
    if let Some(trends) = trends {
        let width = scale.x(trends.first.0) - LEFT;
        put(
            out,
            &format!(r##"<rect x="{LEFT}" y="{top}" width="{width:.1}" height="{PANEL}" fill="#eeeeee"/>"##),
        );
    }
    for at in samples.iter().flat_map(|sample| &sample.snapshots_at) {
        line(out, (scale.x(*at), bottom - 12.0), (scale.x(*at), bottom), "#999999");
    }
    line(out, (LEFT, top), (LEFT, bottom), "#333333");
    line(out, (LEFT, bottom), (WIDTH as f64 - RIGHT, bottom), "#333333");
    let digits = panel.digits;
    put(out, &end(LEFT - 6.0, top + 4.0, &format!("{:.digits$}", scale.most)));
    put(out, &end(LEFT - 6.0, bottom + 4.0, "0"));
    let point = |sample: &Sample| {
        // In the middle of what it is about.
        let (x, y) = (scale.x(sample.at - sample.seconds / 2.0), scale.y((panel.of)(sample)));
        format!("{x:.1},{y:.1}")
    };
    let points: Vec<String> = samples.iter().map(point).collect();
    let points = points.join(" ");
    put(out, &format!(r##"<polyline points="{points}" fill="none" stroke="#1f6f5c" stroke-width="1.5"/>"##));
    if let Some(trends) = trends {
        draw_trend(out, panel, scale, trends);
    }
}

/// The two medians, each over its third, and the change.
fn draw_trend(out: &mut String, panel: &Panel, scale: &Scale, trends: &Trends) {
    let trend = (panel.trend)(trends);
    for ((from, to), median) in [(trends.first, trend.first), (trends.last, trend.last)] {
        let y = scale.y(median / panel.unit);
        line(out, (scale.x(from), y), (scale.x(to), y), "#c0392b");
    }
    let digits = panel.digits;
    let (first, last) = (trend.first / panel.unit, trend.last / panel.unit);
    let words = format!("{first:.digits$} to {last:.digits$}, {:+.1} %", trend.change() * 100.0);
    put(out, &end(WIDTH as f64 - RIGHT, scale.top - 8.0, &words));
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), stroke: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    put(out, &format!(r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{stroke}"/>"#));
}

/// Words that end at a point.
fn end(x: f64, y: f64, words: &str) -> String {
    format!(r#"<text x="{x}" y="{y}" text-anchor="end">{words}</text>"#)
}

/// The next of 1, 2 and 5 times a power of ten: the top of an axis.
fn round_up(value: f64) -> f64 {
    let mut step = 1.0;
    while step < value {
        step *= 10.0;
    }
    let parts = [0.1, 0.2, 0.5, 1.0].map(|part| part * step);
    parts.into_iter().find(|top| *top >= value).unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::verdict::tests::samples;

    #[test]
    fn the_top_of_an_axis_is_a_round_number_that_is_not_less() {
        for (value, top) in
            [(0.0, 0.1), (0.3, 0.5), (1.0, 1.0), (21.0, 50.0), (41_000.0, 50_000.0), (180.0, 200.0)]
        {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}: {}", round_up(value));
        }
    }

    #[test]
    fn each_sample_is_a_point_of_each_course_and_each_snapshot_a_mark() {
        let samples = samples(|number| (8_000, if number > 20 { 8.0 } else { 4.0 }, 200 << 20));
        let picture = draw(&samples, Trends::of(&samples).as_ref(), "a soak");
        let courses: Vec<&str> = picture
            .lines()
            .filter_map(|line| line.strip_prefix("<polyline points=\"")?.split('"').next())
            .collect();
        assert_eq!(courses.iter().map(|points| points.split(' ').count()).collect::<Vec<_>>(), [30; 3]);
        assert_eq!(picture.matches("#999999").count(), 3 * 30);
        assert_eq!(picture.matches("#c0392b").count(), 3 * 2);
        for words in ["4000 to 4000, +0.0 %", "4.0 to 8.0, +100.0 %", "200 to 200, +0.0 %", "60 s"] {
            assert!(picture.contains(words), "{words}");
        }
        // What is twice as much stands twice as high over the axis.
        let y = |point: Option<&str>| point.unwrap().split(',').nth(1).unwrap().parse::<f64>().unwrap();
        let axis = TOP + PANEL + GAP + PANEL;
        let (low, high) =
            (axis - y(courses[1].split(' ').next()), axis - y(courses[1].split(' ').next_back()));
        assert!(low > 10.0 && (high / low - 2.0).abs() < 0.01, "{low} {high}");
    }

    #[test]
    fn nothing_sampled_is_a_picture_too() {
        let picture = draw(&[], None, "a soak");
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n") && !picture.contains("NaN"));
    }
}
