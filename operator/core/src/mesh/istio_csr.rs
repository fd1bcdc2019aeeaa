//! istio-csr, which serves Istio's certificate API in place of istiod.
//!
//! It creates CertificateRequests in Istio's namespace for workloads, and one for its own serving
//! certificate, which requests only `server auth` (pkg/certmanager/certmanager.go, pkg/tls/tls.go).
//! Its chart has a Certificate `istiod` with the DNS names of istiod and the SPIFFE ID of an account
//! (deploy/charts/istio-csr/templates/certificate.yaml).

use std::collections::BTreeSet;

use super::build::{
    account, delegates, dns_names, each_delegate, own_names, require_trust_domain, spiffe_ids,
};
use super::istio::{self, workloads};
use super::{Preset, PresetContext, PresetError};
use crate::policy::pattern::PatternError;
use crate::policy::rule::{Allow, AllowedNames, Delegates, Namespaces, OwnNames, Requesters, Rule};
use crate::request::ServiceAccount;

const NAMESPACE: &str = "cert-manager";
const ACCOUNT: &str = "cert-manager-istio-csr";

pub(super) fn rules(context: &PresetContext<'_>) -> Result<Vec<Rule>, PresetError> {
    require_trust_domain(context, Preset::IstioCsr)?;
    let istio_csr = delegates(account(NAMESPACE, ACCOUNT), &[istio::NAMESPACE]);
    let each = each_delegate(context, Preset::IstioCsr, istio_csr, own)?;
    let request_in = each.iter().flat_map(|(_, one)| one.request_in.clone());
    let istiod = istiod(context, request_in.collect())?;
    let mut rules = Vec::new();
    for (name, delegates) in each {
        rules.push(rule(name, delegates)?);
    }
    rules.push(istiod);
    Ok(rules)
}

fn rule(name: String, delegates: Delegates) -> Result<Rule, PatternError> {
    Ok(Rule {
        name,
        requesters: Requesters::Delegates(delegates),
        allow: workloads()?,
    })
}

/// Its service has the name of its account.
fn own(istio_csr: &ServiceAccount) -> Result<OwnNames, PatternError> {
    let ServiceAccount { namespace, name } = istio_csr;
    own_names(istio_csr, &[format!("{name}.{namespace}.svc")])
}

/// The chart's Certificate for istiod, in the namespace of the requests.
fn istiod(context: &PresetContext<'_>, namespaces: BTreeSet<String>) -> Result<Rule, PatternError> {
    Ok(Rule {
        name: format!("{}-istiod", context.name),
        requesters: Requesters::Certificates(Namespaces::Named(namespaces)),
        allow: Allow {
            spiffe_ids: spiffe_ids(&["/ns/{namespace}/sa/istiod-service-account"])?,
            names: AllowedNames {
                dns_names: dns_names(&["istiod.{namespace}.svc"])?,
                ..AllowedNames::default()
            },
            ..Allow::default()
        },
    })
}
