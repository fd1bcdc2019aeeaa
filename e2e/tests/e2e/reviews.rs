//! Whether a requester may use an Issuer is asked of the API server once in a short time, whatever
//! number of CertificateSigningRequests there is.

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use signet_api::IssuerKind::Issuer;
use signet_e2e::audit::count_calls;
use signet_e2e::csr::Csr;
use signet_e2e::verify::Expected;
use signet_e2e::{Bed, IssuerRef, OwnBed, SigningAsk, TestNamespace, User, spec, stop};

use crate::signing_requests::REFERENCE_ROOT;

/// How many requests two users make.
const MANY: usize = 40;
const FEW: usize = 10;
/// How long an answer holds, in seconds.
const HOLDS: i64 = 30;
/// Writers at a time.
const WRITERS: usize = 16;

/// All requests wait when the operator starts. An answer is for one requester only.
pub(crate) async fn a_burst_of_a_requester_is_reviewed_once(bed: OwnBed) -> Result<()> {
    let test = TestNamespace::create(bed.bed(), "reviews").await?;
    let root = spec::self_signed("root");
    let issuer = test.create_issuer(Issuer, "root", root).await?;
    let (many, few) = (user(&test, "many").await?, user(&test, "few").await?);
    let mut requests = ask(&test, &issuer, &many, MANY).await?;
    requests.extend(ask(&test, &issuer, &few, FEW).await?);
    let before = reviews(&bed)?;

    let operator = bed.start_operator(&[]).await?;
    let mut issued = Vec::new();
    for (request, csr) in &requests {
        let one = test.issued_signing(request, &issuer, csr, false).await?;
        issued.push(one.expected);
    }
    stop(operator).await?;

    let each = 1 + seconds(&issued)? / HOLDS;
    let made = i64::try_from(reviews(&bed)? - before)?;
    ensure!(
        (2..=2 * each).contains(&made),
        "{made} reviews of {} requests, and not {each} of each requester",
        requests.len()
    );
    Ok(())
}

/// A user who may request from the issuer `root`.
async fn user(test: &TestNamespace, name: &str) -> Result<User> {
    let user = test.signing_requester(name).await?;
    let role = format!("reference-{name}");
    test.grant(&user, &role, &[REFERENCE_ROOT]).await?;
    Ok(user)
}

/// Creates requests of a user, and has them approved.
async fn ask(
    test: &TestNamespace,
    issuer: &IssuerRef,
    user: &User,
    count: usize,
) -> Result<Vec<(String, Csr)>> {
    let created = stream::iter(0..count).map(async |number| {
        let csr = Csr::for_dns(&format!("{number}.example"))?;
        let ask = SigningAsk::new(issuer, &csr);
        let request = test.ask_signer(user.client(), &ask).await?;
        test.approve_signing(&request).await?;
        anyhow::Ok((request, csr))
    });
    created.buffer_unordered(WRITERS).try_collect().await
}

/// How many SubjectAccessReviews the operator has made.
fn reviews(bed: &Bed) -> Result<usize> {
    count_calls(bed, |call| {
        let object = call.object_ref.as_ref();
        object.is_some_and(|object| object.resource == "subjectaccessreviews")
    })
}

/// From the creation of the first request, which is earlier than any review, to the last certificate,
/// rounded up: both are in whole seconds.
fn seconds(issued: &[Expected]) -> Result<i64> {
    let first = issued.iter().map(|one| one.created).min();
    let last = issued.iter().map(|one| one.issued_at).max();
    let (first, last) = first.zip(last).context("there are some")?;
    Ok(last.duration_since(first).as_secs() + 1)
}
