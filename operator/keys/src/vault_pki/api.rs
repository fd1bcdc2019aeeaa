//! The requests to the PKI engine; there are no others.

use std::fmt;

use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde::{Deserialize, Serialize};

use super::{IntermediateRequest, SignedIntermediate, VaultPki, join};
use crate::access::{Access, Addresses};
use crate::error::KeyError;
use crate::remote::{CALL, in_time};
use crate::vault::{Consumer, Data, Permission, Server, Session, mount_path, segment};

/// The largest response that is read: two chains of as many certificates as a chain may have.
const MAX_BYTES: usize = 256 * 1024;

/// The most warnings that are shown.
const MAX_WARNINGS: usize = 5;

const SAME_DENIAL: &str =
    "; the response is the same if nothing is mounted there, so check vaultPki.mount too";

/// Where an issuer is, read strictly: it ends up in URLs.
#[derive(Clone, Debug)]
pub(super) struct IssuerPath {
    pub(super) server: Server,
    pub(super) mount: String,
    name: String,
}

impl IssuerPath {
    fn of(config: &VaultPki, addresses: &Addresses) -> Result<Self, KeyError> {
        const PKI: Consumer = Consumer::Pki;
        Ok(Self {
            server: Server::of(&config.connection, PKI, addresses)?,
            mount: mount_path(&config.mount, PKI, "mount")?,
            name: segment(&config.issuer_ref, PKI, "issuerRef")?.to_owned(),
        })
    }

    fn request(&self, action: &str, body: Option<Vec<u8>>) -> IssuerRequest {
        let Self { mount, name, .. } = self;
        IssuerRequest {
            path: format!("{mount}/issuer/{name}/{action}"),
            body,
        }
    }

    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self {
            server: Server::example(Consumer::Pki),
            mount: "pki".to_owned(),
            name: "root-2026".to_owned(),
        }
    }
}

/// As messages name it.
impl fmt::Display for IssuerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.server.name();
        write!(
            f,
            "the PKI issuer {} at {} of {server}",
            self.name, self.mount
        )
    }
}

/// A request to an issuer: POST with a body, and GET without one.
#[derive(Clone, Debug)]
struct IssuerRequest {
    path: String,
    body: Option<Vec<u8>>,
}

impl Endpoint for IssuerRequest {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        match self.body {
            Some(_) => RequestMethod::POST,
            None => RequestMethod::GET,
        }
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.body.clone())
    }
}

/// Without `use_csr_values`, the engine takes the subject from fields of the request, and loses
/// its order and some attributes. A common name that looks like a host name would become a DNS
/// name, or be refused.
#[derive(Serialize)]
struct SignIntermediate<'a> {
    csr: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    common_name: Option<&'a str>,
    use_csr_values: bool,
    exclude_cn_from_sans: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_path_length: Option<u8>,
    ttl: String,
    format: &'static str,
}

#[derive(Deserialize)]
struct SignResponse {
    data: SignedData,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct SignedData {
    certificate: String,
    issuing_ca: String,
    #[serde(default)]
    ca_chain: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct IssuerData {
    certificate: String,
    #[serde(default)]
    ca_chain: Option<Vec<String>>,
}

pub(super) async fn sign_intermediate(
    config: &VaultPki,
    request: &IntermediateRequest<'_>,
    access: &Access,
) -> Result<SignedIntermediate, KeyError> {
    let issuer = IssuerPath::of(config, &access.addresses)?;
    let server = issuer.server.name();
    let call = async {
        let session = open(config, &issuer, access).await?;
        sign(&issuer, &session, request).await
    };
    in_time(CALL, &server, call).await
}

async fn sign(
    issuer: &IssuerPath,
    session: &Session,
    request: &IntermediateRequest<'_>,
) -> Result<SignedIntermediate, KeyError> {
    let body = SignIntermediate {
        csr: request.csr_pem,
        common_name: request.common_name,
        use_csr_values: true,
        exclude_cn_from_sans: true,
        max_path_length: request.path_length,
        ttl: format!("{}s", request.ttl.as_secs()),
        format: "pem",
    };
    // Strings and numbers always have a JSON form.
    let body = serde_json::to_vec(&body).map_err(|_| issuer.server.invalid_response())?;
    let sign = issuer.request("sign-intermediate", Some(body));
    let permission = Permission {
        name: format!("update on {}", sign.path),
        hint: SAME_DENIAL,
    };
    let response = session.call(&permission, || sign.clone(), MAX_BYTES).await;
    let SignResponse { data, warnings } = response.map_err(|failure| issuer.error(failure))?;
    let warnings = warnings.unwrap_or_default();
    let warnings = warnings.iter().take(MAX_WARNINGS);
    Ok(SignedIntermediate {
        certificate: data.certificate,
        ca_chain: data.ca_chain.unwrap_or_default(),
        issuing_ca: data.issuing_ca,
        warnings: warnings.map(|warning| session.message(warning)).collect(),
    })
}

pub(super) async fn issuer_chain(config: &VaultPki, access: &Access) -> Result<String, KeyError> {
    let issuer = IssuerPath::of(config, &access.addresses)?;
    let server = issuer.server.name();
    let call = async {
        let session = open(config, &issuer, access).await?;
        let response = session.read(issuer.request("json", None), MAX_BYTES).await;
        let Data::<IssuerData> { data } = response.map_err(|failure| issuer.error(failure))?;
        let chain = data.ca_chain.unwrap_or_default();
        Ok(join([&data.certificate].into_iter().chain(&chain)))
    };
    in_time(CALL, &server, call).await
}

async fn open(
    config: &VaultPki,
    issuer: &IssuerPath,
    access: &Access,
) -> Result<Session, KeyError> {
    let (session, _) = Session::open(&config.connection, issuer.server.clone(), access).await?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The schema has these rules too.
    #[test]
    fn a_mount_or_issuer_cannot_lead_elsewhere() {
        let path = |mount: &str, issuer: &str| {
            let config = json!({
                "address": "https://vault:8200",
                "auth": { "tokenRef": { "name": "vault", "key": "token" } },
                "mount": mount,
                "issuerRef": issuer,
            });
            IssuerPath::of(&serde_json::from_value(config).unwrap(), &Addresses::Any)
        };
        let request = path("a/pki/", "root-2026").unwrap();
        let request = request.request("sign-intermediate", None);
        assert_eq!(request.path, "a/pki/issuer/root-2026/sign-intermediate");
        for (mount, issuer, field) in [
            ("pki/../sys", "default", "vaultPki.mount"),
            ("", "default", "vaultPki.mount"),
            ("pki?x=", "default", "vaultPki.mount"),
            ("pki", "..", "vaultPki.issuerRef"),
            ("pki", "a/b", "vaultPki.issuerRef"),
            ("pki", "a%2fb", "vaultPki.issuerRef"),
            ("pki", "", "vaultPki.issuerRef"),
        ] {
            let error = path(mount, issuer).unwrap_err();
            assert_eq!(error.code, "InvalidPath", "{mount} {issuer}");
            assert!(error.message.starts_with(field), "{error}");
        }
    }
}
