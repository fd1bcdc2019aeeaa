//! Pages of a list, which are read again in smaller ones if they would take too much memory.
//!
//! Who may create objects decides how large each is, up to the 1.5 MiB that etcd takes, and a page is in
//! memory as a whole.

use http::uri::PathAndQuery;
use http::{Request, Uri};
use http_body_util::BodyExt;
use kube::client::{Body, DynBody};
use tower::BoxError;

use super::copy;

/// The most bytes of a page. 500 requests take 2 MiB.
pub(super) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many times fewer objects the next attempt asks for.
const STEP: u32 = 8;

/// Returns the request for a page with fewer objects; none if it is not one for a page, or for a single
/// object.
pub(super) fn smaller(request: &Request<Body>) -> Option<Request<Body>> {
    let query = request.uri().query()?;
    let limit: u32 = query
        .split('&')
        .find_map(|one| one.strip_prefix("limit="))?
        .parse()
        .ok()?;
    let fewer = Some(limit / STEP).filter(|_| limit > 1)?.max(1);
    let parameters = query.split('&').map(|one| match one.starts_with("limit=") {
        true => format!("limit={fewer}"),
        false => one.to_owned(),
    });
    let query = parameters.collect::<Vec<_>>().join("&");
    let path = format!("{}?{query}", request.uri().path());
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    let mut smaller = copy(request)?;
    *smaller.uri_mut() = Uri::from_parts(parts).ok()?;
    Some(smaller)
}

/// Reads a page; none if it is too large, of which no more is read.
pub(super) async fn read(mut body: Box<DynBody>) -> Result<Option<Box<DynBody>>, BoxError> {
    let mut page = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => return Err(error),
        };
        if page.len() + data.len() > MAX_BYTES {
            return Ok(None);
        }
        page.extend_from_slice(&data);
    }
    let page = Body::from(page).map_err(BoxError::from);
    Ok(Some(Box::new(page)))
}
