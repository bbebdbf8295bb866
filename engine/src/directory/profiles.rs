//! The texts of a merchant's routing profiles, and the records of their versions.

use crate::routing::Format;
use onhand_domain::ProfileNumber;
use onhand_snapshots::Lsn;
use std::sync::Arc;

/// One profile.
#[derive(Debug, Clone)]
pub(crate) struct ProfileEntry {
    pub(crate) code: Arc<str>,
    /// The records of its versions, the first one first; the last is the newest.
    pub(crate) versions: Vec<Lsn>,
    pub(crate) format: Format,
    /// Of the newest version.
    pub(crate) text: Arc<str>,
}

/// All profiles, by number.
#[derive(Debug, Default)]
pub(crate) struct Profiles(Vec<ProfileEntry>);

impl Profiles {
    pub(crate) fn find(&self, code: &str) -> Option<ProfileNumber> {
        let place = self.0.iter().position(|entry| *entry.code == *code)?;
        u16::try_from(place).ok().map(ProfileNumber)
    }

    pub(crate) fn get(&self, profile: ProfileNumber) -> Option<&ProfileEntry> {
        self.0.get(profile.row())
    }

    /// The next version of a profile, or the first of a new one.
    pub(crate) fn put(&mut self, profile: ProfileNumber, code: &str, format: Format, text: &str, put: Lsn) {
        match self.0.get_mut(profile.row()) {
            // A merchant that is built again from the log hears of all versions a second time.
            Some(entry) if entry.versions.last().is_some_and(|last| put <= *last) => {}
            Some(entry) => {
                (entry.format, entry.text) = (format, text.into());
                entry.versions.push(put);
            }
            None => {
                let versions = vec![put];
                self.0.push(ProfileEntry { code: code.into(), versions, format, text: text.into() });
            }
        }
    }

    /// Adds one as a snapshot has it.
    pub(crate) fn restore(&mut self, entry: ProfileEntry) {
        self.0.push(entry);
    }

    /// All of them, by number.
    pub(crate) fn all(&self) -> &[ProfileEntry] {
        &self.0
    }
}
