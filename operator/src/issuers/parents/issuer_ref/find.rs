//! Finds the request of a CSR, or the name under which the next one is made.

use kube::core::ObjectMeta;
use signet_api::external::certificate_request::CertificateRequest;

use super::name::RequestName;
use super::{IssuerAbove, Wanted, request};
use crate::issuers::parents::ParentRequest;
use crate::issuers::reason::{IssuerReason, NotReady};

/// How many requests of others are skipped in a row.
const MAX_SKIPPED: u32 = 8;

/// The request of a CSR.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// The last one that was made.
    Request {
        wanted: Wanted<'a>,
        name: RequestName,
        object: Box<CertificateRequest>,
        /// A request of someone else under the name of the attempt before.
        foreign: Option<String>,
    },
    /// There is none, and this name is free.
    Free(RequestName),
}

impl IssuerAbove<'_> {
    /// Returns the newest request of a CSR. One of another CSR under such a name is skipped.
    pub(super) async fn find<'a>(
        &self,
        wanted: Wanted<'a>,
        listed: &[ObjectMeta],
        request: &ParentRequest<'_>,
    ) -> Result<Found<'a>, NotReady> {
        for name in newest_first(wanted, listed, request) {
            if let Some(object) = self.own(wanted, &name, request).await?.own() {
                return self.found(wanted, name, object, request).await;
            }
        }
        self.next(wanted, 1, request).await
    }

    /// Returns the first name from this attempt on that is free, or under which there is a request
    /// of the CSR after all.
    pub(super) async fn next<'a>(
        &self,
        wanted: Wanted<'a>,
        attempt: u32,
        request: &ParentRequest<'_>,
    ) -> Result<Found<'a>, NotReady> {
        let first = RequestName::new(wanted.generation, attempt, wanted.csr);
        let attempts = attempt..=attempt.saturating_add(MAX_SKIPPED);
        for name in attempts.map(|attempt| first.with_attempt(attempt)) {
            match self.own(wanted, &name, request).await? {
                Named::Nothing => return Ok(Found::Free(name)),
                Named::Own(object) => return self.found(wanted, name, object, request).await,
                Named::Foreign => {
                    let name = name.for_issuer(request.issuer);
                    tracing::warn!(issuer = %request.issuer, name, "{}", foreign(&name));
                }
            }
        }
        let name = first.for_issuer(request.issuer);
        Err(IssuerReason::WaitingForParent.waits(format!(
            "{}, and so do the {MAX_SKIPPED} that follow it; delete them",
            foreign(&name)
        )))
    }

    async fn found<'a>(
        &self,
        wanted: Wanted<'a>,
        name: RequestName,
        object: Box<CertificateRequest>,
        request: &ParentRequest<'_>,
    ) -> Result<Found<'a>, NotReady> {
        let before = name.attempt.checked_sub(1).filter(|before| *before > 0);
        let before = before.map(|before| name.with_attempt(before));
        let foreign = match before {
            Some(before) => match self.own(wanted, &before, request).await? {
                Named::Foreign => Some(foreign(&before.for_issuer(request.issuer))),
                Named::Own(_) | Named::Nothing => None,
            },
            None => None,
        };
        Ok(Found::Request {
            wanted,
            name,
            object,
            foreign,
        })
    }

    async fn own(
        &self,
        wanted: Wanted<'_>,
        name: &RequestName,
        request: &ParentRequest<'_>,
    ) -> Result<Named, NotReady> {
        let name = name.for_issuer(request.issuer);
        let found = request.requests.get(wanted.account, &name).await?;
        Ok(match found {
            None => Named::Nothing,
            Some(object) if request::is_own(&object, self.parent, wanted.csr) => {
                Named::Own(Box::new(object))
            }
            Some(_) => Named::Foreign,
        })
    }
}

/// What there is under a name.
enum Named {
    Nothing,
    Own(Box<CertificateRequest>),
    Foreign,
}

impl Named {
    fn own(self) -> Option<Box<CertificateRequest>> {
        match self {
            Self::Own(object) => Some(object),
            Self::Nothing | Self::Foreign => None,
        }
    }
}

fn foreign(name: &str) -> String {
    format!("the CertificateRequest {name} is not Signet's: it has another CSR or another issuer")
}

fn newest_first(
    wanted: Wanted<'_>,
    listed: &[ObjectMeta],
    request: &ParentRequest<'_>,
) -> Vec<RequestName> {
    let names = listed.iter().filter_map(|meta| meta.name.as_deref());
    let names = names.filter_map(|name| RequestName::parse(request.issuer, name));
    let mut names: Vec<_> = names
        .filter(|name| name.generation == wanted.generation && name.is_for(wanted.csr))
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.attempt));
    names.truncate(usize::try_from(MAX_SKIPPED).unwrap_or(usize::MAX));
    names
}
