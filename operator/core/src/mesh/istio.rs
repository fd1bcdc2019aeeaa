//! Istio with istiod as registration authority (`EXTERNAL_CA=ISTIOD_RA_KUBERNETES_API`).
//!
//! istiod authenticates a workload, or ztunnel on behalf of one, creates a CertificateSigningRequest
//! with the workload's CSR (security/pkg/pki/ra/k8s_ra.go) and approves it itself. The subject is
//! empty or has one organization of no characters (pkg/security/pkg/pki/util/generate_csr.go). With
//! `pilotCertProvider: k8s.io/<signer>`, it also requests its serving certificate, with the DNS names
//! of its services (`getDNSNames` in pilot/pkg/bootstrap/server.go).

use super::build::{
    OF_SERVICE_ACCOUNT, account, delegates, each_delegate, leaf_limits, own_names,
    require_trust_domain, spiffe_ids,
};
use super::{Preset, PresetContext, PresetError};
use crate::policy::pattern::{PatternError, TextPattern};
use crate::policy::rule::{
    Allow, AllowedNames, Delegates, OwnNames, Requesters, Rule, UnreadRefusals, WorkloadName,
};
use crate::request::ServiceAccount;

pub(super) const NAMESPACE: &str = "istio-system";
/// The ServiceAccount of a revision is `istiod-<revision>`.
const ISTIOD: &str = "istiod";
/// Names that istiod has whatever its revision.
const SERVICES: [&str; 3] = [ISTIOD, "istiod-remote", "istio-pilot"];

pub(super) fn rules(context: &PresetContext<'_>) -> Result<Vec<Rule>, PresetError> {
    require_trust_domain(context, Preset::Istio)?;
    let istiod = delegates(account(NAMESPACE, ISTIOD), &[]);
    let each = each_delegate(context, Preset::Istio, istiod, own)?;
    let rules = each.into_iter().map(|(name, delegates)| {
        // istiod waits for a certificate, and reads no condition (security/pkg/k8s/chiron/utils.go).
        let unread = UnreadRefusals {
            named_by: WorkloadName::SpiffeId,
            namespaces: delegates.act_for.clone(),
        };
        Ok(Rule {
            name,
            requesters: Requesters::Delegates(Delegates {
                unread: Some(unread),
                ..delegates
            }),
            allow: workloads()?,
        })
    });
    rules.collect()
}

/// What the workloads of Istio may have.
pub(super) fn workloads() -> Result<Allow, PatternError> {
    Ok(Allow {
        spiffe_ids: spiffe_ids(&[OF_SERVICE_ACCOUNT])?,
        names: empty_organization()?,
        limits: leaf_limits(),
        ..Allow::default()
    })
}

/// `O=`, which Istio's CSRs have.
fn empty_organization() -> Result<AllowedNames, PatternError> {
    let empty = vec![TextPattern::parse("")?];
    Ok(AllowedNames {
        subject: [(const_oid::db::rfc4519::ORGANIZATION_NAME, empty)].into(),
        ..AllowedNames::default()
    })
}

/// A revision's service has the name of its account.
fn own(istiod: &ServiceAccount) -> Result<OwnNames, PatternError> {
    let namespace = &istiod.namespace;
    let mut services: Vec<_> = SERVICES.to_vec();
    if istiod.name.starts_with("istiod-") {
        services.push(&istiod.name);
    }
    let names = services.iter();
    let names = names.map(|service| format!("{service}.{namespace}.svc"));
    own_names(istiod, &names.collect::<Vec<_>>())
}
