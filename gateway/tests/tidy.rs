//! What the repository promises about itself: decisions have pages, dependencies have reasons, files stay short
//! enough to be read, and links lead somewhere.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of the longest source file, tests and benches included. It may only go down: whoever splits that file lowers it.
const FILE_LINES_MAX: usize = 548;

/// Dependencies that no crate uses yet, and why they stand in the list all the same. An entry that came into
/// use is taken out here.
const WAITING: [(&str, &str); 0] = [];

/// What every page of a decision has.
const DECISION_PARTS: [&str; 5] = [
    "\nStatus: ",
    "\n## Context\n",
    "\n## Decision\n",
    "\n## Consequences\n",
    "\n## What would change our mind\n",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a directory whose names end so.
fn files(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, suffix));
        } else if path.to_string_lossy().ends_with(suffix) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files that a page links to, without their anchors. What stands in code is no link.
fn links(text: &str) -> Vec<String> {
    let outside_blocks: String = text.split("```").step_by(2).collect();
    let outside_code: String = outside_blocks.split('`').step_by(2).collect();
    let targets = outside_code.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or(""));
    files.filter(|file| !file.is_empty() && !file.contains(':')).map(str::to_owned).collect()
}

/// The lines of a TOML table.
fn table<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let from = text.lines().skip_while(|line| *line != format!("[{name}]")).skip(1);
    from.take_while(|line| !line.starts_with('[')).filter(|line| line.contains('=')).collect()
}

fn members() -> Vec<String> {
    let text = read("Cargo.toml");
    let list = text.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Names in `[workspace.dependencies]` that are not our own crates.
fn dependencies() -> BTreeSet<String> {
    let text = read("Cargo.toml");
    let lines = table(&text, "workspace.dependencies");
    let foreign = lines.iter().filter(|line| !line.contains("path = "));
    foreign.map(|line| line.split(" =").next().unwrap().to_owned()).collect()
}

#[test]
fn every_decision_is_in_the_table() {
    let directory = root().join("docs/adr");
    let linked: BTreeSet<String> = links(&read("docs/adr/README.md")).into_iter().collect();
    let mut pages = BTreeSet::new();
    for path in files(&directory, ".md") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some((number, _)) = name.split_once('-').filter(|(number, _)| number.len() == 4) else {
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        let number: u32 = number.parse().unwrap();
        assert!(text.starts_with(&format!("# {number}. ")), "{name}: its title has another number");
        for part in DECISION_PARTS {
            assert!(text.contains(part), "{name} has no {part:?}");
        }
        pages.insert(name);
    }
    assert!(pages.len() >= 16, "{pages:?}");
    let missing: Vec<_> = pages.symmetric_difference(&linked).collect();
    assert!(
        missing.is_empty(),
        "only in the table of docs/adr/README.md, or only in the directory: {missing:?}"
    );
}

#[test]
fn every_dependency_is_used_and_has_a_reason() {
    let manifests: Vec<String> =
        members().iter().map(|member| read(format!("{member}/Cargo.toml"))).collect();
    let is_used = |name: &str| {
        let (short, long) = (format!("{name}.workspace = true"), format!("{name} = {{ workspace = true"));
        let mut lines = manifests.iter().flat_map(|manifest| manifest.lines());
        lines.any(|line| line.starts_with(&short) || line.starts_with(&long))
    };
    let waits = |name: &str| WAITING.iter().any(|(waiting, _)| *waiting == name);
    let text = read("docs/DEVELOPMENT.md");
    let section = text.split("\n## Dependencies\n").nth(1).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let names = rows.flat_map(|cell| cell.split(", ")).filter_map(|name| name.split(' ').next());
    let reasons: BTreeSet<String> = names.filter(|name| *name != "crate").map(str::to_owned).collect();
    let dependencies = dependencies();
    assert!(dependencies.len() > 40, "{dependencies:?}");

    let unused: Vec<_> = dependencies.iter().filter(|name| !is_used(name) && !waits(name)).collect();
    assert!(unused.is_empty(), "in Cargo.toml and used by no crate: {unused:?}");
    let arrived: Vec<_> =
        WAITING.iter().filter(|(name, _)| is_used(name) || !dependencies.contains(*name)).collect();
    assert!(arrived.is_empty(), "used by now, or gone; take them out of WAITING: {arrived:?}");
    let unexplained: Vec<_> = dependencies.difference(&reasons).collect();
    assert!(unexplained.is_empty(), "without a row in docs/DEVELOPMENT.md: {unexplained:?}");
    let gone: Vec<_> = reasons.difference(&dependencies).collect();
    assert!(gone.is_empty(), "a row in docs/DEVELOPMENT.md and not in Cargo.toml: {gone:?}");
}

/// All source files of the workspace. Below the directories of its members and not below their `src/` alone: tests are
/// read as often as what they test.
fn sources() -> Vec<PathBuf> {
    let members = members();
    let tops: BTreeSet<&str> = members.iter().filter_map(|member| member.split('/').next()).collect();
    let found = tops.iter().flat_map(|top| files(&root().join(top), ".rs"));
    found.filter(|path| path.iter().all(|part| part != "target")).collect()
}

#[test]
fn source_files_are_introduced_and_not_too_long() {
    let sources = sources();
    for kind in ["src", "tests", "benches", "examples"] {
        let is_seen = sources.iter().any(|path| path.iter().any(|part| part == kind));
        assert!(is_seen, "no file below any {kind}/ is looked at");
    }
    let mut longest = (0, PathBuf::new());
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} does not begin with what it is", path.display());
        longest = longest.max((text.lines().count(), path));
    }
    let (lines, path) = longest;
    let path = path.display();
    assert!(lines <= FILE_LINES_MAX, "{path} has {lines} lines, the longest may have {FILE_LINES_MAX}");
}

#[test]
fn every_link_leads_to_a_file() {
    let mut pages = files(&root().join("docs"), ".md");
    pages.push(root().join("README.md"));
    let mut count = 0;
    for page in pages {
        let directory = page.parent().unwrap();
        for link in links(&fs::read_to_string(&page).unwrap()) {
            assert!(directory.join(&link).exists(), "{}: {link} is not there", page.display());
            count += 1;
        }
    }
    assert!(count >= 16, "only {count} links were found");
}
