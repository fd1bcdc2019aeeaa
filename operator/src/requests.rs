//! Reconciles certificate requests of every Kubernetes API: one shell for all of them.
//!
//! ```text
//! watch ─▶ Observed ─▶ reconcile ─▶ issue ─▶ Outcome ─▶ plan ─▶ Writer
//! ```
//!
//! A [`RequestKind`](kind::RequestKind) is what one API supplies. [`controllers`] registers them.

pub(crate) mod backlog;
mod cache;
pub(crate) mod census;
mod certificate_request;
mod certificate_signing_request;
mod controller;
mod delays;
mod dispatch;
#[cfg(test)]
mod fixtures;
mod issue;
mod kind;
mod lean;
mod listing;
mod log;
mod object;
mod outcome;
mod pod_certificate_request;
mod queue;
mod reconcile;
mod shared;
mod tenant;
mod unapproved;
mod unread;
pub(crate) mod unwatched;
mod watch;

use std::sync::Arc;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use signet_api::external::certificate_request::CertificateRequest;

use crate::context::Context;
pub(crate) use cache::DueByIssuer;
pub(crate) use certificate_signing_request::review::Reviews;
pub(crate) use controller::{Controller, CountDue};

/// Returns the controllers of the request APIs that are enabled, for one term of leadership. Those
/// of Kubernetes' optional APIs look for a served version first.
pub(crate) fn controllers(context: &Arc<Context>) -> Vec<Controller> {
    let mut controllers = Vec::new();
    if context.settings.certificate_requests {
        controllers.push(Controller::new::<CertificateRequest>(context));
    }
    if context.settings.certificate_signing_requests {
        controllers.push(Controller::new::<CertificateSigningRequest>(context));
    }
    if context.settings.pod_certificate_requests {
        controllers.push(pod_certificate_request::controller(context));
    }
    controllers
}
