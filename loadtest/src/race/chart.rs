//! The medians as a picture: a bar for each row, in groups of a stream and a number of connections.

use std::path::Path;

use crate::error::LoadError;
use crate::race::table::{Figures, Table};
use crate::svg::{begin, grouped, put, text};

/// In pixels.
const WIDTH: u64 = 900;
const BAR: u64 = 18;
const GAP: u64 = 26;
const NAMES: u64 = 190;
const NUMBERS: u64 = 110;
const TOP: u64 = 30;

/// Writes the picture.
pub(crate) fn write(table: &Table, path: &Path) -> Result<(), LoadError> {
    let picture = draw(&table.medians());
    std::fs::write(path, picture).map_err(|source| LoadError::Write { path: path.to_path_buf(), source })
}

fn draw(medians: &[Figures]) -> String {
    let groups: Vec<&[Figures]> = medians
        .chunk_by(|one, next| one.stream == next.stream && one.connections == next.connections)
        .collect();
    let height = TOP + groups.iter().map(|group| GAP + BAR * group.len() as u64).sum::<u64>() + GAP;
    let longest = medians.iter().map(|row| row.orders_per_second).max().unwrap_or(1).max(1);
    let mut out = begin(WIDTH, height);
    put(
        &mut out,
        "<text x=\"10\" y=\"20\" font-weight=\"bold\">orders a second, medians; grey: a crash loses what was answered\
         </text>",
    );
    let mut y = TOP;
    for group in groups {
        y += GAP;
        let row = &group[0];
        put(&mut out, &text(10, y - 6, &format!("{}, {} connections", row.stream, row.connections)));
        for row in group {
            let length = (WIDTH - NAMES - NUMBERS) * row.orders_per_second / longest;
            let fill = match (row.durable, row.contender.starts_with("onhand")) {
                (false, _) => "#d8d8d8",
                (true, true) => "#1f6f5c",
                (true, false) => "#8aa9c4",
            };
            put(&mut out, &text(24, y + BAR - 5, &row.contender));
            let (top, thick) = (y + 2, BAR - 4);
            put(
                &mut out,
                &format!(r#"<rect x="{NAMES}" y="{top}" width="{length}" height="{thick}" fill="{fill}"/>"#),
            );
            put(&mut out, &text(NAMES + length + 6, y + BAR - 5, &grouped(row.orders_per_second)));
            y += BAR;
        }
    }
    put(&mut out, "</svg>");
    out
}
