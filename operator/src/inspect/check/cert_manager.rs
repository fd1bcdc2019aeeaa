//! cert-manager: whether it is there, and may approve. Pure.

use super::crds;
use super::facts::Facts;
use super::report::{Details, Finding, Level, Section};
use crate::args::Check;

/// The field by which the operator selects requests.
const SELECTABLE: &str = ".spec.issuerRef.group";

pub(super) fn findings(settings: &Check, facts: &Facts) -> Vec<Finding> {
    if !settings.certificate_requests {
        return Vec::new();
    }
    let finding = |level, subject: &str, message: String| {
        Finding::new(Section::CertManager, level, subject, message)
    };
    let crd = &facts.certificate_requests;
    if let Err((level, message)) = crds::served(crd) {
        let message = match level {
            Level::Problem => format!(
                "{message}; install cert-manager, or set --certificate-requests=false here and in \
                 the operator"
            ),
            _ => message,
        };
        return vec![finding(level, crd.name, message)];
    }
    let mut findings = vec![version(facts)];
    findings.push(match crds::can_select(crd, SELECTABLE) {
        Ok(false) => finding(
            Level::Warning,
            crd.name,
            format!(
                "{}, and cannot be selected by issuer, so the operator reads all of them; upgrade \
                 cert-manager to 1.20 or newer",
                crd.version
            ),
        ),
        _ => finding(Level::Ok, crd.name, crd.version.to_owned()),
    });
    let approver = settings.approver.username();
    match &facts.approvals {
        Err(error) => findings.push(finding(Level::Unknown, &approver, error.clone())),
        Ok(approvals) => findings.extend(approvals.iter().map(|(signers, is_allowed)| {
            match is_allowed {
                true => finding(
                    Level::Ok,
                    &approver,
                    format!("may approve requests for {signers}"),
                ),
                false => finding(
                    Level::Problem,
                    &approver,
                    format!(
                        "may not approve requests for {signers}; set certManager.approver.enabled of \
                         the chart, or --approver to the ServiceAccount that approves"
                    ),
                ),
            }
        })),
    }
    findings
}

fn version(facts: &Facts) -> Finding {
    let finding =
        |message: String| Finding::new(Section::CertManager, Level::Ok, "version", message);
    match &facts.cert_manager {
        Ok(Some(version)) => finding(version.clone()).with(Details::Version {
            version: version.clone(),
        }),
        Ok(None) => finding("not in the labels of cert-manager".to_owned()),
        Err(error) => finding(format!("cannot be read: {error}")),
    }
}
