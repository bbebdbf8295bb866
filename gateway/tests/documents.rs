//! What the documents say is what the code has.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

fn document(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
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
fn every_error_code_has_a_paragraph() {
    let text = document("OPERATIONS.md");
    let mut codes = BTreeSet::new();
    for file in [
        "http/problem.rs",
        "http/mod.rs",
        "http/bulk.rs",
        "http/orders.rs",
        "http/stock.rs",
        "http/catalogue.rs",
        "auth.rs",
        "body.rs",
        "repeat.rs",
        "../../engine/src/refusal.rs",
    ] {
        let path = format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(path).unwrap();
        let words = source.split('"').skip(1).step_by(2);
        // A code is a word with an underscore that stands where a code can stand.
        for pattern in ["Problem::new(", "Refusal::new(", "check.wrong(", "self.wrong(", "invalid("] {
            for call in source.split(pattern).skip(1) {
                let arguments: String = call.chars().take(160).collect();
                let found = arguments.split('"').skip(1).step_by(2).find(|word| {
                    word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
                });
                codes.extend(found.map(str::to_owned));
            }
        }
        assert!(words.count() > 0);
    }
    assert!(codes.len() > 25, "{codes:?}");
    let missing: Vec<&String> = codes.iter().filter(|code| !text.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "without a paragraph: {missing:?}");
}
