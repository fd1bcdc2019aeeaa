//! `signet decide`: what the issuers in files would decide on the requests in files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use signet_api::{ClusterIssuer, Issuer, IssuerKind, IssuerSpec};
use signet_core::ca::Limits;
use signet_core::forecast::{Forecast, forecast, forecast_draft};
use signet_core::policy::{self, CaProfile, Facts, IssuerPolicy};
use signet_core::spiffe::TrustDomain;
use signet_core::x509::names::NameSet;

use super::documents::{self, Document};
use super::report::{Outcome, Report, Verdict};
use super::requests::{self, Accounts, Request};
use crate::args::Decide;
use crate::issuer_name::IssuerName;
use crate::issuers::lifetimes;
use crate::policy::rules;
use crate::printable::printable;

/// What the files hold.
struct Files {
    issuers: BTreeMap<IssuerName, Result<IssuerSpec, String>>,
    /// Namespaces and their labels.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    requests: Vec<Document>,
    /// How many objects are of no concern.
    ignored: usize,
}

/// Decides on every request in the files, prints the decisions, and returns the exit code: 0 if all
/// are granted, 1 if one is refused, 2 if one cannot be decided or a file cannot be read.
pub fn decide(settings: &Decide) -> ExitCode {
    let report = report(settings).and_then(|report| {
        let written = writeln!(stdout(), "{}", report.text(settings.output));
        written.map_err(|error| format!("the decisions cannot be written: {error}"))?;
        Ok(report)
    });
    match report {
        Ok(report) => report.exit_code(),
        Err(error) => {
            // There is no other place to report it.
            let error = printable(&error);
            let _ = writeln!(stderr(), "signet decide: {error}");
            ExitCode::from(2)
        }
    }
}

pub(super) fn report(settings: &Decide) -> Result<Report, String> {
    let files = Files::of(documents::read(&settings.files)?)?;
    let accounts = Accounts {
        cert_manager: &settings.cert_manager_service_account,
        requester: settings.requester.as_ref(),
    };
    let mut report = Report::new(files.ignored);
    for document in &files.requests {
        match requests::read(document, &accounts)? {
            Some(request) => report.add(files.decide(request, settings)),
            None => report.ignore(),
        }
    }
    match report.is_empty() {
        true => Err(
            "the files have no request to an issuer of signet.dev; add a Certificate, \
             CertificateRequest, CertificateSigningRequest or PodCertificateRequest by -f"
                .to_owned(),
        ),
        false => Ok(report),
    }
}

impl Files {
    fn of(documents: Vec<Document>) -> Result<Self, String> {
        let mut files = Self {
            issuers: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            requests: Vec::new(),
            ignored: 0,
        };
        for document in documents {
            match document.kind() {
                (signet_api::GROUP, "Issuer" | "ClusterIssuer") => files.add_issuer(&document)?,
                ("", "Namespace") => files.add_namespace(&document)?,
                _ if requests::is_request(&document) => files.requests.push(document),
                _ => files.ignored += 1,
            }
        }
        Ok(files)
    }

    fn add_namespace(&mut self, document: &Document) -> Result<(), String> {
        let name = document.name().to_owned();
        let labels = document.labels();
        match self.namespaces.insert(name, labels.clone()) {
            Some(other) if other != labels => Err(format!(
                "{} is in the files more than once, with other labels",
                document.label()
            )),
            _ => Ok(()),
        }
    }

    fn add_issuer(&mut self, document: &Document) -> Result<(), String> {
        let name = document.name().to_owned();
        let (name, spec) = match document.kind().1 {
            "Issuer" => {
                let issuer = document.read::<Issuer>().map(|issuer| issuer.spec);
                let namespace = document.namespace().to_owned();
                let kind = IssuerKind::Issuer;
                (
                    IssuerName {
                        kind,
                        namespace,
                        name,
                    },
                    issuer,
                )
            }
            _ => {
                let issuer = document.read::<ClusterIssuer>().map(|issuer| issuer.spec.0);
                let (kind, namespace) = (IssuerKind::ClusterIssuer, String::new());
                (
                    IssuerName {
                        kind,
                        namespace,
                        name,
                    },
                    issuer,
                )
            }
        };
        let label = name.to_string();
        match self.issuers.insert(name, spec) {
            Some(_) => Err(format!("{label} is in the files more than once")),
            None => Ok(()),
        }
    }

