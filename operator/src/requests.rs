//! Reconciles certificate requests of every Kubernetes API: one shell for all of them.
//!
//! ```text
//! watch ─▶ Observed ─▶ reconcile ─▶ issue ─▶ Outcome ─▶ plan ─▶ Writer
//! ```
//!
//! A [`RequestKind`](kind::RequestKind) is what one API supplies. [`controllers`] registers them.

mod certificate_request;
mod certificate_signing_request;
mod controller;
#[cfg(test)]
mod fixtures;
mod issue;
mod kind;
mod lean;
mod object;
mod outcome;
mod reconcile;
mod review;
mod signer_name;
mod watch;

use std::sync::Arc;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use signet_api::external::certificate_request::CertificateRequest;

use crate::context::Context;
pub(crate) use controller::Controller;

/// Returns the controllers of all request APIs, for one term of leadership.
pub(crate) fn controllers(context: &Arc<Context>) -> Vec<Controller> {
    vec![
        Controller::new::<CertificateRequest>(context),
        Controller::new::<CertificateSigningRequest>(context),
    ]
}
