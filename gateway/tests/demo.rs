//! The main job, with a real SIGKILL of a real process and the history checked afterwards.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::onhand;

#[test]
fn the_demo_keeps_every_promise() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let output = onhand(&["demo", "--exit", "--data", data.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for promise in ["oversold               0", "lost                   0", "applied twice          0"] {
        assert!(text.contains(promise), "{text}");
    }
    let retried = text.lines().find(|line| line.starts_with("killed with")).unwrap();
    assert!(!retried.contains(" 0 sent again"), "the kill met nobody: {retried}");
}
