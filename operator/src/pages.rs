//! Lists of the API server, which come in pages.

use kube::api::ListParams;
use kube::core::ListMeta;

/// Returns the parameters of the page that follows; none after the last one.
pub fn next(page: ListParams, listed: &ListMeta) -> Option<ListParams> {
    let token = listed.continue_.as_deref();
    let token = token.filter(|token| !token.is_empty())?;
    Some(page.continue_token(token))
}
