//! A start that is refused says which command to type, and that command mends it: without `--yes` it only says what it
//! would do and changes nothing, with `--yes` the directory is served again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::shop::{
    SMALL, changed, commands, copy_tree, cut, fixture, flip, image, log_of, raw, segments, serve, swap, text,
    typed,
};
use common::{Server, onhand};
use onhand_engine::record::admin::LogClosedV1;
use onhand_engine::record::{Header, Kind, encode_into};
use onhand_engine::secrets::Fingerprints;
use onhand_engine::snapshots::log::{Log, LogOptions, SEGMENT_BYTES_MIN};
use onhand_engine::snapshots::{Disk, Lsn};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What happens to a directory, what the refusal says of it, and the command that is tried.
struct Case {
    name: &'static str,
    change: fn(&Path),
    said: &'static str,
    repair: &'static str,
    /// Whether every record is there again, and the log is the one it was.
    is_whole: bool,
}

const CASES: [Case; 19] = [
    Case {
        name: "a frame is damaged",
        change: |data| flip(raw(data).last().unwrap(), 5_000),
        said: ", offset ",
        repair: "fetch-segment",
        is_whole: true,
    },
    Case {
        name: "a frame is damaged and there is no backup",
        change: |data| flip(raw(data).last().unwrap(), 5_000),
        said: ", offset ",
        repair: "cut-log",
        is_whole: false,
    },
    Case {
        name: "the first segment is damaged",
        change: |data| flip(&segments(data)[0], 100),
        said: "records: 1 to ",
        repair: "fetch-segment",
        is_whole: true,
    },
    Case {
        name: "a segment is gone",
        change: |data| fs::remove_file(&raw(data)[1]).unwrap(),
        said: "records are missing here",
        repair: "fetch-segment",
        is_whole: true,
    },
    Case {
        name: "a segment is gone and there is no backup",
        change: |data| fs::remove_file(&raw(data)[1]).unwrap(),
        said: "records are missing here",
        repair: "cut-log",
        is_whole: false,
    },
    Case {
        name: "all segments but the first are gone",
        change: |data| segments(data)[1..].iter().for_each(|path| fs::remove_file(path).unwrap()),
        said: "",
        repair: "cut-log",
        is_whole: false,
    },
    Case {
        name: "two segments changed places",
        change: |data| swap(&raw(data)[0], &raw(data)[1]),
        said: "its name says record",
        repair: "sort-segments",
        is_whole: true,
    },
    Case {
        name: "a segment stands there twice",
        change: |data| {
            fs::copy(&raw(data)[1], data.join("log/00000000000009999999.seg")).unwrap();
        },
        said: "its name says record 9999999",
        repair: "sort-segments",
        is_whole: true,
    },
    Case {
        name: "a record is whole and says what cannot be followed",
        change: |data| append(data, Kind::MerchantCreated, &[0xFF; 3]),
        said: " cannot be used: ",
        repair: "cut-log",
        is_whole: false,
    },
    Case {
        name: "the key is gone",
        change: |data| fs::remove_file(data.join("fingerprint.key")).unwrap(),
        said: "is missing, and there is a log",
        repair: "fetch-key",
        is_whole: true,
    },
    Case {
        name: "the key is cut",
        change: |data| fs::write(data.join("fingerprint.key"), "short").unwrap(),
        said: "is no key",
        repair: "fetch-key",
        is_whole: true,
    },
    Case {
        name: "the key is another log's and there is no backup",
        change: |data| {
            fs::copy(fixture().path("other/fingerprint.key"), data.join("fingerprint.key")).unwrap();
        },
        said: "does not belong to this log",
        repair: "new-key",
        is_whole: false,
    },
    Case {
        name: "the keys of personal data are gone",
        change: |data| fs::remove_file(data.join("customer.keys")).unwrap(),
        said: "customer.keys is missing, and had ",
        repair: "fetch-customer-keys",
        is_whole: true,
    },
    Case {
        name: "the keys of personal data are an older copy",
        change: |data| cut(&data.join("customer.keys"), 64 * 100),
        said: "it has 100 keys, and had ",
        repair: "fetch-customer-keys",
        is_whole: true,
    },
    Case {
        name: "the keys of personal data are gone and a backup has some",
        change: |data| fs::remove_file(data.join("customer.keys")).unwrap(),
        said: "customer.keys is missing",
        repair: "new-customer-keys --from",
        is_whole: true,
    },
    Case {
        name: "the keys of personal data are gone, also their number, and there is no backup",
        change: |data| {
            ["customer.keys", "customer.count"]
                .iter()
                .for_each(|name| fs::remove_file(data.join(name)).unwrap());
        },
        said: "customer.keys is missing",
        repair: "new-customer-keys /",
        is_whole: true,
    },
    Case {
        name: "the keys of personal data are another log's",
        change: |data| {
            // Without the count the start reads all orders.
            fs::remove_file(data.join("customer.count")).unwrap();
            exchange_keys(&data.join("customer.keys"));
        },
        said: "customer.keys belongs to another log",
        repair: "fetch-customer-keys",
        is_whole: true,
    },
    Case {
        name: "the snapshots are another log's",
        change: |data| {
            for dir in ["snapshots", "index"] {
                fs::remove_dir_all(data.join(dir)).unwrap();
                copy_tree(&fixture().path("other").join(dir), &data.join(dir));
            }
        },
        said: "the snapshots belong to another log",
        repair: "rebuild-derived",
        is_whole: true,
    },
    Case {
        name: "a repair was broken off",
        change: |data| {
            let plan = "onhand repair 1\nquarantine/repair-0\nindex\tquarantine/repair-0/index\n";
            let hash = blake3::hash(plan.as_bytes()).to_hex();
            fs::create_dir(data.join("repair")).unwrap();
            fs::write(data.join("repair/plan"), format!("{plan}{hash}\n")).unwrap();
        },
        said: "a repair was broken off",
        repair: "finish",
        is_whole: true,
    },
];

