//! Reading a Debian package, which is an `ar` archive of two compressed tar archives.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, bail, ensure};
use lzma_rust2::XzReader;
use tar::EntryType;

use super::tree::{Node, Tree};

/// What a package contains.
#[derive(Debug)]
pub(super) struct Package {
    /// The package's paragraph in a list of installed packages.
    pub(super) control: String,
    /// Its files. Owners are dropped: all of the image is root's.
    pub(super) files: Tree,
}

impl Package {
    /// # Errors
    /// It is not a package, or one with something that an image of ours does not have, such as
    /// a device.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut control = None;
        let mut files = None;
        let mut archive = ar::Archive::new(bytes);
        while let Some(member) = archive.next_entry() {
            let mut member = member?;
            let name = String::from_utf8_lossy(member.header().identifier()).into_owned();
            match name.as_str() {
                "control.tar.xz" => control = Some(read_control(&mut member)?),
                "data.tar.xz" => files = Some(read_files(&mut member)?),
                "debian-binary" => {}
                other => bail!("a package has the unknown part {other}"),
            }
        }
        Ok(Self {
            control: control.context("the package has no control.tar.xz")?,
            files: files.context("the package has no data.tar.xz")?,
        })
    }

    /// A field of the control paragraph.
    pub(super) fn field(&self, name: &str) -> Result<&str> {
        let mut fields = self.control.lines().filter_map(|it| it.split_once(": "));
        let value = fields.find(|(field, _)| *field == name);
        let value = value.with_context(|| format!("the package has no field {name}"))?;
        Ok(value.1)
    }
}

fn decompress(member: &mut impl Read) -> Result<tar::Archive<Cursor<Vec<u8>>>> {
    let mut bytes = Vec::new();
    XzReader::new(member, true).read_to_end(&mut bytes)?;
    Ok(tar::Archive::new(Cursor::new(bytes)))
}

fn read_control(member: &mut impl Read) -> Result<String> {
    for entry in decompress(member)?.entries()? {
        let mut entry = entry?;
        if entry.path()?.as_os_str() == "./control" {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return Ok(text);
        }
    }
    bail!("the package has no control file")
}

fn read_files(member: &mut impl Read) -> Result<Tree> {
    let mut tree = Tree::default();
    for entry in decompress(member)?.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let (mode, time) = (entry.header().mode()?, entry.header().mtime()?);
        let node = match entry.header().entry_type() {
            EntryType::Directory => Node::folder(mode, time),
            EntryType::Symlink => {
                let to = entry.link_name()?.context("a link without a target")?;
                Node::link(to.to_string_lossy(), time)
            }
            EntryType::Regular => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                Node::file(bytes, mode, time)
            }
            other => bail!("{path} is of the type {other:?}"),
        };
        ensure!(
            !path.split('/').any(|it| it == ".."),
            "{path} is not in the package"
        );
        if !path.is_empty() {
            tree.insert(path, node);
        }
    }
    Ok(tree)
}
