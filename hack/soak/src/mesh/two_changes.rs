//! The write that a MeshCA never makes: another root, and at the same time a CA below it. istiod
//! loads it, as the file has the old root, too. Workloads that got their roots before refuse the
//! next leaves.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use rcgen::{BasicConstraints, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::json;

use crate::offline_root::ca_params;

/// The Secret that istiod reads, and the entry with its roots.
const CACERTS: &str = "cacerts";
const ROOTS: &str = "root-cert.pem";

/// Makes both changes in one write.
pub(super) async fn write(secrets: &Api<Secret>) -> Result<()> {
    let before = secrets.get(CACERTS).await?.data.unwrap_or_default();
    let roots = before.get(ROOTS).context("the mesh has roots")?;
    let roots = String::from_utf8(roots.0.clone())?;
    let Made { root, ca, key } = make()?;
    let patch = Patch::Merge(json!({ "stringData": {
        "ca-cert.pem": ca,
        "ca-key.pem": key,
        "cert-chain.pem": ca,
        ROOTS: format!("{}\n{root}", roots.trim_end()),
    } }));
    let written = secrets
        .patch(CACERTS, &PatchParams::default(), &patch)
        .await;
    written.context("cacerts cannot be written").map(drop)
}

struct Made {
    root: String,
    ca: String,
    key: String,
}

fn make() -> Result<Made> {
    let params = |name, kind| {
        let mut params = ca_params(name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2100, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::Ca(kind);
        params
    };
    let root = params("Another Root", BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let ca = params("Another CA", BasicConstraints::Constrained(0));
    Ok(Made {
        ca: ca.signed_by(&key, &root)?.pem(),
        root: root.pem(),
        key: key.serialize_pem(),
    })
}