/// The exit code of a case's refusal: the last one lacks nothing but its next command.
fn code_of(case: &Case) -> i32 {
    if case.repair == "finish" { 5 } else { 3 }
}

/// Whether another log has all records that this one had when the fixture was made.
fn keeps_all(case: &Case) -> bool {
    case.repair == "new-key" || case.said.contains("cannot be used")
}

/// Appends a record to the log as its writer does.
fn append(data: &Path, kind: Kind, body: &[u8]) {
    let cluster = Fingerprints::open(data).unwrap().cluster();
    let options = LogOptions { cluster, segment_bytes: SEGMENT_BYTES_MIN };
    let mut opened = Log::open(Disk::at(data).storage, options, Lsn(1), &mut |_, _| Ok(())).unwrap();
    let at = u64::MAX >> 1;
    let header = Header {
        kind,
        version: 1,
        merchant: 0,
        at,
        actor: 0,
        request: [0; 16],
        idempotency: None,
        fingerprint: None,
    };
    let mut record = Vec::new();
    header.encode_into(&mut record);
    record.extend_from_slice(body);
    opened.appender.append(&[&record]).unwrap();
    opened.writer.step().unwrap();
}

/// Other keys, as many: how many another log has made is a matter of time.
fn exchange_keys(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    for (number, slot) in (0_u64..).zip(bytes.chunks_exact_mut(64)) {
        slot[0] ^= 1;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&number.to_le_bytes()).update(&slot[..32]);
        slot[32..48].copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn every_refusal_says_a_command_that_mends_it() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    for (number, case) in CASES.iter().enumerate() {
        let data = fixture.copy(&top.path().join(number.to_string()));
        (case.change)(&data);
        let before = image(&data);
        let refused = serve(&data);
        let error = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(code_of(case)), "{}: {error}", case.name);
        for part in [case.said, "refused: ", "\n  where:   ", "\n  records: ", "Nothing was changed. Next"] {
            assert!(error.contains(part), "{}: {part:?} is not in: {error}", case.name);
        }
        assert_eq!(
            changed(&before, &image(&data)),
            [] as [&Path; 0],
            "{}: the start changed something",
            case.name
        );
        let commands = commands(&error);
        let word = format!("repair {}", case.repair);
        let command = commands.iter().find(|command| command.starts_with(&word));
        let command = command.unwrap_or_else(|| panic!("{}: no {word} in {error}", case.name));
        if case.repair != "finish" {
            let told = typed(command, false);
            let said = format!("{}{}", text(&told.stdout), text(&told.stderr));
            assert_eq!(told.status.code(), Some(5), "{}: {said}", case.name);
            assert!(said.contains("loses: ") && said.contains("--yes"), "{}: {said}", case.name);
            assert!(image(&data) == before, "{}: saying it changed something", case.name);
        }
        let done = typed(command, case.repair != "finish");
        let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
        assert_eq!(done.status.code(), Some(0), "{}: {said}", case.name);
        assert!(said.contains("every invariant holds"), "{}: {said}", case.name);
        mended(case, &data, &before);
    }
}

