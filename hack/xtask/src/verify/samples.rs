//! The samples: the README shows the one that the demo applies, and a certificate with a SPIFFE ID
//! has a key that SPIFFE's libraries can load.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

const FOLDER: &str = "docs/samples";
const QUICK_START: &str = "docs/samples/quickstart.yaml";

pub(super) fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let readme = fs::read_to_string(root.join("README.md"))?;
    let sample = fs::read_to_string(root.join(QUICK_START))?;
    if !readme.contains(&format!("```yaml\n{sample}```\n")) {
        problems.push(format!(
            "README.md does not show {QUICK_START} word for word"
        ));
    }
    for entry in fs::read_dir(root.join(FOLDER))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let name = path.strip_prefix(root).unwrap_or(&path).display();
        let problem = unloadable(&text).with_context(|| format!("{name} is not YAML"))?;
        problems.extend(problem.map(|certificate| {
            format!(
                "{name}: the Certificate {certificate} has a spiffe:// URI; set \
                 privateKey.encoding to PKCS8, the only encoding that go-spiffe reads"
            )
        }));
    }
    Ok(problems)
}

/// The first Certificate with a SPIFFE ID whose key is not encoded as PKCS #8.
fn unloadable(yaml: &str) -> Result<Option<String>> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    let spiffe = |object: &&Value| {
        let uris = object["spec"]["uris"].as_array().into_iter().flatten();
        let mut ids = uris.filter_map(Value::as_str);
        ids.any(|uri| uri.starts_with("spiffe://"))
    };
    let mut certificates = objects.iter().filter(spiffe);
    let wrong = certificates.find(|it| it["spec"]["privateKey"]["encoding"] != "PKCS8");
    Ok(wrong.map(|it| it["metadata"]["name"].to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spiffe_id_requires_pkcs8() {
        for (spec, wrong) in [
            (
                "{uris: ['spiffe://a/b'], privateKey: {encoding: PKCS8}}",
                false,
            ),
            ("{uris: ['spiffe://a/b'], privateKey: {size: 256}}", true),
            ("{uris: ['spiffe://a/b']}", true),
            ("{uris: ['https://a/b']}", false),
            ("{}", false),
        ] {
            let yaml = format!("kind: Issuer\n---\nmetadata: {{name: web}}\nspec: {spec}\n");
            assert_eq!(unloadable(&yaml).unwrap().is_some(), wrong, "{spec}");
        }
    }
}
