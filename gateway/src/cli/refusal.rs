//! A data directory that is refused, in words: what is wrong, where, which records, and what to type next.

use super::backup::{another, quoted};
use super::{Damaged, Refused};
use onhand_engine::StartError;
use onhand_engine::snapshots::Lsn;
use onhand_engine::snapshots::log::OpenError;
use onhand_engine::start_refusal::{Cause, StartRefusal};
use std::fmt::Write;
use std::path::Path;

/// What stands for the backup in a command: only the operator knows where it is.
const BACKUP: &str = "BACKUP";

/// A command to type, and what it loses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) command: String,
    loses: &'static str,
}

/// A start that failed: refused, or the disk did not answer.
pub(super) fn refused_start(dir: &Path, error: StartError) -> anyhow::Error {
    error.refusal().map_or_else(|| error.into(), |refusal| told(dir, &refusal))
}

/// A log that cannot be read: refused, or the disk did not answer.
pub(super) fn refused_log(dir: &Path, error: OpenError) -> anyhow::Error {
    StartRefusal::of_log(&error).map_or_else(|| error.into(), |refusal| told(dir, &refusal))
}

fn told(dir: &Path, refusal: &StartRefusal) -> anyhow::Error {
    let text = render(dir, refusal);
    match refusal.cause {
        // Nothing is lost or wrong: the next command is all that it takes.
        Cause::Unfinished | Cause::Newer => Refused(text).into(),
        _ => Damaged(text).into(),
    }
}

/// The one shape that every refusal has.
fn render(dir: &Path, refusal: &StartRefusal) -> String {
    let mut text = format!("refused: {}\n  where:   {}", refusal.what, quoted(&dir.join(&refusal.file)));
    let offset = refusal.offset.map(|offset| format!(", offset {offset}"));
    text.push_str(&offset.unwrap_or_default());
    text.push_str("\n  records: ");
    text.push_str(&match refusal.records {
        None => "none of the log".to_owned(),
        Some((from, Some(to))) if from > to => "none".to_owned(),
        Some((from, Some(to))) => format!("{from} to {to}"),
        Some((from, None)) => format!("{from} and all behind it"),
    });
    text.push_str("\nNothing was changed. Next, the first of these that is possible:");
    for Next { command, loses } in next(dir, refusal) {
        // Into a string: this cannot fail.
        let _written = write!(text, "\n  {command}\n      {loses}");
    }
    text
}

/// What to type next, the best first.
pub(super) fn next(dir: &Path, refusal: &StartRefusal) -> Vec<Next> {
    let shown = quoted(dir);
    let repair = |word: &str, loses| Next { command: format!("onhand repair {word} {shown}"), loses };
    let fetch = || {
        repair(
            &format!("fetch-segment --from {BACKUP}"),
            "loses nothing; the backup is of this log, and has these records",
        )
    };
    let restore = || Next {
        command: format!("onhand restore {BACKUP} {}", quoted(&another(dir))),
        loses: "loses what came after the backup",
    };
    let cut = || {
        let from = refusal.records.map_or(Lsn::ZERO, |(from, _)| from);
        // Nothing would be left of a log whose first record is gone.
        (from > Lsn(1)).then(|| {
            repair(
                &format!("cut-log --before-lsn {from}"),
                "loses these records and all behind them; says first what they are",
            )
        })
    };
    match refusal.cause {
        // Where the log ended is not known: a backup's file could end it before a record that was acknowledged.
        Cause::Behind => [restore()].into_iter().chain(cut()).collect(),
        Cause::Missing if refusal.records.is_none_or(|(_, to)| to.is_none()) => vec![restore()],
        Cause::Damaged | Cause::Missing => [fetch(), restore()].into_iter().chain(cut()).collect(),
        Cause::Misplaced => {
            let sort = repair("sort-segments", "loses nothing");
            [sort, fetch(), restore()].into_iter().chain(cut()).collect()
        }
        Cause::Unusable => [restore()].into_iter().chain(cut()).collect(),
        Cause::OtherLog => {
            vec![repair("rebuild-derived", "loses nothing; the next start takes longer")]
        }
        Cause::NoKey | Cause::OtherKey => vec![
            repair(&format!("fetch-key --from {BACKUP}"), "loses nothing; the backup is of this log"),
            restore(),
            repair("new-key", "loses the memory of Idempotency-Keys; says first what that means"),
        ],
        // A restore would lose orders, and has no more keys than that backup.
        Cause::CustomerKeys => vec![
            repair(
                &format!("fetch-customer-keys --from {BACKUP}"),
                "loses nothing; the backup is of this log, and has all keys",
            ),
            repair(
                &format!("new-customer-keys --from {BACKUP}"),
                "loses the personal data whose keys neither the backup nor this directory has",
            ),
            repair("new-customer-keys", "loses the personal data whose keys are gone; says first how much"),
        ],
        Cause::WrongState => vec![
            Next {
                command: format!("onhand verify {shown}"),
                loses: "changes nothing; says whether the log holds",
            },
            repair("rebuild-derived", "loses nothing; the state is made from the log alone"),
            restore(),
        ],
        Cause::Unfinished => vec![repair("finish", "loses nothing more than what was agreed to")],
        Cause::Newer => vec![
            Next {
                command: format!("onhand serve --data {shown}"),
                loses: "with the release that wrote it; loses nothing",
            },
            Next { loses: "if it was taken before that release; loses what came after it", ..restore() },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    const CAUSES: [Cause; 12] = [
        Cause::Damaged,
        Cause::Missing,
        Cause::Misplaced,
        Cause::Unusable,
        Cause::Behind,
        Cause::OtherLog,
        Cause::NoKey,
        Cause::OtherKey,
        Cause::CustomerKeys,
        Cause::WrongState,
        Cause::Unfinished,
        Cause::Newer,
    ];

    #[test]
    fn every_refusal_has_one_shape_and_its_commands_are_ours() {
        let dir = Path::new("/srv/shop");
        for cause in CAUSES {
            let (file, what) = ("log/1.seg".to_owned(), "it is wrong".to_owned());
            let records = Some((Lsn(57), Some(Lsn(80))));
            let refusal = StartRefusal { cause, what, file, offset: Some(4_096), records };
            let text = render(dir, &refusal);
            let shape = "refused: it is wrong\n  where:   /srv/shop/log/1.seg, offset 4096\n  records: 57 to 80\n\
                         Nothing was changed. Next, the first of these that is possible:\n  onhand ";
            assert!(text.starts_with(shape), "{text}");
            let commands = next(dir, &refusal);
            assert!(!commands.is_empty(), "{cause:?}");
            for Next { command, .. } in commands {
                let parsed = Cli::try_parse_from(command.split(' '));
                assert!(parsed.is_ok() && command.contains("/srv/shop"), "{cause:?}: {command}");
            }
        }
    }

    #[test]
    fn a_log_without_its_first_record_is_not_cut() {
        let refusal = StartRefusal {
            cause: Cause::Missing,
            what: String::new(),
            file: String::new(),
            offset: None,
            records: Some((Lsn(1), None)),
        };
        assert!(next(Path::new("x"), &refusal).iter().all(|next| !next.command.contains("cut-log")));
        assert!(render(Path::new("x"), &refusal).contains("records: 1 and all behind it"));
    }
}
