//! Changes of many names as one step: written down first, then gone through as often as it takes.
//!
//! The list is `repair/plan`:
//!
//! ```text
//! onhand repair 1
//! quarantine/<name>
//! <path now> TAB <path then>        one line for each, in their order
//! <blake3 of all lines before, in hexadecimal>
//! ```
//! A name is changed once everything before it is durable. No path that something is moved to is there before, so one
//! that is there says that its move was made. The last move takes the list itself away.

use super::{QUARANTINE_DIR, RepairError};
use crate::storage::Storage;
use std::io;

/// Where a repair makes what is new. Without a list in it, it is what an attempt left that changed nothing.
pub const REPAIR_DIR: &str = "repair";

/// What is new, below [`REPAIR_DIR`].
const NEW: &str = "repair/new";
const PLAN: &str = "repair/plan";
const PLAN_UNFINISHED: &str = "repair/plan.tmp";
const TITLE: &str = "onhand repair 1";

/// A repair that changes nothing before [`Moves::commit`].
pub struct Moves<'a> {
    storage: &'a dyn Storage,
    quarantine: String,
    away: Vec<String>,
    new: Vec<String>,
}

/// Whether a repair was broken off amid its changes: then nothing but [`finish`] may touch the directory.
///
/// # Errors
/// As the disk says.
pub fn unfinished(storage: &dyn Storage) -> io::Result<bool> {
    storage.exists(PLAN)
}

impl<'a> Moves<'a> {
    /// Begins a repair, and clears away what an earlier attempt left that was never committed.
    ///
    /// # Errors
    /// [`RepairError::Unfinished`] if an earlier one has to be finished first.
    pub fn begin(storage: &'a dyn Storage) -> Result<Self, RepairError> {
        if unfinished(storage).map_err(RepairError::io(PLAN))? {
            return Err(RepairError::Unfinished);
        }
        if storage.exists(REPAIR_DIR).map_err(RepairError::io(REPAIR_DIR))? {
            storage.remove_gently(REPAIR_DIR).map_err(RepairError::io(REPAIR_DIR))?;
        }
        let taken = storage.list(QUARANTINE_DIR).map_err(RepairError::io(QUARANTINE_DIR))?;
        let names = (0..=taken.len()).map(|number| format!("repair-{number}"));
        let name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
        make_dir(storage, NEW)?;
        let quarantine = format!("{QUARANTINE_DIR}/{name}");
        Ok(Self { storage, quarantine, away: Vec::new(), new: Vec::new() })
    }

    /// Where what is taken away will stand.
    #[must_use]
    pub fn quarantine(&self) -> &str {
        &self.quarantine
    }

    /// Takes a file or directory away, if it is there.
    ///
    /// # Errors
    /// As the disk says.
    pub fn take_away(&mut self, path: &str) -> Result<(), RepairError> {
        if self.storage.exists(path).map_err(RepairError::io(path))? {
            self.away.push(path.to_owned());
        }
        Ok(())
    }

    /// Says that a file or directory will get this path; it is to be made under the one that is returned, whose
    /// directory is there. Whoever makes it makes its bytes, and the names below it, durable.
    ///
    /// # Errors
    /// As the disk says.
    pub fn put(&mut self, path: &str) -> Result<String, RepairError> {
        let staged = format!("{NEW}/{path}");
        make_dir(self.storage, parent_of(&staged))?;
        self.new.push(path.to_owned());
        Ok(staged)
    }

    /// Writes down what is to be done, and does it. Returns where stands what was taken away.
    ///
    /// # Errors
    /// [`RepairError`]; once the list is durable, the directory is refused until [`finish`] is through.
    pub fn commit(self) -> Result<String, RepairError> {
        for path in &self.new {
            let dir = parent_of(path);
            let dir = if dir == "." { NEW.to_owned() } else { format!("{NEW}/{dir}") };
            self.storage.sync_dir(&dir).map_err(RepairError::io(&dir))?;
        }
        self.write_plan().map_err(RepairError::io(PLAN))?;
        finish(self.storage)
    }

