//! Where the facts about an issuer come from, apart from the API server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use signet_api::IssuerKind;
use signet_core::request::ServiceAccount;
use signet_keys::{Access, Addresses, BlockingQueue};

use crate::connections::Connections;
use crate::context::Context;
use crate::issuer_name::IssuerName;
use crate::issuers::Memory;
use crate::issuers::parents::{CertificateRequests, Family, NamespaceRequests};
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::namespace::IssuerNamespace;

/// What the facts of one issuer are read from.
pub(in crate::issuers) struct Sources<'a> {
    pub(in crate::issuers) connections: &'a Connections,
    pub(in crate::issuers) metrics: &'a Metrics,
    /// Reads chains and verifies their signatures.
    pub(in crate::issuers) parsing: &'a BlockingQueue,
    pub(in crate::issuers) access: Access,
    pub(in crate::issuers) cert_manager: &'a ServiceAccount,
    /// Those of the operator, which its rules close to delegates.
    pub(in crate::issuers) reserved_namespaces: BTreeSet<String>,
    pub(in crate::issuers) memory: &'a Memory,
    pub(in crate::issuers) loss_delay: Duration,
    /// Whether the operator creates keys of this kind of issuer.
    pub(in crate::issuers) creates_keys: bool,
    /// The CertificateRequests in the issuer's namespace.
    pub(in crate::issuers) requests: Box<dyn CertificateRequests + 'a>,
    pub(in crate::issuers) family: Family<'a>,
    pub(in crate::issuers) keyring: &'a Keyring,
}

impl<'a> Sources<'a> {
    pub(in crate::issuers) fn of(
        name: &'a IssuerName,
        namespace: &str,
        context: &'a Context,
    ) -> Self {
        Self {
            connections: &context.connections,
            metrics: &context.metrics,
            parsing: &context.chain_parsing,
            access: access(name, namespace, context),
            cert_manager: &context.settings.cert_manager_service_account,
            reserved_namespaces: context.settings.own_namespaces(),
            memory: &context.memory,
            loss_delay: context.settings.ca_loss_delay,
            creates_keys: match name.kind {
                // The mesh has no other key, and a Role in its namespace lets Signet store it.
                IssuerKind::ClusterIssuer | IssuerKind::MeshCA => true,
                IssuerKind::Issuer => context.settings.issuer_key_creation,
            },
            requests: Box::new(NamespaceRequests::new(name, namespace, context)),
            family: Family {
                issuers: &context.issuers,
                cluster_resource_namespace: &context.settings.cluster_resource_namespace,
            },
            keyring: &context.keyring,
        }
    }
}

fn access(name: &IssuerName, namespace: &str, context: &Context) -> Access {
    let (client, settings) = (context.client.clone(), &context.settings);
    let is_tenants = name.kind.is_namespaced();
    let refused = context.api_server.clone().filter(|_| is_tenants);
    Access {
        namespace: Arc::new(IssuerNamespace::new(client, namespace, name)),
        tenant: is_tenants.then(|| name.namespace.clone()),
        ambient_credentials: match is_tenants {
            true => settings.issuer_ambient_credentials,
            false => settings.cluster_issuer_ambient_credentials,
        },
        addresses: match refused {
            Some(api_server) => Addresses::Outside { api_server },
            None => Addresses::Any,
        },
        // Which addresses a proxy calls cannot be judged.
        proxy: context.proxy.clone().filter(|_| !is_tenants),
        modules: context.modules.clone(),
        loading: context.key_loading.clone(),
        signing: context.signing.clone(),
    }
}