    fn decide(&self, request: Request, settings: &Decide) -> Outcome {
        let mut outcome =
            Outcome::new(&request.label, &request.issuer, request.assumptions.clone());
        outcome.verdict = match self.policy(&request.issuer, settings) {
            Ok(policy) => self.verdict(request, &policy),
            Err(missing) => Verdict::Undecided(missing),
        };
        outcome
    }

    /// The policy of an issuer that is taken to be ready. What its CA certificates forbid is not in
    /// the files.
    fn policy(&self, name: &IssuerName, settings: &Decide) -> Result<IssuerPolicy, String> {
        let spec = self
            .issuers
            .get(name)
            .ok_or_else(|| format!("{name} is not in the files; add it by -f"))?;
        let spec = spec.as_ref().map_err(Clone::clone)?;
        let trust_domain = spec.spiffe.as_ref();
        let trust_domain = trust_domain.map(|spiffe| TrustDomain::parse(&spiffe.trust_domain));
        let trust_domain = trust_domain.transpose();
        let trust_domain = trust_domain.map_err(|error| format!("{name}: spec.spiffe: {error}"))?;
        let rules = rules(spec, trust_domain.as_ref());
        let rules = rules.map_err(|error| format!("{name} would be Stalled: {error}"))?;
        let ca = spec
            .profile
            .as_ref()
            .and_then(|profile| profile.ca.as_ref());
        Ok(IssuerPolicy {
            namespace: name.kind.is_namespaced().then(|| name.namespace.clone()),
            reserved_namespaces: settings.own_namespaces(),
            cert_manager: settings.cert_manager_service_account.clone(),
            limits: Limits::default(),
            ca_subjects: NameSet::default(),
            lifetimes: lifetimes(spec),
            ca: ca.map(|ca| CaProfile {
                path_length: ca.path_length,
            }),
            trust_domain,
            rules,
        })
    }

    fn verdict(&self, request: Request, policy: &IssuerPolicy) -> Verdict {
        let served = Some(self.served_trust_domains(&request.issuer));
        let facts = Facts {
            namespaces: &self.namespaces,
            served_trust_domains: &served,
        };
        let issuer = policy::Issuer::Ready(policy);
        let forecast = match &request.draft {
            Some(draft) => forecast_draft(request.raw, draft, issuer, facts),
            None => forecast(request.raw, issuer, facts),
        };
        match forecast {
            Forecast::Grant(terms) => Verdict::Granted(terms),
            Forecast::Deny(denial) => Verdict::Denied(denial),
            Forecast::Wait(wait) => Verdict::Undecided(format!(
                "{}: add the objects that it depends on by -f: {}",
                wait.reason, wait.message
            )),
        }
    }

    /// The trust domains of the other issuers in the files that have the same key. Which roots they
    /// share is not in a spec.
    fn served_trust_domains(&self, name: &IssuerName) -> BTreeSet<TrustDomain> {
        let key =
            |spec: &Result<IssuerSpec, String>| spec.as_ref().ok().map(|spec| spec.key.clone());
        let own = self.issuers.get(name).and_then(key);
        let others = self.issuers.iter().filter(|(other, spec)| {
            let in_reach =
                other.kind == IssuerKind::ClusterIssuer || other.namespace == name.namespace;
            *other != name && in_reach && key(spec) == own
        });
        let domains = others.filter_map(|(_, spec)| spec.as_ref().ok()?.spiffe.as_ref());
        domains
            .filter_map(|spiffe| TrustDomain::parse(&spiffe.trust_domain).ok())
            .collect()
    }
}
