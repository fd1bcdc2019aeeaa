//! Files of an image, and the layer that they make.

use std::collections::BTreeMap;

use anyhow::Result;
use tar::{Builder, EntryType, Header};

/// Of a mode, what an image keeps: no set-user-ID, no set-group-ID.
const KEPT_MODE: u32 = 0o1777;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    kind: Kind,
    mode: u32,
    /// Seconds since 1970.
    time: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    File(Vec<u8>),
    Link(String),
}

impl Node {
    pub(crate) fn folder(mode: u32, time: u64) -> Self {
        let kind = Kind::Folder;
        let mode = mode & KEPT_MODE;
        Self { kind, mode, time }
    }

    pub(crate) fn file(bytes: impl Into<Vec<u8>>, mode: u32, time: u64) -> Self {
        let kind = Kind::File(bytes.into());
        let mode = mode & KEPT_MODE;
        Self { kind, mode, time }
    }

    pub(crate) fn link(to: impl Into<String>, time: u64) -> Self {
        let kind = Kind::Link(to.into());
        let mode = 0o777;
        Self { kind, mode, time }
    }

    /// The contents of a file.
    pub(crate) fn contents(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::File(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Files by path, which has no slash at either end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<String, Node>);

impl Tree {
    pub(crate) fn insert(&mut self, path: impl Into<String>, node: Node) {
        self.0.insert(path.into(), node);
    }

    /// Adds another tree. Files of it win; a folder keeps its first mode.
    pub(crate) fn extend(&mut self, other: Self) {
        for (path, node) in other.0 {
            match node.kind {
                Kind::Folder => drop(self.0.entry(path).or_insert(node)),
                _ => drop(self.0.insert(path, node)),
            }
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|path, _| keep(path));
    }

    /// Sorted by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// The newest modification, in seconds since 1970.
    pub(crate) fn time(&self) -> u64 {
        self.0.values().map(|node| node.time).max().unwrap_or(0)
    }

    /// A tar archive, sorted by path, in which all belongs to root. The same tree has the same
    /// archive.
    pub(crate) fn tar(&self) -> Result<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        for (path, node) in self.with_parents().iter() {
            let mut header = Header::new_gnu();
            header.set_mode(node.mode);
            header.set_mtime(node.time);
            header.set_uid(0);
            header.set_gid(0);
            header.set_size(0);
            match &node.kind {
                Kind::Folder => {
                    header.set_entry_type(EntryType::Directory);
                    builder.append_data(&mut header, format!("{path}/"), &[][..])?;
                }
                Kind::File(bytes) => {
                    header.set_entry_type(EntryType::Regular);
                    header.set_size(u64::try_from(bytes.len())?);
                    builder.append_data(&mut header, path, bytes.as_slice())?;
                }
                Kind::Link(to) => {
                    header.set_entry_type(EntryType::Symlink);
                    builder.append_link(&mut header, path, to)?;
                }
            }
        }
        Ok(builder.into_inner()?)
    }

    /// Folders that nothing inserted, so that no unpacker has to choose their mode.
    fn with_parents(&self) -> Self {
        let mut all = self.clone();
        for (path, node) in &self.0 {
            for (index, _) in path.match_indices('/') {
                let parent = Node::folder(0o755, node.time);
                all.0.entry(path[..index].to_owned()).or_insert(parent);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Path, mode, owner, group and time of each entry.
    fn entries(archive: &[u8]) -> Vec<(String, u32, u64, u64, u64)> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap();
        let read = entries.map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let (user, group) = (header.uid().unwrap(), header.gid().unwrap());
            let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
            (path, mode, user, group, time)
        });
        read.collect()
    }

    #[test]
    fn a_layer_is_sorted_belongs_to_root_and_has_its_folders() {
        let mut tree = Tree::default();
        tree.insert("usr/bin/signet", Node::file("binary", 0o6755, 7));
        tree.insert("etc", Node::folder(0o2755, 5));
        tree.insert("tmp", Node::folder(0o1777, 5));
        let expected = [
            ("etc/", 0o755, 5),
            ("tmp/", 0o1777, 5),
            ("usr/", 0o755, 7),
            ("usr/bin/", 0o755, 7),
            ("usr/bin/signet", 0o755, 7),
        ];
        let expected = expected.map(|(path, mode, time)| (path.to_owned(), mode, 0, 0, time));
        assert_eq!(entries(&tree.tar().unwrap()), expected);
        assert_eq!(tree.time(), 7);
    }
}
