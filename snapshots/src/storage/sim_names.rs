//! The names of the simulated disk: what a process sees, what is durable, and the changes in between.

use std::collections::BTreeMap;
use std::io;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Dir,
    /// The inode's number.
    File(usize),
}

/// One change, in the order a journalling file system would write it.
#[derive(Debug, Clone)]
pub(super) enum NameOp {
    Put(String, Entry),
    /// With all that is below.
    Remove(String),
    /// With all that is below.
    Rename(String, String),
}

type Tree = BTreeMap<String, Entry>;

/// See the module.
#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    live: Tree,
    durable: Tree,
    pending: Vec<NameOp>,
}

/// The directory a path is in; empty for the root.
pub(super) fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn root(dir: &str) -> &str {
    if dir == "." { "" } else { dir }
}

fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn moved(path: &str, from: &str, to: &str) -> Option<String> {
    is_below(path, from).then(|| format!("{to}{}", &path[from.len()..]))
}

impl NameOp {
    fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Put(path, entry) => {
                tree.insert(path.clone(), *entry);
            }
            Self::Remove(path) => tree.retain(|name, _| !is_below(name, path)),
            Self::Rename(from, to) => {
                let moving: Vec<(String, Entry)> =
                    tree.iter().filter_map(|(name, entry)| Some((moved(name, from, to)?, *entry))).collect();
                if !moving.is_empty() {
                    tree.retain(|name, _| !is_below(name, from) && !is_below(name, to));
                    tree.extend(moving);
                }
            }
        }
    }

    fn is_in(&self, dir: &str) -> bool {
        match self {
            Self::Put(path, _) | Self::Remove(path) => parent_of(path) == dir,
            Self::Rename(from, to) => parent_of(from) == dir || parent_of(to) == dir,
        }
    }

    fn follow(&mut self, from: &str, to: &str) {
        match self {
            Self::Put(path, _) | Self::Remove(path) => {
                if let Some(new) = moved(path, from, to) {
                    *path = new;
                }
            }
            Self::Rename(one, other) => {
                for path in [one, other] {
                    if let Some(new) = moved(path, from, to) {
                        *path = new;
                    }
                }
            }
        }
    }
}

impl Names {
    pub(super) fn file(&self, path: &str) -> io::Result<usize> {
        match self.live.get(path) {
            Some(Entry::File(inode)) => Ok(*inode),
            Some(Entry::Dir) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        root(path).is_empty() || self.live.contains_key(path)
    }

    pub(super) fn list(&self, dir: &str) -> Vec<String> {
        let names = self.live.keys().filter(|path| parent_of(path) == root(dir));
        names.map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    }

    pub(super) fn files(&self) -> Vec<String> {
        let files = self.live.iter().filter(|(_, entry)| matches!(entry, Entry::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }

    pub(super) fn apply(&mut self, op: NameOp) -> io::Result<()> {
        match &op {
            NameOp::Put(path, _) => {
                if self.live.contains_key(path) {
                    return Err(io::Error::from(io::ErrorKind::AlreadyExists));
                }
                if !self.exists(parent_of(path)) {
                    return Err(io::Error::from(io::ErrorKind::NotFound));
                }
            }
            NameOp::Remove(path) | NameOp::Rename(path, _) => {
                if !self.live.contains_key(path) {
                    return Err(io::Error::from(io::ErrorKind::NotFound));
                }
            }
        }
        op.apply(&mut self.live);
        self.pending.push(op);
        Ok(())
    }

    /// Makes the changes in one directory durable.
    pub(super) fn sync(&mut self, dir: &str) -> io::Result<()> {
        let dir = root(dir);
        if !self.exists(dir) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let mut left: Vec<NameOp> = Vec::new();
        for op in std::mem::take(&mut self.pending) {
            if op.is_in(dir) {
                op.apply(&mut self.durable);
                if let NameOp::Rename(from, to) = &op {
                    left.iter_mut().for_each(|earlier| earlier.follow(from, to));
                }
            } else {
                left.push(op);
            }
        }
        self.pending = left;
        Ok(())
    }

    /// The inodes that have a name.
    pub(super) fn inodes(&self) -> impl Iterator<Item = usize> {
        self.live.values().filter_map(|entry| match entry {
            Entry::File(inode) => Some(*inode),
            Entry::Dir => None,
        })
    }

    /// How many changes are not durable.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The first `kept` changes become durable, the others never were.
    pub(super) fn crash(&mut self, kept: usize) {
        for op in self.pending.drain(..).take(kept) {
            op.apply(&mut self.durable);
        }
        // What stands in a directory that is not there is lost with it.
        let tree = self.durable.clone();
        self.durable.retain(|path, _| {
            let mut at = parent_of(path);
            while !at.is_empty() && tree.contains_key(at) {
                at = parent_of(at);
            }
            at.is_empty()
        });
        self.live.clone_from(&self.durable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_durable_with_its_directory_only() {
        let mut names = Names::default();
        for op in [
            NameOp::Put("a".into(), Entry::Dir),
            NameOp::Put("a/tmp".into(), Entry::Dir),
            NameOp::Put("a/tmp/x".into(), Entry::File(0)),
        ] {
            names.apply(op).unwrap();
        }
        names.sync("a/tmp").unwrap();
        let mut crashed = names.clone();
        crashed.crash(0);
        assert!(crashed.files().is_empty(), "its directory was never linked");
        names.sync(".").unwrap();
        names.sync("a").unwrap();
        names.apply(NameOp::Put("a/tmp/y".into(), Entry::File(1))).unwrap();
        names.apply(NameOp::Rename("a/tmp".into(), "a/done".into())).unwrap();
        names.sync("a").unwrap();
        let mut crashed = names.clone();
        crashed.crash(0);
        assert_eq!(crashed.files(), ["a/done/x"]);
        names.sync("a/done").unwrap();
        names.crash(0);
        assert_eq!(names.files(), ["a/done/x", "a/done/y"]);
    }
}
