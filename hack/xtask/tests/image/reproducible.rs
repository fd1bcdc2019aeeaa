//! The same commit has the same image, and nothing else has.

use crate::image::{IMAGE, Image};

#[test]
fn two_builds_are_identical_and_the_base_changes_only_with_its_packages() {
    let read = |image: &Image| std::fs::read(image.archive()).unwrap();
    let settings = [("TZ", "Asia/Tokyo"), ("LC_ALL", "C"), ("USER", "other")];
    let again = Image::build(&settings);
    assert!(
        read(&IMAGE) == read(&again),
        "two builds of one commit differ"
    );

    let earlier = Image::build(&[("SOURCE_DATE_EPOCH", "86400")]);
    let created = &earlier.configuration()["created"];
    assert_eq!(created, "1970-01-02T00:00:00Z");
    assert_ne!(earlier.digest(), IMAGE.digest());
    let [manifest, other] = [IMAGE.manifest(), earlier.manifest()];
    assert_eq!(manifest["layers"][0], other["layers"][0], "the base");
    assert_ne!(manifest["layers"][1], other["layers"][1], "the operator");
}

#[test]
fn labels_name_version_and_commit() {
    let configuration = IMAGE.configuration();
    let label = |name: &str| {
        let labels = &configuration["config"]["Labels"];
        let label = labels[format!("org.opencontainers.image.{name}")].as_str();
        label.unwrap().to_owned()
    };
    assert_eq!(label("title"), "signet");
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("licenses"), "Apache-2.0");
    let revision = label("revision");
    let commit = revision.trim_end_matches("-dirty");
    assert!(commit.len() == 40, "{revision}");
    assert_eq!(configuration["architecture"], "amd64");
    assert_eq!(configuration["os"], "linux");
}
