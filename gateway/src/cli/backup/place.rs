//! Where a copy is built: beside its destination, under another name, so that what stands there is whole or not there.

use super::refused;
use anyhow::Context;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A destination that is free.
pub(super) struct Place {
    dest: PathBuf,
    parent: PathBuf,
    unfinished: PathBuf,
}

/// A copy under way; removed when dropped before it is published.
pub(super) struct Building {
    place: Place,
    is_published: bool,
}

impl Place {
    /// Looks whether `dest` is free: not there, or an empty directory, and not inside `source`. `command` is what the
    /// operator typed, for another destination. Changes nothing.
    pub(super) fn new(source: &Path, dest: &Path, command: &dyn Fn(&Path) -> String) -> anyhow::Result<Self> {
        let name = dest.file_name();
        let name = name.with_context(|| format!("{} is no name of a new directory", dest.display()))?;
        let parent = dest.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).to_owned();
        let (shown, unfinished) = (quoted(dest), with_suffix(dest, name, ".tmp"));
        if !is_free(dest).with_context(|| dest.display().to_string())? {
            return Err(refused(&format!("{shown} is there already"), &command(&another(dest))));
        }
        if !parent.is_dir() {
            let (parent, next) = (quoted(&parent), command(dest));
            return Err(refused(
                &format!("there is no directory {parent}"),
                &format!("mkdir -p {parent} && {next}"),
            ));
        }
        if fs::symlink_metadata(&unfinished).is_ok() {
            let left = quoted(&unfinished);
            let what = format!("{left} is there: the same command runs just now, or was broken off before");
            return Err(refused(&what, &format!("if it does not run, rm -r {left} && {}", command(dest))));
        }
        if real(&parent)?.starts_with(real(source)?) {
            let what = format!("{shown} would be inside {}, and be lost with it", quoted(source));
            return Err(refused(&what, &command(&another(source))));
        }
        Ok(Self { dest: dest.to_owned(), parent, unfinished })
    }

    /// Creates the directory in which the copy is built, for its owner alone.
    pub(super) fn begin(self) -> anyhow::Result<Building> {
        let created = fs::DirBuilder::new().mode(0o700).create(&self.unfinished);
        created.with_context(|| self.unfinished.display().to_string())?;
        Ok(Building { place: self, is_published: false })
    }
}

impl Building {
    /// The directory in which the copy is built.
    pub(super) fn path(&self) -> &Path {
        &self.place.unfinished
    }

    /// Gives the copy, all of which is durable, its name, and makes that durable.
    pub(super) fn publish(mut self) -> anyhow::Result<()> {
        let Place { dest, parent, unfinished } = &self.place;
        fs::rename(unfinished, dest).with_context(|| dest.display().to_string())?;
        self.is_published = true;
        File::open(parent).and_then(|parent| parent.sync_all()).with_context(|| parent.display().to_string())
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.is_published
            && let Err(error) = fs::remove_dir_all(&self.place.unfinished)
        {
            super::say_error(&format!("onhand: {} is left behind: {error}", quoted(&self.place.unfinished)));
        }
    }
}

fn is_free(dest: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(dest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(found) => Ok(found.is_dir() && fs::read_dir(dest)?.next().is_none()),
    }
}

fn real(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| path.display().to_string())
}

/// A name like this one that is free.
pub(in crate::cli) fn another(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let names = (2..=u64::MAX).map(|number| with_suffix(path, name, &format!(".{number}")));
    names.into_iter().find(|other| fs::symlink_metadata(other).is_err()).unwrap_or_default()
}

fn with_suffix(path: &Path, name: &std::ffi::OsStr, suffix: &str) -> PathBuf {
    let mut name = OsString::from(name);
    name.push(suffix);
    path.with_file_name(name)
}

/// A path as a shell takes it.
pub(in crate::cli) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in
            [("/srv/a-b_1.x", "/srv/a-b_1.x"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''")]
        {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }

    #[test]
    fn a_place_is_free_or_the_refusal_says_what_to_type() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        for name in ["data", "empty", "full/x", "broken.tmp"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink(path("nowhere"), path("link")).unwrap();
        let look = |name: &str| {
            let place = Place::new(&path("data"), &path(name), &|dest| format!("run {}", dest.display()));
            place
                .map(drop)
                .map_err(|error| error.to_string().replace(&format!("{}/", top.path().display()), ""))
        };
        for name in ["new", "empty", "new/"] {
            assert_eq!(look(name), Ok(()));
        }
        for (name, next) in [
            ("full", "full is there already. Nothing was changed. Next: run full.2"),
            ("file", "Next: run file.2"),
            ("link", "Next: run link.2"),
            ("data/x", "Next: run data.2"),
            ("broken", "rm -r broken.tmp && run broken"),
            ("no/way", "Next: mkdir -p no && run no/way"),
        ] {
            let error = look(name).unwrap_err();
            assert!(error.ends_with(next), "{error}");
        }
        assert!(look("..").is_err());
    }

    #[test]
    fn what_is_not_published_is_removed() {
        let top = tempfile::tempdir().unwrap();
        let (data, dest) = (top.path().join("data"), top.path().join("dest"));
        fs::create_dir(&data).unwrap();
        let begin = || Place::new(&data, &dest, &|_| String::new()).unwrap().begin().unwrap();
        let building = begin();
        fs::write(building.path().join("x"), "").unwrap();
        assert!(!dest.exists());
        drop(building);
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
        begin().publish().unwrap();
        assert!(dest.is_dir() && fs::read_dir(top.path()).unwrap().count() == 2);
    }
}
