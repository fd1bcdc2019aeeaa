//! The configuration of a sidecar, with what Istio's sidecars have for mutual TLS: secrets by SDS
//! under their names, roots and IDs combined, exact IDs of servers, and the trust domain of clients.

use std::path::Path;

use serde_json::{Value, json};

use crate::peers::Identity;

/// The file with the certificate, and the one with the roots.
pub(super) const CERTIFICATE: &str = "default.json";
pub(super) const ROOTS: &str = "roots.json";
/// The files with what is added while Envoy runs.
pub(super) const CLUSTERS: &str = "clusters.json";
pub(super) const LISTENERS: &str = "listeners.json";
/// The counters of failed handshakes.
pub(super) const FAILURES: &str = "/stats?usedonly&filter=ssl.fail_verify";

const TYPES: &str = "type.googleapis.com/envoy";
const TLS: &str = "extensions.transport_sockets.tls.v3";
const APPLICATION: &str = "application";
/// Longer than a handshake takes on any machine.
const TIMEOUT: &str = "60s";

/// A server outside, as the application of a sidecar reaches it.
pub(super) struct Destination {
    /// Its SPIFFE ID.
    pub(super) id: String,
    /// Its port.
    pub(super) port: u16,
    /// The port of the sidecar that leads to it.
    pub(super) local: u16,
}

impl Destination {
    fn name(&self) -> String {
        format!("from-{}", self.local)
    }

    /// With mutual TLS to the server of this ID, and without resumption.
    pub(super) fn cluster(&self, folder: &Path) -> Value {
        let mut cluster = cluster(&self.name(), self.port);
        cluster["@type"] = json!(format!("{TYPES}.config.cluster.v3.Cluster"));
        let context = json!({
            "@type": format!("{TYPES}.{TLS}.UpstreamTlsContext"),
            "max_session_keys": 0,
            "common_tls_context": common(folder, &json!({ "exact": self.id })),
        });
        cluster["transport_socket"] = tls(&context);
        cluster
    }

    /// Without TLS, for the application.
    pub(super) fn listener(&self) -> Value {
        let mut listener = listener(&self.name(), self.local, &self.name());
        listener["@type"] = json!(format!("{TYPES}.config.listener.v3.Listener"));
        listener
    }
}

/// The part that does not change: clients of the trust domain get through to the application.
pub(super) fn bootstrap(
    folder: &Path,
    (port, trust_domain): (u16, &str),
    application: u16,
) -> Value {
    let clients = json!({ "prefix": format!("spiffe://{trust_domain}/") });
    let context = json!({
        "@type": format!("{TYPES}.{TLS}.DownstreamTlsContext"),
        "require_client_certificate": true,
        "disable_stateless_session_resumption": true,
        "disable_stateful_session_resumption": true,
        "common_tls_context": common(folder, &clients),
    });
    let mut inbound = listener("inbound", port, APPLICATION);
    inbound["filter_chains"][0]["transport_socket"] = tls(&context);
    json!({
        "node": { "id": "sidecar", "cluster": "soak" },
        "static_resources": {
            "listeners": [inbound],
            "clusters": [cluster(APPLICATION, application)],
        },
        "dynamic_resources": {
            "cds_config": file(folder, CLUSTERS),
            "lds_config": file(folder, LISTENERS),
        },
    })
}

/// The response of a discovery service, as a file.
pub(super) fn resources(resources: &[Value]) -> Value {
    json!({ "version_info": resources.len().to_string(), "resources": resources })
}

/// The certificate and its key, under the name that Istio's agent has for it.
pub(super) fn certificate(identity: &Identity) -> Value {
    secret(
        "default",
        "tls_certificate",
        &json!({
            "certificate_chain": { "inline_string": identity.chain },
            "private_key": { "inline_string": identity.key },
        }),
    )
}

/// The roots, under the name that Istio's agent has for them.
pub(super) fn roots(identity: &Identity) -> Value {
    let trusted = json!({ "trusted_ca": { "inline_string": identity.roots } });
    secret("ROOTCA", "validation_context", &trusted)
}

fn secret(name: &str, kind: &str, contents: &Value) -> Value {
    let secret = json!({
        "@type": format!("{TYPES}.{TLS}.Secret"), "name": name, kind: contents,
    });
    resources(&[secret])
}

fn common(folder: &Path, id: &Value) -> Value {
    json!({
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_2",
            "tls_maximum_protocol_version": "TLSv1_3",
        },
        "tls_certificate_sds_secret_configs": [
            { "name": "default", "sds_config": file(folder, CERTIFICATE) },
        ],
        "combined_validation_context": {
            "default_validation_context": {
                "match_typed_subject_alt_names": [{ "san_type": "URI", "matcher": id }],
            },
            "validation_context_sds_secret_config": {
                "name": "ROOTCA", "sds_config": file(folder, ROOTS),
            },
        },
    })
}

fn file(folder: &Path, name: &str) -> Value {
    json!({
        "resource_api_version": "V3",
        "path_config_source": { "path": folder.join(name) },
    })
}

fn tls(context: &Value) -> Value {
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": context })
}

fn listener(name: &str, port: u16, cluster: &str) -> Value {
    let proxy = json!({
        "@type": format!("{TYPES}.extensions.filters.network.tcp_proxy.v3.TcpProxy"),
        "stat_prefix": name,
        "cluster": cluster,
    });
    json!({
        "name": name,
        "address": address(port),
        "filter_chains": [{
            "filters": [{ "name": "envoy.filters.network.tcp_proxy", "typed_config": proxy }],
        }],
    })
}

fn cluster(name: &str, port: u16) -> Value {
    let endpoint = json!({ "endpoint": { "address": address(port) } });
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": TIMEOUT,
        "load_assignment": {
            "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }],
        },
    })
}

fn address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_id_and_a_client_by_its_trust_domain() {
        let folder = Path::new("/sidecar");
        let bootstrap = bootstrap(folder, (1, "mesh.example"), 2);
        let inbound = &bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
        let inbound = &inbound["transport_socket"]["typed_config"];
        assert_eq!(inbound["require_client_certificate"], true);
        let matcher = |context: &Value| {
            let common = &context["common_tls_context"]["combined_validation_context"];
            let ids = &common["default_validation_context"]["match_typed_subject_alt_names"];
            ids[0]["matcher"].clone()
        };
        assert_eq!(
            matcher(inbound),
            json!({ "prefix": "spiffe://mesh.example/" })
        );
        let destination = Destination {
            id: "spiffe://mesh.example/a".to_owned(),
            port: 3,
            local: 4,
        };
        let outbound = destination.cluster(folder);
        let outbound = &outbound["transport_socket"]["typed_config"];
        assert_eq!(
            matcher(outbound),
            json!({ "exact": "spiffe://mesh.example/a" })
        );
    }
}
