//! `onhand repair`: each subcommand says what it will do and lose, and does it only with `--yes`.
//!
//! Whatever is taken away stands in `quarantine/`. Without `--yes` nothing is changed, and the exit code is that of a
//! refusal: the message ends with the command that does it.

mod customer;
mod cut;
mod keys;
mod segments;

use super::backup::{LOG_DIR, another, quoted, refuse_backup, refused};
use super::refusal::{refused_log, refused_start};
use super::{say, say_error};
use anyhow::ensure;
use clap::{Args, Subcommand};
use onhand_engine::StartError;
use onhand_engine::repair::{indexed_beside, known_beside, losses, readable, rebuild_derived};
use onhand_engine::secrets::{FINGERPRINT_KEY_FILE, Fingerprints};
use onhand_engine::snapshots::log::scan;
use onhand_engine::snapshots::repair::{Known, RepairError, finish, owner, unfinished};
use onhand_engine::snapshots::storage::DirectoryLock;
use onhand_engine::snapshots::{Disk, Lsn};
use onhand_verify::{Ignore, audit};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum RepairCommand {
    /// Put segments that are damaged, missing or older copies back from a backup of this log. Loses nothing: it is refused
    /// where the log may have held more than the backup has.
    FetchSegment {
        /// The backup.
        #[arg(long)]
        from: PathBuf,
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Give segments the names that they say they have, and take away those that do not belong here. Loses nothing.
    SortSegments {
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Cut the log off before a record: it and all behind it are lost, and the log becomes another one.
    CutLog {
        /// The first record that is lost.
        #[arg(long)]
        before_lsn: u64,
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Take snapshots and index away; the next start makes them again from the log. Loses nothing.
    RebuildDerived {
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Put the key of request hashes back from a backup of this log. Loses nothing.
    FetchKey {
        /// The backup.
        #[arg(long)]
        from: PathBuf,
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Write the log anew under a new key: requests from before are not recognised by their Idempotency-Key any more.
    NewKey {
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Put keys of personal data back from a backup of this log. What is erased stays erased. Loses nothing.
    FetchCustomerKeys {
        /// The backup.
        #[arg(long)]
        from: PathBuf,
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Give up the keys of personal data that are lost: it reads as erased, and no number of a key is given out again.
    NewCustomerKeys {
        /// A backup that has some of them.
        #[arg(long)]
        from: Option<PathBuf>,
        #[command(flatten)]
        place: RepairPlace,
    },
    /// Finish a repair that was broken off.
    Finish {
        /// The data directory.
        dir: PathBuf,
    },
}

#[derive(Args)]
pub(super) struct RepairPlace {
    /// The data directory; no server may have it.
    dir: PathBuf,
    /// Do it.
    #[arg(long)]
    yes: bool,
}

/// A data directory that nobody else has.
struct Patient<'a> {
    dir: &'a Path,
    disk: Disk,
    yes: bool,
    /// What was typed, without `--yes`.
    command: String,
    _lock: DirectoryLock,
}

pub(super) fn repair(command: &RepairCommand) -> anyhow::Result<ExitCode> {
    let open = |place: &'_ RepairPlace, word: &str| -> anyhow::Result<(PathBuf, bool, String)> {
        Ok((place.dir.clone(), place.yes, format!("onhand repair {word} {}", quoted(&place.dir))))
    };
    match command {
        RepairCommand::FetchSegment { from, place } => {
            let (dir, yes, command) = open(place, &format!("fetch-segment --from {}", quoted(from)))?;
            segments::fetch_segment(&Patient::new(&dir, yes, command)?, from)
        }
        RepairCommand::SortSegments { place } => {
            let (dir, yes, command) = open(place, "sort-segments")?;
            segments::sort_segments(&Patient::new(&dir, yes, command)?)
        }
        RepairCommand::CutLog { before_lsn, place } => {
            let (dir, yes, command) = open(place, &format!("cut-log --before-lsn {before_lsn}"))?;
            cut::cut_log(&Patient::new(&dir, yes, command)?, *before_lsn)
        }
        RepairCommand::RebuildDerived { place } => {
            let (dir, yes, command) = open(place, "rebuild-derived")?;
            rebuild(&Patient::new(&dir, yes, command)?)
        }
        RepairCommand::FetchKey { from, place } => {
            let (dir, yes, command) = open(place, &format!("fetch-key --from {}", quoted(from)))?;
            keys::fetch_key(&Patient::new(&dir, yes, command)?, from)
        }
        RepairCommand::NewKey { place } => {
            let (dir, yes, command) = open(place, "new-key")?;
            keys::new_key(&Patient::new(&dir, yes, command)?)
        }
        RepairCommand::FetchCustomerKeys { from, place } => {
            let (dir, yes, command) = open(place, &format!("fetch-customer-keys --from {}", quoted(from)))?;
            customer::fetch_customer_keys(&Patient::new(&dir, yes, command)?, from)
        }
        RepairCommand::NewCustomerKeys { from, place } => {
            let option = from.as_ref().map(|from| format!(" --from {}", quoted(from)));
            let word = format!("new-customer-keys{}", option.unwrap_or_default());
            let (dir, yes, command) = open(place, &word)?;
            customer::new_customer_keys(&Patient::new(&dir, yes, command)?, from.as_deref())
        }
        RepairCommand::Finish { dir } => {
            let _lock = locked(dir)?;
            let done = finish(&*Disk::at(dir).storage);
            let quarantine = done.map_err(|error| not_done(&error, dir))?;
            audited(dir, &quarantine)
        }
    }
}

fn locked(dir: &Path) -> anyhow::Result<DirectoryLock> {
    ensure!(dir.is_dir(), "{} is no directory", dir.display());
    refuse_backup(dir)?;
    Ok(DirectoryLock::take(dir)?)
}

impl<'a> Patient<'a> {
    fn new(dir: &'a Path, yes: bool, command: String) -> anyhow::Result<Self> {
        let lock = locked(dir)?;
        let has_any = [LOG_DIR, FINGERPRINT_KEY_FILE].iter().any(|name| dir.join(name).exists());
        ensure!(has_any, "{} holds no log", dir.display());
        let disk = Disk::at(dir);
        if unfinished(&*disk.storage)? {
            return Err(refused_start(dir, StartError::Unfinished));
        }
        Ok(Self { dir, disk, yes, command, _lock: lock })
    }

    /// The key of the directory, if it is one. None is made: without `--yes` nothing is written.
    fn key(&self) -> anyhow::Result<Fingerprints> {
        let found = Fingerprints::find(self.dir).map_err(|error| refused_start(self.dir, error))?;
        found.ok_or_else(|| self.no_log())
    }

    /// The key, which has to be that of the segments, also where these are damaged.
    fn own_key(&self) -> anyhow::Result<Fingerprints> {
        let key = self.key()?;
        let owner = owner(&*self.disk.storage).map_err(|error| not_done(&error, self.dir))?;
        match owner {
            Some(owner) if owner != key.cluster() => Err(refused_start(self.dir, StartError::OtherKey)),
            _ => Ok(key),
        }
    }

    /// The key, also of a log that is gone.
    fn key_alone(&self) -> anyhow::Result<Fingerprints> {
        match Fingerprints::find(self.dir) {
            Err(StartError::NoLog) => Ok(Fingerprints::read(self.dir)?),
            _ => self.key(),
        }
    }

    /// The refusal of a directory whose log cannot be told from others.
    fn no_log(&self) -> anyhow::Error {
        let what =
            format!("{} has no segment that can be read: nothing tells which log it is", quoted(self.dir));
        refused(&what, &format!("onhand restore BACKUP {}", quoted(&another(self.dir))))
    }

    /// What anything in the directory knows of the log: a key knows that there was a first record.
    fn known(&self, cluster: [u8; 16]) -> anyhow::Result<Known> {
        let (last, _) = readable(&*self.disk.storage);
        let beside = known_beside(&self.disk, cluster, last)?;
        let held = losses(&*self.disk.storage, Lsn(u64::MAX), cluster, beside);
        let last = held.map_err(|error| refused_log(self.dir, error))?.last.max(Lsn(1));
        Ok(Known { last, covered: indexed_beside(&self.disk, cluster)? })
    }

    /// Says what will be done; without `--yes` that is all.
    fn agreed(&self, plan: &str) -> anyhow::Result<()> {
        say(plan)?;
        if self.yes {
            return Ok(());
        }
        Err(refused("this is what it would do", &format!("{} --yes", self.command)))
    }
}

/// A repair that cannot be done, and what can.
fn not_done(error: &RepairError, dir: &Path) -> anyhow::Error {
    let shown = quoted(dir);
    match error {
        RepairError::Io { .. } => {
            anyhow::anyhow!("{error}; type `onhand serve --data {shown}` to see how it stands")
        }
        RepairError::Unfinished => refused_start(dir, StartError::Unfinished),
        RepairError::EndUnknown { .. } | RepairError::Short { .. } | RepairError::NotInBackup { .. } => {
            refused(&error.to_string(), &giving_up(dir))
        }
        _ => refused(&error.to_string(), &format!("onhand verify {shown}")),
    }
}

/// The commands that give records up, and say so: what is left is another log.
fn giving_up(dir: &Path) -> String {
    let mut text =
        format!("onhand restore BACKUP {}, which loses what came after the backup", quoted(&another(dir)));
    let (last, _) = readable(&*Disk::at(dir).storage);
    // Nothing would be left of a log whose first record is gone.
    if last > Lsn::ZERO {
        let cut = format!("onhand repair cut-log --before-lsn {} {}", last.next(), quoted(dir));
        text.push_str(&format!(
            "; or {cut}, which loses all that cannot be read, and says first what that is"
        ));
    }
    text
}

/// The audit of what a repair left, and where stands what it took away.
fn audited(dir: &Path, quarantine: &str) -> anyhow::Result<ExitCode> {
    say(&format!("done; what was taken away stands in {}", quoted(&dir.join(quarantine))))?;
    let report = audit(dir, &mut Ignore)?;
    say(&report.to_string())?;
    say_error(&format!("Serve it with: onhand serve --data {}", quoted(dir)));
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// `rebuild-derived`: only where the log is whole and reaches as far as anything knows.
fn rebuild(patient: &Patient<'_>) -> anyhow::Result<ExitCode> {
    let key = patient.key()?;
    let read = scan(&*patient.disk.storage, Lsn(1), &mut |_, _| Ok(()));
    let found = read.map_err(|error| refused_log(patient.dir, error))?;
    if found.cluster != Some(key.cluster()) {
        return Err(refused_start(patient.dir, StartError::OtherKey));
    }
    let had = known_beside(&patient.disk, key.cluster(), found.last)?;
    if had > found.last {
        let error = StartError::Behind { what: "a snapshot or the index", had, last: found.last };
        return Err(refused_start(patient.dir, error));
    }
    let last = found.last;
    patient.agreed(&format!(
        "takes snapshots and index away; the log is whole, and the next start makes them again\n\
         loses: nothing; records 1 to {last} stay"
    ))?;
    let done = rebuild_derived(&*patient.disk.storage);
    audited(patient.dir, &done.map_err(|error| not_done(&error, patient.dir))?)
}
