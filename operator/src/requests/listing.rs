//! Reads the requests of an API page by page, for a person who asks. The operator does not use it.

use kube::Api;
use kube::api::ListParams;

use super::kind::RequestKind;
use super::object::Observed;
use crate::discovery::NOT_FOUND;
use crate::pages;
use crate::watch::rejects_field;

/// The number of requests in one response.
const PAGE: u32 = 500;
/// The maximum number of responses for each kind. A cluster may keep a hundred thousand finished
/// requests.
const MAX_PAGES: usize = 40;

/// Passes the requests of a list on, and returns whether there are more than were read.
pub(super) async fn read<K: RequestKind>(
    api: &Api<Observed<K>>,
    mut take: impl FnMut(&Observed<K>),
) -> Result<bool, kube::Error> {
    let all = ListParams::default().limit(PAGE);
    let Some(selector) = K::SELECTOR else {
        return read_pages(api, all, &mut take).await;
    };
    // The API server selects Signet's requests where it can; otherwise it rejects the first page.
    match read_pages(api, all.clone().fields(selector), &mut take).await {
        Err(error) if rejects_field(&error) => read_pages(api, all, &mut take).await,
        read => read,
    }
}

async fn read_pages<K: RequestKind>(
    api: &Api<Observed<K>>,
    first: ListParams,
    take: &mut impl FnMut(&Observed<K>),
) -> Result<bool, kube::Error> {
    let mut page = Some(first);
    for _ in 0..MAX_PAGES {
        let Some(params) = page else {
            return Ok(false);
        };
        let listed = api.list(&params).await?;
        listed.items.iter().for_each(&mut *take);
        page = pages::next(params, &listed.metadata);
    }
    Ok(page.is_some())
}

/// Whether the API server does not have the API. Then there are no requests in it.
pub(super) fn is_not_served(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == NOT_FOUND)
}
