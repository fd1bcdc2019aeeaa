//! Signer names: `<plural>.signet.dev/<name>` and `<plural>.signet.dev/<namespace>.<name>`.

use signet_api::{GROUP, IssuerKind};

use crate::issuer_name::IssuerName;

/// The issuer that a signer name names; none if the name is not ours (rule A5-36).
///
/// A namespace has no dots, so the first one ends it; an issuer's name may have some.
pub(crate) fn parse(signer_name: &str) -> Option<IssuerName> {
    let (domain, rest) = signer_name.split_once('/')?;
    let plural = domain.strip_suffix(GROUP)?.strip_suffix('.')?;
    if rest.contains('/') {
        return None;
    }
    let (kind, namespace, name) = if plural == IssuerKind::Issuer.plural() {
        let (namespace, name) = rest.split_once('.')?;
        (IssuerKind::Issuer, namespace, name)
    } else if plural == IssuerKind::ClusterIssuer.plural() {
        (IssuerKind::ClusterIssuer, "", rest)
    } else {
        return None;
    };
    let complete = !name.is_empty() && (kind == IssuerKind::ClusterIssuer || !namespace.is_empty());
    complete.then(|| IssuerName {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// Returns the signer name of an issuer. A MeshCA signs no requests, and [`parse`] knows no name of
/// one.
pub(crate) fn of(issuer: &IssuerName) -> String {
    let plural = issuer.kind.plural();
    match issuer.kind.is_namespaced() {
        true => format!("{plural}.{GROUP}/{}.{}", issuer.namespace, issuer.name),
        false => format!("{plural}.{GROUP}/{}", issuer.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::mesh_ca;

    #[test]
    fn a5_36_both_forms_and_dots_in_names() {
        for (signer_name, kind, namespace, name) in [
            (
                "clusterissuers.signet.dev/corp",
                IssuerKind::ClusterIssuer,
                "",
                "corp",
            ),
            (
                "clusterissuers.signet.dev/corp.eu",
                IssuerKind::ClusterIssuer,
                "",
                "corp.eu",
            ),
            (
                "issuers.signet.dev/shop.ca",
                IssuerKind::Issuer,
                "shop",
                "ca",
            ),
            (
                "issuers.signet.dev/shop.ca.v2",
                IssuerKind::Issuer,
                "shop",
                "ca.v2",
            ),
        ] {
            let issuer = parse(signer_name).unwrap();
            assert_eq!(of(&issuer), signer_name);
            assert_eq!(
                (issuer.kind, issuer.namespace.as_str(), issuer.name.as_str()),
                (kind, namespace, name)
            );
            assert_eq!(of(&issuer), signer_name);
        }
    }

    #[test]
    fn a_mesh_ca_is_not_a_signer() {
        assert_eq!(parse(&of(&mesh_ca())), None);
    }

    #[test]
    fn others_are_not_ours() {
        for signer_name in [
            "kubernetes.io/kube-apiserver-client",
            "issuers.cert-manager.io/shop.ca",
            "issuers.signet.dev/ca",
            "issuers.signet.dev/.ca",
            "issuers.signet.dev/shop.",
            "issuers.signet.dev/shop.ca/x",
            "clusterissuers.signet.dev/",
            "x.clusterissuers.signet.dev/corp",
            "clusterissuers-signet.dev/corp",
            "clusterissuers.evilsignet.dev/corp",
            "meshcas.signet.dev/corp",
            "meshcas.signet.dev/shop.corp",
        ] {
            assert_eq!(parse(signer_name), None, "{signer_name}");
        }
    }
}
