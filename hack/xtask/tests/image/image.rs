//! An archive that `cargo xtask image` wrote, read by tar and as JSON, without the code that wrote it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use signet_testbed::run;
use tempfile::TempDir;

use crate::lock::LOCK;

/// Of the debug build, which differs from a release in nothing but the operator's bytes.
pub(crate) static IMAGE: LazyLock<Image> = LazyLock::new(|| Image::build(&[]));

/// An image, unpacked as an OCI layout.
pub(crate) struct Image {
    folder: TempDir,
    archive: PathBuf,
    /// Which of the archive's images this is.
    architecture: &'static str,
}

impl Image {
    /// Builds one with further environment variables.
    pub(crate) fn build(environment: &[(&str, &str)]) -> Self {
        Self::build_from(&LOCK, environment)
    }

    /// Builds one from the packages of a lock file.
    pub(crate) fn build_from(lock: &Path, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Self::command(&folder.path().join("archives"));
        command.arg("--lock").arg(lock);
        let output = run(command.envs(environment.iter().copied())).unwrap();
        let lines: Vec<_> = output.lines().collect();
        let image = Self::read(Path::new(lines[0]), folder, "amd64");
        assert_eq!(image.digest(), lines[1]);
        image
    }

    /// `cargo xtask image --debug`, without a lock file.
    pub(crate) fn command(archives: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["image", "--debug", "--output"]);
        command.arg(archives);
        command
    }

    /// Unpacks an archive into a folder.
    pub(crate) fn read(archive: &Path, folder: TempDir, architecture: &'static str) -> Self {
        let image = Self {
            archive: archive.to_owned(),
            folder,
            architecture,
        };
        std::fs::create_dir(image.layout()).unwrap();
        run(Command::new("tar")
            .arg("-xf")
            .arg(&image.archive)
            .arg("-C")
            .arg(image.layout()))
        .unwrap();
        image
    }

    pub(crate) fn archive(&self) -> &Path {
        &self.archive
    }

    pub(crate) fn sbom(&self) -> PathBuf {
        let name = self.archive.file_name().unwrap().to_str().unwrap();
        let name = name.replace(".oci.tar", ".cdx.json");
        self.archive.with_file_name(name)
    }

    fn layout(&self) -> PathBuf {
        self.folder.path().join("layout")
    }

    fn document(&self, path: &str) -> Value {
        let text = std::fs::read(self.layout().join(path)).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The path of what a descriptor refers to.
    fn blob(descriptor: &Value) -> String {
        let digest = descriptor["digest"].as_str().unwrap();
        format!("blobs/{}", digest.replace(':', "/"))
    }

    /// What a tag of the archive refers to: a manifest, or an index of several.
    fn top(&self) -> Value {
        let index = self.document("index.json");
        assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
        index["manifests"][0].clone()
    }

    /// The index, if the archive has several images.
    pub(crate) fn index(&self) -> Option<Value> {
        let top = self.top();
        let is_index = top["mediaType"] == "application/vnd.oci.image.index.v1+json";
        is_index.then(|| self.document(&Self::blob(&top)))
    }

    /// What refers to the manifest.
    fn descriptor(&self) -> Value {
        let Some(index) = self.index() else {
            return self.top();
        };
        let mut manifests = index["manifests"].as_array().unwrap().iter();
        let is_ours = |it: &&Value| it["platform"]["architecture"] == self.architecture;
        manifests.find(is_ours).unwrap().clone()
    }

    /// The digest of what a tag refers to.
    pub(crate) fn tagged(&self) -> String {
        self.top()["digest"].as_str().unwrap().to_owned()
    }

    /// The digest of the manifest.
    pub(crate) fn digest(&self) -> String {
        self.descriptor()["digest"].as_str().unwrap().to_owned()
    }

    pub(crate) fn manifest(&self) -> Value {
        self.document(&Self::blob(&self.descriptor()))
    }

    pub(crate) fn configuration(&self) -> Value {
        self.document(&Self::blob(&self.manifest()["config"]))
    }

    /// The files of the layers.
    pub(crate) fn layers(&self) -> Vec<PathBuf> {
        let manifest = self.manifest();
        let layers = manifest["layers"].as_array().unwrap();
        let paths = layers.iter().map(|it| self.layout().join(Self::blob(it)));
        paths.collect()
    }

    /// Unpacks all layers into a folder, as a container engine would.
    pub(crate) fn unpack(&self, folder: &Path) {
        for layer in self.layers() {
            let mut tar = Command::new("tar");
            tar.arg("-xzf").arg(layer).arg("-C").arg(folder);
            run(&mut tar).unwrap();
        }
    }
}
