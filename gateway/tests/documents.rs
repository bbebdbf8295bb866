//! What the documents say is what the code has.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Server, merchant};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn document(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Type and label values of a metric.
type Shape = (String, BTreeMap<String, BTreeSet<String>>);

/// The rows of the page.
fn told() -> BTreeMap<String, Shape> {
    let text = document("METRICS.md");
    let rows = text.lines().filter(|line| line.starts_with("| `onhand_"));
    let shape = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let label = cells[3].split_once(": ").map(|(name, values)| {
            (name.trim_matches('`').to_owned(), values.split(", ").map(str::to_owned).collect())
        });
        (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), label.into_iter().collect()))
    };
    rows.map(shape).collect()
}

/// What a server exports.
fn exported(text: &str) -> BTreeMap<String, Shape> {
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        shapes.insert(name.to_owned(), (kind.to_owned(), BTreeMap::new()));
    }
    for line in text.lines().filter(|line| line.starts_with("onhand_")) {
        let Some((series, labels)) = line.split_once('}').and_then(|(series, _)| series.split_once('{'))
        else {
            continue;
        };
        let name = ["_bucket", "_sum", "_count"]
            .into_iter()
            .filter_map(|suffix| series.strip_suffix(suffix))
            .find(|name| shapes.contains_key(*name))
            .unwrap_or(series);
        let shape = shapes.get_mut(name).unwrap();
        for (label, value) in labels.split(',').filter_map(|label| label.split_once('=')) {
            if label != "le" {
                shape.1.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
            }
        }
    }
    shapes
}

#[test]
fn every_metric_stands_in_the_catalogue_with_its_meaning() {
    let text = document("METRICS.md");
    let engine = onhand_engine::metrics::CATALOGUE;
    let gateway = onhand_gateway::metrics::CATALOGUE;
    let mut known = BTreeSet::new();
    for (name, meaning) in engine.iter().chain(&gateway) {
        assert!(text.contains(&format!("`{name}`")) && text.contains(meaning), "{name}: {meaning}");
        known.insert(*name);
    }
    let named = text.split('`').skip(1).step_by(2).filter(|word| word.starts_with("onhand_"));
    for name in named {
        assert!(known.contains(name), "{name} is in the page and not in the code");
    }
}

#[test]
fn types_and_labels_are_those_that_a_server_exports() {
    let data = tempfile::tempdir().unwrap();
    merchant(data.path(), "acme", "read");
    let server = Server::start(data.path());
    let (_, _, text) = server.ask("GET", "/metrics", "", &[], "");
    let (told, exported) = (told(), exported(text.as_str().unwrap()));
    assert_eq!(told.keys().collect::<Vec<_>>(), exported.keys().collect::<Vec<_>>());
    for (name, shape) in &told {
        assert_eq!(shape, &exported[name], "{name}");
    }
}

/// Cells of the rows of a table, between two lines of a page.
fn rows<'a>(text: &'a str, begin: &str, end: &str) -> Vec<Vec<&'a str>> {
    let part = text.split_once(begin).unwrap().1.split_once(end).unwrap().0;
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_counted_instructions_are_those_that_were_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("benches/instructions/recorded.toml")).unwrap();
    let recorded: toml::Table = toml::from_str(&text).unwrap();
    let page = document("PERFORMANCE.md");
    for condition in ["compiler", "target", "valgrind"] {
        assert!(page.contains(recorded[condition].as_str().unwrap()), "{condition}");
    }
    let told: BTreeMap<String, i64> = rows(&page, "<!-- counted: begin -->", "<!-- counted: end -->")
        .iter()
        .map(|cells| (cells[0].trim_matches('`').to_owned(), cells[2].replace(',', "").parse().unwrap()))
        .collect();
    let counts = recorded["instructions"].as_table().unwrap();
    let recorded = counts.iter().map(|(case, count)| (case.clone(), count.as_integer().unwrap())).collect();
    assert_eq!(told, recorded, "benches/instructions/run --record writes both");
    assert!(told.len() >= 10, "{told:?}");
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        if path.is_dir() { files(&path) } else { vec![std::fs::read_to_string(path).unwrap()] }
    };
    entries.flat_map(read).collect()
}

#[test]
fn every_error_code_has_a_paragraph() {
    let text = document("OPERATIONS.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = files(&root.join("src"));
    sources.push(std::fs::read_to_string(root.join("../engine/src/refusal.rs")).unwrap());
    let mut codes = BTreeSet::new();
    for source in sources {
        // A code is a word with an underscore that stands where a code can stand.
        for pattern in
            ["::new(4", "::new(5", "::new(\n", "check.wrong(", "self.wrong(", "invalid(", "at_member("]
        {
            for call in source.split(pattern).skip(1) {
                let arguments: String = call.chars().take(160).collect();
                let found = arguments.split('"').skip(1).step_by(2).find(|word| {
                    word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                });
                codes.extend(found.map(str::to_owned));
            }
        }
        // And whatever a `code` is set to.
        for call in source.split("code: \"").skip(1) {
            codes.extend(call.split('"').next().map(str::to_owned));
        }
    }
    codes.extend(onhand_engine::routing::CODES.map(|(code, _)| code.to_owned()));
    assert!(codes.len() > 50, "{codes:?}");
    let missing: Vec<&String> = codes.iter().filter(|code| !text.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "without a paragraph: {missing:?}");
    assert!(!text.contains("the detail says"), "a paragraph says what happened and what to do");
}
