//! Which kinds of issuers were listed.

use futures::future::join_all;
use signet_api::IssuerKind;
use tokio_util::sync::CancellationToken;

/// One token for each kind, cancelled once it was listed. Before that, an issuer of the kind would seem
/// to be missing.
#[derive(Debug, Default)]
pub struct Listings {
    issuers: CancellationToken,
    cluster_issuers: CancellationToken,
    mesh_cas: CancellationToken,
}

impl Listings {
    /// Records that a kind was listed, and returns whether that is new.
    pub fn insert(&self, kind: IssuerKind) -> bool {
        let token = self.of(kind);
        let is_new = !token.is_cancelled();
        token.cancel();
        is_new
    }

    pub fn contains(&self, kind: IssuerKind) -> bool {
        self.of(kind).is_cancelled()
    }

    /// Waits until all kinds were listed.
    pub async fn complete(&self) {
        let all = [&self.issuers, &self.cluster_issuers, &self.mesh_cas];
        join_all(all.map(CancellationToken::cancelled)).await;
    }

    fn of(&self, kind: IssuerKind) -> &CancellationToken {
        match kind {
            IssuerKind::Issuer => &self.issuers,
            IssuerKind::ClusterIssuer => &self.cluster_issuers,
            IssuerKind::MeshCA => &self.mesh_cas,
        }
    }

    /// All kinds were listed.
    #[cfg(test)]
    pub(crate) fn of_all() -> Self {
        let listings = Self::default();
        for kind in [
            IssuerKind::Issuer,
            IssuerKind::ClusterIssuer,
            IssuerKind::MeshCA,
        ] {
            listings.insert(kind);
        }
        listings
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn are_complete_with_the_last_kind() {
        let listings = Listings::default();
        for kind in [
            IssuerKind::ClusterIssuer,
            IssuerKind::MeshCA,
            IssuerKind::Issuer,
        ] {
            assert!(listings.complete().now_or_never().is_none());
            assert!(!listings.contains(kind));
            assert!(listings.insert(kind));
            assert!(listings.contains(kind));
            assert!(!listings.insert(kind), "the watch lists again");
        }
        assert!(listings.complete().now_or_never().is_some());
    }
}
