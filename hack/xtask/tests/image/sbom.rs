//! The software bill of materials: valid, complete, and the same each time.

use std::process::Command;

use signet_testbed::packages::cyclonedx;
use signet_testbed::run;

use crate::image::IMAGE;

/// The library of CycloneDX's own project, with the schema of the form's version.
const VALIDATE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(repr(error) if error else 0)
";

#[test]
fn another_library_accepts_it() {
    let validator = cyclonedx().unwrap();
    let mut python = Command::new(&validator.python);
    python.env("PYTHONPATH", &validator.modules);
    run(python.args(["-c", VALIDATE]).arg(IMAGE.sbom())).unwrap();
    // A control: it reads what it is given.
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    let text = std::fs::read_to_string(IMAGE.sbom()).unwrap();
    std::fs::write(&broken, text.replace("\"container\"", "\"crate\"")).unwrap();
    let mut python = Command::new(&validator.python);
    python.env("PYTHONPATH", &validator.modules);
    run(python.args(["-c", VALIDATE]).arg(broken)).unwrap_err();
}

#[test]
fn it_has_what_is_linked_and_installed_and_nothing_of_the_tests() {
    let text = std::fs::read_to_string(IMAGE.sbom()).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let component = &document["metadata"]["component"];
    let digest = IMAGE.digest();
    assert_eq!(component["hashes"][0]["content"], digest["sha256:".len()..]);
    let components = document["components"].as_array().unwrap();
    let find = |name: &str| components.iter().find(|it| it["name"] == name);
    for name in ["signet-core", "aws-lc-rs", "kube", "cryptoki", "libc6"] {
        assert!(find(name).is_some(), "{name} is missing");
    }
    for name in ["xtask", "rcgen", "rsa", "syn", "oci-spec", "tempfile"] {
        assert!(find(name).is_none(), "{name} is not in the image");
    }
    let hash = |name: &str| find(name).unwrap()["hashes"][0]["content"].clone();
    assert_eq!(hash("libc6").as_str().unwrap().len(), 64);
    assert_eq!(hash("kube").as_str().unwrap().len(), 64);
    let purl = find("libstdc++6").unwrap()["purl"].as_str().unwrap();
    assert!(purl.starts_with("pkg:deb/debian/libstdc%2B%2B6@"), "{purl}");
    assert!(
        !text.contains(env!("CARGO_MANIFEST_DIR")),
        "a path of this machine"
    );
}
