//! Workloads of a namespace, and what their agents request from istiod.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use signet_readers::{Chain, Reader};
use signet_testbed::controlplane::Toolchain;
use signet_testbed::istio::{Agent, AgentKey, AgentRequest, TOKEN_AUDIENCE, Workload};

use crate::Bed;
use crate::csr::pkcs8;
use crate::verify::{Certificate, Name, Svid};

/// How a workload requests its certificate.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// Its key.
    pub key: AgentKey,
    /// `ISTIO_META_CERT_SIGNER`; empty for none.
    pub cert_signer: &'a str,
    /// The requested lifetime.
    pub seconds: u32,
}

impl Form<'_> {
    /// A sidecar with its defaults, but for the key.
    pub const fn of(key: AgentKey) -> Self {
        Form {
            key,
            cert_signer: "",
            seconds: 86_400,
        }
    }
}

/// The workloads of one namespace, and an istiod that they know.
#[derive(Debug)]
pub struct Workloads {
    bed: &'static Bed,
    agent: Agent,
    namespace: String,
    trust_domain: String,
    /// Where istiod listens, and its DNS name.
    istiod: (String, String),
}

impl Workloads {
    /// Of a namespace and a trust domain, with the address and the name of istiod.
    ///
    /// # Errors
    /// The agent cannot be built.
    pub fn new(
        bed: &'static Bed,
        namespace: &str,
        trust_domain: &str,
        istiod: (String, String),
    ) -> Result<Self> {
        Ok(Self {
            bed,
            agent: Agent::new(&Toolchain::new()?)?,
            namespace: namespace.to_owned(),
            trust_domain: trust_domain.to_owned(),
            istiod,
        })
    }

    /// Replaces istiod, which was started again.
    pub(super) fn know(&mut self, istiod: (String, String)) {
        self.istiod = istiod;
    }

    /// The SPIFFE ID of an account.
    pub fn identity(&self, account: &str) -> String {
        let (trust_domain, namespace) = (&self.trust_domain, &self.namespace);
        format!("spiffe://{trust_domain}/ns/{namespace}/sa/{account}")
    }

    /// Requests a certificate with the token of an account that exists, and checks it under these
    /// roots: by Go, OpenSSL, rustls-webpki and go-spiffe, and by its one name.
    ///
    /// # Errors
    /// istiod issues none, or something is wrong with it.
    pub async fn certificate(
        &self,
        account: &str,
        form: Form<'_>,
        roots: &str,
    ) -> Result<Workload> {
        let token = token(self.bed, &self.namespace, account, None).await?;
        let identity = self.identity(account);
        let workload = self.request(&token, &identity, form, roots).await?;
        self.check(&workload, &identity, roots)?;
        Ok(workload)
    }

    /// Requests a certificate with any token, for any identity, and checks nothing.
    ///
    /// # Errors
    /// istiod issues none.
    pub async fn request(
        &self,
        token: &str,
        identity: &str,
        form: Form<'_>,
        roots: &str,
    ) -> Result<Workload> {
        let (address, server_name) = &self.istiod;
        let request = AgentRequest {
            address,
            server_name,
            roots,
            token,
            identity,
            key: form.key,
            seconds: form.seconds,
            cert_signer: form.cert_signer,
        };
        self.agent.certificate(&request).await
    }

    /// Checks what istiod returned, under these roots.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, workload: &Workload, identity: &str, roots: &str) -> Result<()> {
        let chain = workload.chain();
        let verified = Chain::from_pem(&chain, roots)?;
        let at = Timestamp::now();
        let now = at.as_duration().unsigned_abs();
        verified.verify(now)?;
        verified.verify_by(Reader::Go, now)?;
        let svid = Svid {
            chain: &chain,
            // Sidecars write PKCS#8 only with PKCS8_KEY.
            key: &pkcs8(&workload.key)?,
            trust_domain: &self.trust_domain,
        };
        let id = svid.verify(roots, at)?;
        ensure!(id == identity, "go-spiffe reads {id}");
        let certificates = Certificate::read_pem(&chain)?;
        let leaf = certificates.first().context("there is a leaf")?;
        let names = leaf.names()?;
        ensure!(names == [Name::Uri(identity.to_owned())], "{names:?}");
        Ok(())
    }

    /// Has two workloads complete mTLS, each as the client and as the server.
    ///
    /// # Errors
    /// One rejects the other one, or verifies another ID than it should.
    pub async fn connect(&self, one: (&str, &Workload), other: (&str, &Workload)) -> Result<()> {
        for (client, server) in [(one, other), (other, one)] {
            let seen = self.agent.connect(&self.trust_domain, client.1, server.1);
            let seen = seen.await?;
            let as_expected =
                seen.client == self.identity(client.0) && seen.server == self.identity(server.0);
            ensure!(as_expected, "{seen:?}");
        }
        Ok(())
    }

    /// Requires that one side of a handshake rejects the other one, and returns why.
    ///
    /// # Errors
    /// The handshake completes.
    pub async fn rejects(&self, client: &Workload, server: &Workload) -> Result<String> {
        let seen = self.agent.connect(&self.trust_domain, client, server).await;
        let error = seen.err().context("the handshake completes")?;
        Ok(format!("{error:#}"))
    }
}

/// A token for istiod, bound to a Pod if one is given.
pub(super) async fn token(
    bed: &Bed,
    namespace: &str,
    account: &str,
    pod: Option<&Pod>,
) -> Result<String> {
    let bound = pod.map(|pod| BoundObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: Some(pod.name_any()),
        uid: pod.uid(),
    });
    let wanted = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: Some(vec![TOKEN_AUDIENCE.to_owned()]),
            bound_object_ref: bound,
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(bed.client(), namespace);
    let params = PostParams::default();
    let made = accounts.create_token_request(account, &params, &wanted);
    let token = made.await?.status.and_then(|made| made.token);
    token.context("the API server makes a token")
}
