//! A repair that would give up what may have been acknowledged, or hide it, is refused, and changes nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::shop::{
    SMALL, changed, commands, fixture, flip, image, names, raw, refused_and_unchanged, segments, serve, text,
    typed,
};
use common::{SCOPES, Server, merchant};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Output;

#[test]
fn a_backup_that_lacks_what_was_acknowledged_does_not_end_the_log() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    let backup = fixture.path("backup");
    let fetch = ["fetch-segment", "--from", backup.to_str().unwrap()];
    // Another merchant is made, and acknowledged; the frame of it is damaged.
    let data = fixture.copy(&top.path().join("damaged"));
    let server = Server::start_with(&data, &SMALL);
    while UnixStream::connect(data.join("admin.sock")).is_err() {
        std::thread::yield_now();
    }
    merchant(&data, "beta", SCOPES);
    server.kill();
    fs::remove_file(data.join("admin.sock")).unwrap();
    let last = raw(&data).pop().unwrap();
    let written = fs::read(&last).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    flip(&last, written);
    assert_eq!(serve(&data).status.code(), Some(3));
    let said = refused_and_unchanged(&fetch, &data);
    assert!(said.contains("behind the last record that the backup has; the log would end"), "{said}");
    assert!(
        said.contains("onhand restore BACKUP ") && said.contains("repair cut-log --before-lsn "),
        "{said}"
    );
    // The last segment is gone; then all of the log, of which nothing could be kept.
    let gone = fixture.copy(&top.path().join("gone"));
    fs::remove_file(raw(&gone).pop().unwrap()).unwrap();
    let said = refused_and_unchanged(&fetch, &gone);
    assert!(said.contains("the last segment is missing; the log would end at record "), "{said}");
    fs::remove_dir_all(gone.join("log")).unwrap();
    let refused = text(&serve(&gone).stderr);
    assert!(refused.contains("the log was deleted or moved away"), "{refused}");
    assert!(commands(&refused).iter().all(|command| command.starts_with("restore BACKUP ")), "{refused}");
    let said = refused_and_unchanged(&fetch, &gone);
    assert!(said.contains("no segment is there any more") && !said.contains("cut-log"), "{said}");
}

#[test]
fn a_damaged_log_is_not_cut_under_another_logs_key() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    let data = fixture.copy(&top.path().join("data"));
    let key = data.join("fingerprint.key");
    fs::copy(fixture.path("other/fingerprint.key"), &key).unwrap();
    flip(raw(&data).last().unwrap(), 5_000);
    let commands_of = |output: &Output| commands(&text(&output.stderr));
    let find = |commands: Vec<String>, word: &str| commands.into_iter().find(|it| it.contains(word)).unwrap();
    let cut = find(commands_of(&serve(&data)), "cut-log");
    let before = image(&data);
    let refused = typed(&cut, true);
    let error = text(&refused.stderr);
    assert!(refused.status.code() == Some(3) && error.contains("does not belong to this log"), "{error}");
    assert_eq!(changed(&before, &image(&data)), [] as [&Path; 0]);
    // The right key comes back beside the damage, and then the log is cut under it.
    typed(&find(commands_of(&refused), "fetch-key"), true);
    assert!(fs::read(&key).unwrap() == fs::read(fixture.path("shop/fingerprint.key")).unwrap());
    let done = typed(&cut, true);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(fs::read(&key).unwrap()[..32], fs::read(fixture.path("shop/fingerprint.key")).unwrap());
}

#[test]
fn a_new_key_does_not_hide_that_a_segment_is_missing() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    let data = fixture.copy(&top.path().join("data"));
    fs::remove_file(data.join("fingerprint.key")).unwrap();
    raw(&data).iter().skip(1).for_each(|path| fs::remove_file(path).unwrap());
    let said = refused_and_unchanged(&["new-key"], &data);
    assert!(said.contains("snapshots or the index know record "), "{said}");
    assert!(
        said.contains("and the log ends at record ") && said.contains("repair fetch-key --from "),
        "{said}"
    );
    segments(&data).iter().for_each(|path| fs::remove_file(path).unwrap());
    let said = refused_and_unchanged(&["new-key"], &data);
    assert!(said.contains("has no segment that can be read"), "{said}");
}

#[test]
fn a_directory_with_neither_segment_nor_key_is_given_nothing() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    let data = top.path().join("data");
    fs::create_dir_all(data.join("log")).unwrap();
    let backup = fixture.path("backup");
    let backup = backup.to_str().unwrap();
    for words in [
        &["fetch-segment", "--from", backup][..],
        &["sort-segments"],
        &["cut-log", "--before-lsn", "2"],
        &["rebuild-derived"],
        &["fetch-key", "--from", backup],
        &["new-key"],
        &["fetch-customer-keys", "--from", backup],
        &["new-customer-keys"],
    ] {
        let said = refused_and_unchanged(words, &data);
        assert!(said.contains("has no segment that can be read"), "{words:?}: {said}");
        assert_eq!(names(&data), ["LOCK", "log"], "{words:?}");
    }
}
