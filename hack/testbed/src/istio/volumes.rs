//! Secrets and ConfigMaps as folders, written as a kubelet writes them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Volume};
use kube::{Api, Client};

use crate::pki::write_private;

/// The link to the present files. A reader that watches the folder sees it change once.
const DATA: &str = "..data";

/// Folders below the root directory of a Pod, each with the volume that it shows.
#[derive(Debug)]
pub(crate) struct Volumes {
    namespace: String,
    mounts: Vec<(PathBuf, Volume)>,
}

impl Volumes {
    pub(crate) fn new(root: &Path, namespace: &str, mounts: Vec<(String, Volume)>) -> Self {
        let mounts = mounts.into_iter();
        let mounts = mounts.map(|(path, volume)| (below(root, &path), volume));
        Self {
            namespace: namespace.to_owned(),
            mounts: mounts.collect(),
        }
    }

    /// Brings the files to what the objects have now.
    pub(crate) async fn sync(&self, client: &Client) -> Result<()> {
        for (folder, volume) in &self.mounts {
            if let Some(files) = files(client, &self.namespace, volume).await? {
                write(folder, &files)?;
            }
        }
        Ok(())
    }
}

/// A path of a Pod in the folder that stands for its root directory.
pub(crate) fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

type Files = BTreeMap<String, String>;

/// The files of a volume; `None` if it is of another kind than a Secret or a ConfigMap, or of an
/// object that is optional and missing.
async fn files(client: &Client, namespace: &str, volume: &Volume) -> Result<Option<Files>> {
    let (kind, name, optional, found) = if let Some(secret) = &volume.secret {
        let name = secret.secret_name.clone().unwrap_or_default();
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let found = secrets.get_opt(&name).await?.map(|found| found.data);
        let texts = found.map(|data| data.unwrap_or_default().into_iter().map(text).collect());
        ("Secret", name, secret.optional, texts)
    } else if let Some(map) = &volume.config_map {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let found = maps.get_opt(&map.name).await?;
        let data = found.map(|found| Ok(found.data.unwrap_or_default()));
        ("ConfigMap", map.name.clone(), map.optional, data)
    } else {
        return Ok(None);
    };
    if found.is_none() && optional == Some(true) {
        return Ok(None);
    }
    let found = found.with_context(|| {
        format!("the {kind} {namespace}/{name} does not exist; the Pod would not start")
    })?;
    found.map(Some)
}

fn text((name, value): (String, k8s_openapi::ByteString)) -> Result<(String, String)> {
    Ok((name, String::from_utf8(value.0)?))
}

/// Replaces all files at the same time: they are links through one link, which is renamed.
pub(super) fn write(folder: &Path, files: &Files) -> Result<()> {
    fs::create_dir_all(folder)?;
    let link = folder.join(DATA);
    let before = fs::read_link(&link).ok().map(|before| folder.join(before));
    if before.as_deref().map(read).transpose()?.as_ref() == Some(files) {
        return Ok(());
    }
    let fresh = tempfile::Builder::new().prefix("..").tempdir_in(folder)?;
    for (name, text) in files {
        write_private(&fresh.path().join(name), text)?;
    }
    let fresh = fresh.keep();
    let new = folder.join("..data_tmp");
    symlink(fresh.file_name().context("a folder has a name")?, &new)?;
    fs::rename(&new, &link)?;
    for name in files.keys() {
        let path = folder.join(name);
        if path.symlink_metadata().is_err() {
            symlink(Path::new(DATA).join(name), path)?;
        }
    }
    let Some(before) = before else {
        return Ok(());
    };
    for name in read(&before)?.keys() {
        if !files.contains_key(name) {
            fs::remove_file(folder.join(name))?;
        }
    }
    Ok(fs::remove_dir_all(before)?)
}

fn read(folder: &Path) -> Result<Files> {
    let entries = fs::read_dir(folder)?;
    let files = entries.map(|entry| {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        Ok((name, fs::read_to_string(entry.path())?))
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_added_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("etc/cacerts");
        let files = |list: &[(&str, &str)]| -> Files {
            let owned = list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            owned.collect()
        };
        write(&folder, &files(&[("tls.crt", "1"), ("ca.crt", "1")])).unwrap();
        let first = fs::read_link(folder.join(DATA)).unwrap();
        write(&folder, &files(&[("tls.crt", "1"), ("ca.crt", "1")])).unwrap();
        assert_eq!(
            fs::read_link(folder.join(DATA)).unwrap(),
            first,
            "nothing changed"
        );
        write(&folder, &files(&[("tls.crt", "2"), ("tls.key", "2")])).unwrap();
        assert_eq!(fs::read_to_string(folder.join("tls.crt")).unwrap(), "2");
        assert_eq!(fs::read_to_string(folder.join("tls.key")).unwrap(), "2");
        assert!(folder.join("ca.crt").symlink_metadata().is_err());
        assert!(!folder.join(first).exists());
    }
}
