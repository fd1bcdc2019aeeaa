//! Whether the API server serves a resource in a version of its group.

use kube::Client;

/// The code for a group version that is not served. The response is a text, and not a Status with a
/// reason.
pub(crate) const NOT_FOUND: u16 = 404;

/// Asks the API server whether it serves a resource, such as `podcertificaterequests`, in an API
/// version, such as `certificates.k8s.io/v1`.
///
/// # Errors
/// It did not answer the question.
pub(crate) async fn serves(
    client: &Client,
    api_version: &str,
    plural: &str,
) -> Result<bool, kube::Error> {
    match client.list_api_group_resources(api_version).await {
        Ok(list) => Ok(list.resources.iter().any(|one| one.name == plural)),
        Err(kube::Error::Api(status)) if status.code == NOT_FOUND => Ok(false),
        Err(error) => Err(error),
    }
}