/// Served again; nothing that was there is gone for good; and the log is what it should be.
fn mended(case: &Case, data: &Path, before: &BTreeMap<PathBuf, Vec<u8>>) {
    let after = image(data);
    for (path, bytes) in before {
        let is_kept = after.values().any(|kept| kept == bytes);
        assert!(
            is_kept || path.starts_with(data.join("repair")),
            "{}: {} is gone",
            case.name,
            path.display()
        );
    }
    let fixture = fixture();
    let (log, all) = (log_of(data), &fixture.log);
    if case.is_whole {
        assert!(log == *all, "{}: {} records", case.name, log.len());
    } else {
        let kept = log.len() - 1;
        assert!(kept >= 1 && log[..kept] == all[..kept], "{}", case.name);
        let opened: Value = serde_json::from_str(&log[kept]).unwrap();
        let first: Value = serde_json::from_str(&all[0]).unwrap();
        assert_eq!(opened["kind"], "log_opened", "{}", case.name);
        assert_ne!(opened["body"]["cluster"], first["body"]["cluster"], "{}: another log", case.name);
        assert_eq!(kept == all.len(), keeps_all(case), "{}", case.name);
    }
    Server::start_with(data, &SMALL).kill();
}

/// The last record says what state stopped, and recovery comes to another one: the audit names that record, and the backup
/// is what is left.
#[test]
fn a_state_that_is_not_the_one_that_stopped_is_refused_and_a_backup_is_served_instead() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    let data = fixture.copy(&top.path().join("data"));
    let mut body = Vec::new();
    encode_into(&LogClosedV1 { digest: 1 }, &mut body).unwrap();
    append(&data, Kind::LogClosed, &body);
    let before = image(&data);
    let refused = serve(&data);
    let error = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{error}");
    assert!(error.contains("refused: ") && error.contains("Nothing was changed. Next"), "{error}");
    let commands = commands(&error);
    let [verify, rebuild, restore] = &commands[..] else { panic!("{error}") };
    let audit = typed(verify, false);
    let report = text(&audit.stdout);
    assert!(verify.starts_with("verify ") && !audit.status.success(), "{verify}: {report}");
    let last = format!("first by record {}", fixture.log.len() + 1);
    assert!(report.contains("J3   BROKEN") && report.contains(&last), "{report}");
    assert!(rebuild.starts_with("repair rebuild-derived ") && restore.starts_with("restore "), "{error}");
    assert_eq!(changed(&before, &image(&data)), [] as [&Path; 0]);
    // The snapshots are not what is wrong here: the log alone comes to the same state, and the audit says so again.
    assert_eq!(typed(rebuild, true).status.code(), Some(1));
    assert_eq!(serve(&data).status.code(), Some(3));
    let restored = typed(restore, false);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    Server::start_with(Path::new(restore.rsplit(' ').next().unwrap()), &SMALL).kill();
}

