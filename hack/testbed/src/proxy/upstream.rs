//! The server behind a proxy.

use anyhow::{Context, Result};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::http::{Response, request, response};
use reqwest::redirect::Policy;
use reqwest::{Body, Certificate, Client};

/// Where requests go.
#[derive(Debug)]
pub(super) struct Upstream {
    address: String,
    client: Client,
}

impl Upstream {
    /// From an address such as `https://127.0.0.1:8200`, with the CA to trust.
    pub(super) fn new(address: &str, ca_pem: Option<&str>) -> Result<Self> {
        let trusted = Certificate::from_pem_bundle(ca_pem.unwrap_or_default().as_bytes())?;
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .tls_certs_only(trusted)
            .build()?;
        Ok(Self {
            address: address.to_owned(),
            client,
        })
    }

    /// Passes a request on as it is, and reads the response to its end.
    pub(super) async fn send(
        &self,
        head: request::Parts,
        body: Bytes,
    ) -> Result<(response::Parts, Bytes)> {
        let (head, body) = self.open(head, body).await?;
        Ok((head, body.collect().await?.to_bytes()))
    }

    /// Passes a request on as it is, and returns the response as it comes.
    pub(super) async fn open(
        &self,
        head: request::Parts,
        body: Bytes,
    ) -> Result<(response::Parts, Body)> {
        let path = head
            .uri
            .path_and_query()
            .context("the request has no path")?;
        let url = format!("{}{path}", self.address);
        let mut request = self.client.request(head.method, url).body(body).build()?;
        *request.headers_mut() = head.headers;
        let response: Response<Body> = self.client.execute(request).await?.into();
        let (mut head, body) = response.into_parts();
        // They are about the connection to the server, and about a body that may be changed.
        for name in ["connection", "content-length", "transfer-encoding"] {
            head.headers.remove(name);
        }
        Ok((head, body))
    }
}
