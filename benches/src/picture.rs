//! How figures grow: panels beside each other, both axes logarithmic, so that what grows in proportion is a straight
//! line that climbs as steeply in each.
//!
//! SVG by hand: lines and text need no library, and the picture stays small enough to be read as text.

use crate::numbers::figure;
use std::fmt::Write;

/// In pixels: a decade is as wide as it is high.
const DECADE: f64 = 70.0;
const LEFT: f64 = 74.0;
const TOP: f64 = 46.0;
const BELOW: f64 = 40.0;
const RIGHT: f64 = 36.0;
const LEGEND_LINE: f64 = 17.0;

/// Colours that can be told apart by those who do not see all of them.
const COLOURS: [&str; 5] = ["#1f6f5c", "#d55e00", "#0072b2", "#cc79a7", "#555555"];

/// One figure at several sizes.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Size and figure; those that are not above zero have no place here and are left out.
    pub points: Vec<(f64, f64)>,
}

/// Figures of one unit.
#[derive(Debug, Clone)]
pub struct Panel {
    /// What they are, with the unit.
    pub title: String,
    /// At most as many as there are colours.
    pub lines: Vec<Line>,
}

/// Powers of ten from and to which an axis goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    /// Around these figures, a decade at least.
    fn around(figures: impl Iterator<Item = f64> + Clone) -> Self {
        let logs = figures.filter(|figure| *figure > 0.0).map(f64::log10);
        let lowest = logs.clone().fold(f64::INFINITY, f64::min);
        let highest = logs.fold(f64::NEG_INFINITY, f64::max);
        if lowest > highest {
            return Self { from: 0, to: 1 };
        }
        // A power of ten itself is on its own line.
        let [from, to] = [(lowest + 1e-9).floor(), (highest - 1e-9).ceil()].map(whole);
        Self { from, to: to.max(from + 1) }
    }

    fn decades(self) -> f64 {
        f64::from(self.to - self.from)
    }

    /// How many pixels a figure is from the beginning.
    fn place(self, figure: f64) -> f64 {
        (figure.log10() - f64::from(self.from)) * DECADE
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a power of ten that figures have")]
fn whole(power: f64) -> i32 {
    power as i32
}

/// The panels beside each other; `sizes` is what the axis below each says.
#[must_use]
pub fn draw(title: &str, sizes: &str, panels: &[Panel]) -> String {
    let all = |panel: &Panel| panel.lines.iter().flat_map(|line| line.points.clone()).collect::<Vec<_>>();
    let across =
        Axis::around(panels.iter().flat_map(all).map(|(size, _)| size).collect::<Vec<_>>().into_iter());
    let upward: Vec<Axis> =
        panels.iter().map(|panel| Axis::around(all(panel).into_iter().map(|(_, figure)| figure))).collect();
    let tallest = upward.iter().map(|axis| axis.decades()).fold(1.0, f64::max) * DECADE;
    let wide = LEFT + across.decades() * DECADE + RIGHT;
    let legend = panels.iter().map(|panel| panel.lines.len()).max().unwrap_or(0) as f64 * LEGEND_LINE;
    let (width, height) = (wide * panels.len() as f64, TOP + tallest + BELOW + legend + 10.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    put(&mut out, &text((10.0, 18.0), "font-weight=\"bold\"", title));
    for (number, (panel, axis)) in panels.iter().zip(upward).enumerate() {
        let corner = (wide * number as f64 + LEFT, TOP + tallest);
        put(&mut out, &text((corner.0 - LEFT + 10.0, TOP - 8.0), "", &panel.title));
        grid(&mut out, corner, across, axis, sizes);
        for (line, colour) in panel.lines.iter().zip(COLOURS) {
            curve(&mut out, corner, across, axis, line, colour);
        }
        names(&mut out, (corner.0, corner.1 + BELOW), panel);
    }
    put(&mut out, "</svg>");
    out
}

/// A line at each power of ten, and what it is. `corner` is below on the left.
fn grid(out: &mut String, corner: (f64, f64), across: Axis, upward: Axis, sizes: &str) {
    let (left, bottom) = corner;
    let (right, top) = (left + across.decades() * DECADE, bottom - upward.decades() * DECADE);
    let ruler = |from: (f64, f64), to: (f64, f64)| {
        let ((x1, y1), (x2, y2)) = (from, to);
        format!(r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#dddddd"/>"##)
    };
    for power in across.from..=across.to {
        let x = left + across.place(10_f64.powi(power));
        put(out, &ruler((x, bottom), (x, top)));
        put(out, &text((x, bottom + 14.0), "text-anchor=\"middle\"", &figure(10_f64.powi(power))));
    }
    for power in upward.from..=upward.to {
        let y = bottom - upward.place(10_f64.powi(power));
        put(out, &ruler((left, y), (right, y)));
        let name = if power < -2 { format!("1e{power}") } else { figure(10_f64.powi(power)) };
        put(out, &text((left - 6.0, y + 4.0), "text-anchor=\"end\"", &name));
    }
    put(out, &text(((left + right) / 2.0, bottom + 29.0), "text-anchor=\"middle\"", sizes));
}

fn curve(out: &mut String, corner: (f64, f64), across: Axis, upward: Axis, line: &Line, colour: &str) {
    let drawn = line.points.iter().filter(|(size, figure)| *size > 0.0 && *figure > 0.0);
    let place =
        |(size, figure): &(f64, f64)| (corner.0 + across.place(*size), corner.1 - upward.place(*figure));
    let places: Vec<(f64, f64)> = drawn.map(place).collect();
    let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let points = points.join(" ");
    put(out, &format!(r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"#));
    for (x, y) in places {
        put(out, &format!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#));
    }
}

fn names(out: &mut String, corner: (f64, f64), panel: &Panel) {
    for (number, (line, colour)) in panel.lines.iter().zip(COLOURS).enumerate() {
        let (x, y) = (corner.0, corner.1 + LEGEND_LINE * number as f64);
        put(out, &format!(r#"<rect x="{x:.1}" y="{y:.1}" width="12" height="4" fill="{colour}"/>"#));
        put(out, &text((x + 18.0, y + 6.0), "", &line.name));
    }
}

fn text(at: (f64, f64), attributes: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    format!(r#"<text x="{:.1}" y="{:.1}" {attributes}>{words}</text>"#, at.0, at.1)
}

fn put(out: &mut String, line: &str) {
    // Into a string: this cannot fail.
    let _written = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_goes_around_its_figures_in_whole_decades() {
        let around = |figures: &[f64]| {
            let Axis { from, to } = Axis::around(figures.iter().copied());
            (from, to)
        };
        assert_eq!(around(&[10_000.0, 10_000_000.0]), (4, 7));
        assert_eq!(around(&[0.02, 31.0]), (-2, 2));
        assert_eq!(
            [around(&[500.0]), around(&[1_000.0]), around(&[0.0]), around(&[])],
            [(2, 3), (3, 4), (0, 1), (0, 1)]
        );
    }

    #[test]
    fn what_grows_in_proportion_climbs_a_decade_in_a_decade() {
        let axis = Axis { from: 4, to: 7 };
        assert_eq!([axis.place(1e4), axis.place(1e5), axis.place(1e7)], [0.0, DECADE, 3.0 * DECADE]);
        let line =
            Line { name: "a < b".into(), points: vec![(1e4, 0.1), (1e5, 1.0), (1e6, 0.0), (1e6, 10.0)] };
        let svg = draw("growth", "SKUs", &[Panel { title: "seconds".into(), lines: vec![line] }]);
        let (left, bottom) = (LEFT, TOP + 2.0 * DECADE);
        let point = |decades: f64| format!("{:.1},{:.1}", left + decades * DECADE, bottom - decades * DECADE);
        let expected = [0.0, 1.0, 2.0].map(point).join(" ");
        assert!(svg.contains(&format!("points=\"{expected}\"")), "{expected} in {svg}");
        assert_eq!((svg.matches("<circle").count(), svg.matches("a &lt; b").count()), (3, 1));
    }
}