#[test]
fn a_cut_says_what_is_lost_and_files_of_before_are_refused() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    let data = fixture.copy(&top.path().join("data"));
    let whole = data.to_str().unwrap().to_owned();
    let last = fixture.log.len();
    let before = (last - 3).to_string();
    let cut = |options: &[&str]| {
        let words = ["repair", "cut-log", "--before-lsn"].into_iter().chain(options.iter().copied());
        onhand(&words.chain([&*whole]).collect::<Vec<_>>())
    };
    let told = text(&cut(&[&before]).stdout);
    assert!(told.contains(&format!("loses: records {before} to {last}, 4 records")), "{told}");
    assert!(told.contains("order_accepted, merchant 1 (acme)") && told.contains("4 of them are"), "{told}");
    for (lsn, next) in [("0", last + 1), ("1", last + 1), ("99999999", last + 1)] {
        let refused = cut(&[lsn]);
        let error = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(5), "{error}");
        assert!(error.contains(&format!("--before-lsn {next} ")), "{error}");
    }
    let refused = cut(&[&(last + 1).to_string()]);
    assert!(text(&refused.stderr).contains("there is nothing to cut"), "{}", text(&refused.stderr));
    assert_eq!(cut(&[&before, "--yes"]).status.code(), Some(0));
    // A segment, an archive and the backup of the log that it was are not taken for this one's.
    let older = segments(&fixture.path("shop")).pop().unwrap();
    let place = data.join("log").join(older.file_name().unwrap());
    assert!(!place.exists());
    fs::copy(&older, &place).unwrap();
    assert_eq!(serve(&data).status.code(), Some(3));
    let backup = fixture.path("backup");
    let fetched = onhand(&["repair", "fetch-segment", "--from", backup.to_str().unwrap(), &whole]);
    assert!(text(&fetched.stderr).contains("is a backup of another log"), "{}", text(&fetched.stderr));
    fs::remove_file(place).unwrap();
    Server::start_with(&data, &SMALL).kill();
}

#[test]
fn a_directory_that_lacks_nothing_or_is_in_use_is_left_alone() {
    let fixture = fixture();
    let top = tempfile::tempdir().unwrap();
    let data = fixture.copy(&top.path().join("data"));
    let (path, backup) = (data.to_str().unwrap(), fixture.path("backup"));
    let backup = backup.to_str().unwrap();
    let other = top.path().join("other");
    let other = other.to_str().unwrap();
    assert!(onhand(&["backup", fixture.path("other").to_str().unwrap(), other]).status.success());
    let before = image(&data);
    for (words, code, said) in [
        (&["fetch-segment", "--from", backup, path][..], 5, "nothing to mend"),
        (&["sort-segments", path], 5, "nothing to mend"),
        (&["fetch-key", "--from", backup, path], 5, "nothing to mend"),
        (&["new-key", path], 5, "nothing to mend"),
        (&["fetch-customer-keys", "--from", backup, path], 5, "nothing to mend"),
        (&["new-customer-keys", "--from", backup, path], 5, "nothing to mend"),
        (&["new-customer-keys", path], 5, "nothing to mend"),
        (&["fetch-customer-keys", "--from", other, path], 5, "is a backup of another log"),
        (&["finish", path], 5, "nothing to mend"),
        (&["sort-segments", backup], 5, "is a backup"),
        (&["sort-segments", "/nonexistent"], 2, "is no directory"),
        (&["fetch-segment", "--from", path, path], 5, "has no backup.json"),
    ] {
        let words: Vec<&str> = ["repair"].into_iter().chain(words.iter().copied()).collect();
        let refused = onhand(&words);
        let error = text(&refused.stderr);
        assert!(refused.status.code() == Some(code) && error.contains(said), "{words:?}: {error}");
    }
    assert!(image(&data) == before);
    let server = Server::start_with(&data, &SMALL);
    let held = onhand(&["repair", "rebuild-derived", "--yes", path]);
    assert_eq!(held.status.code(), Some(2));
    assert!(text(&held.stderr).contains("is in use by process"), "{}", text(&held.stderr));
    server.kill();
}
