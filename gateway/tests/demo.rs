//! The main job, with a real SIGKILL of a real process and the history checked afterwards.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{Server, key, onhand};

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
    assert!(text.contains("failed                 0"), "{text}");
    let retried = text.lines().find(|line| line.starts_with("killed with")).unwrap();
    assert!(!retried.contains(" 0 sent again"), "the kill met nobody: {retried}");

    // What the demo suggests to try has something to show.
    let key = key(data.to_str().unwrap(), "demo", "read");
    let server = Server::start(&data);
    let (status, _, page) =
        server.ask("GET", "/v1/orders?channel=shopify&status=shipped&limit=2", &key, &[], "");
    assert_eq!((status, page["data"].as_array().map(Vec::len)), (200, Some(2)), "{page}");
    assert_eq!(server.ask("GET", "/v1/stock/23084", &key, &[], "").0, 200);
}