    fn write_plan(&self) -> io::Result<()> {
        let away = self.away.iter().map(|path| format!("{path}\t{}/{path}\n", self.quarantine));
        let new = self.new.iter().map(|path| format!("{NEW}/{path}\t{path}\n"));
        let rows: String = away.chain(new).collect();
        let text = format!("{TITLE}\n{}\n{rows}", self.quarantine);
        let hash = blake3::hash(text.as_bytes()).to_hex();
        let file = self.storage.create_new(PLAN_UNFINISHED)?;
        file.write_at(0, format!("{text}{hash}\n").as_bytes())?;
        file.sync_data()?;
        self.storage.rename(PLAN_UNFINISHED, PLAN)?;
        self.storage.sync_dir(REPAIR_DIR)
    }
}

/// What a list says.
struct Plan {
    quarantine: String,
    rows: Vec<(String, String)>,
}

/// Goes through the list of a repair that was committed. Returns where stands what was taken away.
///
/// # Errors
/// [`RepairError`]; it may be called again.
pub fn finish(storage: &dyn Storage) -> Result<String, RepairError> {
    if !unfinished(storage).map_err(RepairError::io(PLAN))? {
        return Err(RepairError::Nothing("no repair was broken off"));
    }
    let plan = read_plan(storage)?;
    for (from, to) in &plan.rows {
        rename(storage, from, to)?;
    }
    // Its own place in the quarantine says what was done, and that all of it was.
    rename(storage, PLAN, &format!("{}/plan", plan.quarantine))?;
    storage.remove_gently(REPAIR_DIR).map_err(RepairError::io(REPAIR_DIR))?;
    storage.sync_dir(".").map_err(RepairError::io("."))?;
    Ok(plan.quarantine)
}

/// Makes a move, durably, if it was not made before.
fn rename(storage: &dyn Storage, from: &str, to: &str) -> Result<(), RepairError> {
    make_dir(storage, parent_of(to))?;
    if !storage.exists(to).map_err(RepairError::io(to))? {
        storage.rename(from, to).map_err(RepairError::io(from))?;
    }
    // Also where it is there already: whoever moved it may have ended before its sync.
    for dir in [parent_of(to), parent_of(from)] {
        storage.sync_dir(dir).map_err(RepairError::io(dir))?;
    }
    Ok(())
}

fn read_plan(storage: &dyn Storage) -> Result<Plan, RepairError> {
    let file = storage.open(PLAN).map_err(RepairError::io(PLAN))?;
    let bytes = file.len().map_err(RepairError::io(PLAN))?;
    let mut text = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    file.read_at(0, &mut text).map_err(RepairError::io(PLAN))?;
    let wrong = |what: &str| RepairError::Plan { path: PLAN.to_owned(), what: what.to_owned() };
    let text = String::from_utf8(text).map_err(|_| wrong("it is no text"))?;
    let (said, hash) = text.trim_end().rsplit_once('\n').ok_or_else(|| wrong("it is cut short"))?;
    let said = format!("{said}\n");
    if blake3::hash(said.as_bytes()).to_hex().as_str() != hash {
        return Err(wrong("it does not have the hash that it says"));
    }
    let mut lines = said.lines();
    if lines.next() != Some(TITLE) {
        return Err(wrong("a newer release wrote it"));
    }
    let quarantine = lines.next().ok_or_else(|| wrong("it is cut short"))?.to_owned();
    let row = |line: &str| line.split_once('\t').map(|(from, to)| (from.to_owned(), to.to_owned()));
    let rows = lines.map(row).collect::<Option<Vec<_>>>().ok_or_else(|| wrong("a line has no two paths"))?;
    Ok(Plan { quarantine, rows })
}

fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(dir, _)| dir)
}

/// Makes a directory and those above it, and their names durable.
fn make_dir(storage: &dyn Storage, dir: &str) -> Result<(), RepairError> {
    storage.create_dir_all(dir).map_err(RepairError::io(dir))?;
    let mut above = parent_of(dir);
    loop {
        storage.sync_dir(above).map_err(RepairError::io(above))?;
        if above == "." {
            return Ok(());
        }
        above = parent_of(above);
    }
}
