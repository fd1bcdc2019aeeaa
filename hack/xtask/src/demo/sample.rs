//! A sample of the documents, with what only a demo can know filled in.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use signet_testbed::installation::NAMESPACE;

/// The objects of a sample.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    objects: Vec<Value>,
}

/// Names an object as kubectl does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Such as `clusterissuers.signet.dev`.
    pub(super) resource: &'static str,
    pub(super) name: String,
    /// None for an object of the whole cluster.
    pub(super) namespace: Option<String>,
}

impl Sample {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let objects = serde_saphyr::from_multiple(&text)
            .with_context(|| format!("{} is no YAML", path.display()))?;
        Ok(Self { objects })
    }

    /// The first issuer in it.
    pub(super) fn issuer(&self) -> Result<Named> {
        let issuer = self.objects.iter().find(|object| is_issuer(object));
        let issuer = issuer.context("the sample has no issuer")?;
        let (resource, namespace) = match issuer["kind"].as_str() {
            Some("ClusterIssuer") => ("clusterissuers.signet.dev", None),
            _ => ("issuers.signet.dev", Some(namespace(issuer))),
        };
        Ok(Named {
            resource,
            name: text(&issuer["metadata"]["name"])?.to_owned(),
            namespace,
        })
    }

    /// The configuration of the issuer's key.
    pub(super) fn key(&mut self) -> Result<&mut Map<String, Value>> {
        let issuer = self.objects.iter_mut().find(|object| is_issuer(object));
        let backends = issuer.and_then(|issuer| issuer["spec"]["key"].as_object_mut());
        let key = backends.and_then(|backends| backends.values_mut().next());
        let key = key.and_then(Value::as_object_mut);
        key.context("the sample's issuer has no key")
    }

    /// The first Certificate in it, and its Secret.
    pub(super) fn certificate(&self) -> Result<(Named, String)> {
        let mut objects = self.objects.iter();
        let certificate = objects.find(|object| object["kind"] == "Certificate");
        let certificate = certificate.context("the sample has no Certificate")?;
        let named = Named {
            resource: "certificates.cert-manager.io",
            name: text(&certificate["metadata"]["name"])?.to_owned(),
            namespace: Some(namespace(certificate)),
        };
        Ok((named, text(&certificate["spec"]["secretName"])?.to_owned()))
    }

    /// Adds a Certificate from the issuer if there is none.
    pub(super) fn with_certificate(mut self) -> Result<Self> {
        if self.certificate().is_ok() {
            return Ok(self);
        }
        let issuer = self.issuer()?;
        let kind = match issuer.namespace {
            None => "ClusterIssuer",
            Some(_) => "Issuer",
        };
        let namespace = issuer.namespace.unwrap_or_else(|| "default".to_owned());
        let name = format!("web-{}", issuer.name);
        self.objects.push(json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": { "name": name, "namespace": namespace },
            "spec": {
                "secretName": format!("{name}-tls"),
                "duration": "24h",
                "privateKey": { "algorithm": "ECDSA", "size": 256 },
                "usages": ["digital signature", "server auth"],
                "dnsNames": [format!("{name}.{namespace}.svc")],
                "issuerRef": { "group": "signet.dev", "kind": kind, "name": issuer.name },
            },
        }));
        Ok(self)
    }

    /// Takes Secrets out: those of the documents hold no secret, and the demo makes its own.
    pub(super) fn without_secrets(mut self) -> Self {
        self.objects.retain(|object| object["kind"] != "Secret");
        self
    }

    /// As YAML, for kubectl.
    pub(super) fn yaml(&self) -> Result<String> {
        let objects: Result<Vec<_>, _> = self.objects.iter().map(serde_saphyr::to_string).collect();
        Ok(objects?.join("---\n"))
    }
}

impl Named {
    /// Where the Secrets of an issuer are.
    pub(super) fn secrets(&self) -> &str {
        self.namespace.as_deref().unwrap_or(NAMESPACE)
    }

    /// How kubectl is told of it.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("{}/{}", self.resource, self.name)];
        if let Some(namespace) = &self.namespace {
            arguments.extend(["-n".to_owned(), namespace.clone()]);
        }
        arguments
    }
}

fn is_issuer(object: &Value) -> bool {
    let api = object["apiVersion"].as_str().unwrap_or_default();
    api.starts_with("signet.dev/")
        && matches!(object["kind"].as_str(), Some("Issuer" | "ClusterIssuer"))
}

fn namespace(object: &Value) -> String {
    let namespace = object["metadata"]["namespace"].as_str();
    namespace.unwrap_or("default").to_owned()
}

/// A field that must be there.
pub(super) fn text(value: &Value) -> Result<&str> {
    value.as_str().context("a text is missing in the sample")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: &str, namespace: &str) -> Sample {
        let metadata = match namespace {
            "" => json!({ "name": "ca" }),
            _ => json!({ "name": "ca", "namespace": namespace }),
        };
        Sample {
            objects: vec![
                json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "pin" } }),
                json!({
                    "apiVersion": "signet.dev/v1alpha1",
                    "kind": kind,
                    "metadata": metadata,
                    "spec": { "key": { "pkcs11": { "module": "softhsm" } } },
                }),
            ],
        }
    }

    #[test]
    fn an_issuer_gets_a_certificate_where_it_may_issue() {
        for (kind, namespace, secrets, certificate) in [
            ("ClusterIssuer", "", NAMESPACE, "default"),
            ("Issuer", "team-a", "team-a", "team-a"),
            ("Issuer", "", "default", "default"),
        ] {
            let sample = sample(kind, namespace).with_certificate().unwrap();
            assert_eq!(sample.issuer().unwrap().secrets(), secrets, "{kind}");
            let (named, secret) = sample.certificate().unwrap();
            assert_eq!(
                named.arguments(),
                ["certificates.cert-manager.io/web-ca", "-n", certificate]
            );
            assert_eq!(secret, "web-ca-tls");
            let again = sample.clone().with_certificate().unwrap();
            assert_eq!(again.objects, sample.objects);
        }
    }

    #[test]
    fn what_is_filled_in_comes_out_as_yaml() {
        let mut sample = sample("ClusterIssuer", "").without_secrets();
        sample.key().unwrap()["module"] = "yubihsm".into();
        let yaml = sample.yaml().unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&yaml).unwrap();
        assert_eq!(objects, sample.objects);
        assert_eq!(objects[0]["spec"]["key"]["pkcs11"]["module"], "yubihsm");
    }
}
