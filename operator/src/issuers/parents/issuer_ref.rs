//! Another issuer, which signs through cert-manager's CertificateRequest.

mod above;
mod answer;
mod client;
mod cycle;
mod find;
mod for_mesh;
mod name;
mod request;
mod superseded;
#[cfg(test)]
mod tests;
mod verdict;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::core::ObjectMeta;
use signet_api::{IssuerKind, IssuerRef, IssuerSpec};
use signet_core::ca::CaCertificate;
use signet_core::issue::Csr;

use super::{Answer, ParentCa, ParentRequest};
use crate::issuers::reason::{IssuerReason, NotReady};
use crate::issuers::submission::Submitted;
use crate::writer::ObjectVersion;

use above::Above;
pub(in crate::issuers) use above::Family;
pub(in crate::issuers) use client::{Account, CertificateRequests, NamespaceRequests};
use name::RequestName;
pub(in crate::issuers) use superseded::superseded;

/// How far a number in the name of a request may be above the generations' own to count: users who
/// may create requests could otherwise use all numbers up.
const MAX_AHEAD: u32 = 1000;

/// The issuer that a spec names.
#[derive(Clone, Copy, Debug)]
pub(in crate::issuers) struct IssuerAbove<'a> {
    pub(in crate::issuers) spec: &'a IssuerSpec,
    pub(in crate::issuers) parent: &'a IssuerRef,
}

/// A request that the issuer owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::issuers) struct OwnRequest {
    pub(in crate::issuers) name: RequestName,
    pub(in crate::issuers) version: ObjectVersion,
}

/// A generation's CSR, for which a request is looked up or made.
#[derive(Clone, Copy, Debug)]
struct Wanted<'a> {
    generation: u32,
    csr: &'a Csr,
    account: Account<'a>,
}

impl ParentCa for IssuerAbove<'_> {
    fn poll<'a>(&'a self, request: &'a ParentRequest<'a>) -> BoxFuture<'a, Answer> {
        async move {
            let above = match request.family.above(request.issuer, self.parent) {
                Ok(above) => above,
                Err(not_ready) => return Answer::unreadable(not_ready),
            };
            let listed = request.requests.list(&request::label(request.issuer)).await;
            let answer = match &listed {
                Ok(listed) => {
                    let answer = self.answer(&above, listed, request).await;
                    self.for_mesh(answer, request)
                }
                Err(not_ready) => answer::unavailable(not_ready, request),
            };
            let listed = listed.unwrap_or_default();
            Answer {
                named_roots: match above {
                    Above::Other => Some(Vec::new()),
                    Above::NoBundle(_) => None,
                    Above::Bundle(roots) => Some(roots),
                },
                highest_number: highest_number(&listed, request),
                requests: own(&listed, request),
                ..answer
            }
        }
        .boxed()
    }

    fn submit<'a>(
        &'a self,
        csr: &'a Csr,
        attempt: u32,
        request: &'a ParentRequest<'a>,
    ) -> BoxFuture<'a, Result<Submitted, NotReady>> {
        async move {
            let account = self.account(request.issuer.kind)?;
            if let Some(requested) = request.requested {
                let name = RequestName::new(requested.number(), attempt, csr);
                let (issuer, uid) = (request.issuer, request.uid);
                let object = request::new(issuer, uid, &name, (self.parent, csr));
                request.requests.create(account, &object).await?;
            }
            Ok(Submitted::Pending)
        }
        .boxed()
    }

    fn withdraw<'a>(
        &'a self,
        own: &'a OwnRequest,
        request: &'a ParentRequest<'a>,
    ) -> BoxFuture<'a, Result<(), NotReady>> {
        async move {
            let account = self.account(request.issuer.kind)?;
            let name = own.name.for_issuer(request.issuer);
            let requests = request.requests;
            requests.delete(account, &name, &own.version).await
        }
        .boxed()
    }
}

impl IssuerAbove<'_> {
    /// A tenant's request is never made in Signet's own name.
    fn account(&self, issuer: IssuerKind) -> Result<Account<'_>, NotReady> {
        match (issuer, &self.parent.service_account_ref) {
            (IssuerKind::ClusterIssuer, _) => Ok(Account::Signet),
            (IssuerKind::Issuer | IssuerKind::MeshCA, Some(account)) => {
                Ok(Account::ServiceAccount(&account.name))
            }
            (IssuerKind::Issuer, None) => Err(IssuerReason::InvalidSpec.stalls(
                "certificate.issuerRef of an Issuer requires serviceAccountRef; name a \
                 ServiceAccount of its namespace",
            )),
            (IssuerKind::MeshCA, None) => Err(IssuerReason::InvalidSpec.stalls(
                "certificate.issuerRef of a MeshCA requires serviceAccountRef; name a \
                 ServiceAccount of its namespace",
            )),
        }
    }

    async fn answer(
        &self,
        above: &Above,
        listed: &[ObjectMeta],
        request: &ParentRequest<'_>,
    ) -> Answer {
        let requested = request.requested;
        let Some((next, csr)) = requested.and_then(|next| Some((next, next.csr.as_ref()?))) else {
            return Answer::none();
        };
        let wanted = match self.account(request.issuer.kind) {
            Ok(account) => Wanted {
                generation: next.number(),
                csr,
                account,
            },
            Err(not_ready) => return Answer::of(Err(not_ready)),
        };
        let bundle: &[CaCertificate] = match above {
            Above::NoBundle(why) => return answer::pending(why.clone(), request),
            Above::Bundle(roots) => roots,
            Above::Other => &[],
        };
        match self.find(wanted, listed, request).await {
            Ok(found) => self.judge(found, bundle, request).await,
            Err(not_ready) => answer::unavailable(&not_ready, request),
        }
    }
}

/// Returns the highest generation in the names of requests. They outlive generations that a restore
/// lost.
fn highest_number(listed: &[ObjectMeta], request: &ParentRequest<'_>) -> u32 {
    let max = request.generations.highest_number.saturating_add(MAX_AHEAD);
    let names = listed.iter().filter_map(|meta| meta.name.as_deref());
    let numbers = names.filter_map(|name| RequestName::parse(request.issuer, name));
    let numbers = numbers.map(|name| name.generation);
    numbers
        .filter(|number| *number <= max)
        .max()
        .unwrap_or_default()
}

/// Returns the requests that the issuer owns. Another issuer's name may begin like its own.
fn own(listed: &[ObjectMeta], request: &ParentRequest<'_>) -> Vec<OwnRequest> {
    let read = |meta: &ObjectMeta| {
        let mut owners = meta.owner_references.iter().flatten();
        owners.find(|owner| owner.uid == request.uid)?;
        Some(OwnRequest {
            name: RequestName::parse(request.issuer, meta.name.as_deref()?)?,
            version: ObjectVersion {
                uid: meta.uid.clone()?,
                resource_version: meta.resource_version.clone()?,
            },
        })
    };
    listed.iter().filter_map(read).collect()
}
