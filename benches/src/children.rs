//! This program once more, as a child: memory that one measurement took, and what it left in caches of the process,
//! does not count for the next.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// Runs this program with these arguments and returns what it found. What it says on the way is shown.
#[must_use]
pub fn found_by<T: DeserializeOwned>(arguments: impl IntoIterator<Item = OsString>) -> T {
    let this = std::env::current_exe().expect("this program");
    let mut command = Command::new(this);
    let child = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let child = child.expect("a child of this program");
    assert!(child.status.success(), "the child ended: {}", child.status);
    serde_json::from_slice(&child.stdout).expect("what the child found")
}

/// In the child: says what was found.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub fn tell<T: Serialize>(found: &T) {
    println!("{}", serde_json::to_string(found).expect("what was found"));
}

/// Says how far it is.
#[expect(clippy::print_stderr, reason = "for whoever watches; the result goes to stdout")]
pub fn say(what: &str) {
    eprintln!("{what}");
}
