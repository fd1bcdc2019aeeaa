//! A request to a ready issuer, with what all rules need to know about it.

use super::applicant::Applicant;
use super::{Denial, Facts, IssuerPolicy, listed};
use crate::quote;
use crate::request::Request;
use crate::spiffe::SpiffeId;

/// What is decided on.
pub(super) struct Case<'a> {
    pub(super) request: &'a Request,
    pub(super) policy: &'a IssuerPolicy,
    pub(super) facts: Facts<'a>,
    /// Who requests, or why that is not known.
    pub(super) applicant: Result<Applicant<'a>, String>,
    /// The SPIFFE ID that the CSR lists. Without a trust domain it may be of any, and it is none if
    /// there are several.
    pub(super) listed: Option<SpiffeId>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        request: &'a Request,
        policy: &'a IssuerPolicy,
        facts: Facts<'a>,
    ) -> Result<Self, Denial> {
        Ok(Self {
            request,
            policy,
            facts,
            listed: match policy.trust_domain {
                Some(_) => listed::parse(request)?,
                None => listed::find(request),
            },
            applicant: Applicant::of(request, policy),
        })
    }

    /// Returns what a message calls the requester.
    pub(super) fn who(&self) -> String {
        match &self.applicant {
            Ok(applicant) => applicant.to_string(),
            Err(_) => quote::text(&self.request.raw.requester.username),
        }
    }
}
