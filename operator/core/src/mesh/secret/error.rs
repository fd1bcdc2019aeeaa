//! Why the objects of a mesh cannot be used, or a CA cannot be a mesh's.

use crate::x509::algorithm::KeyAlgorithm;

/// Why the objects of a mesh are not read. Each message states what to change, and none has
/// anything of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Only some of the entries exist, with which the mesh does not start.
    #[error(
        "the Secret has the entries {found}, and not {missing}; add what is missing, or remove the \
         others"
    )]
    Partial {
        /// The names of those that exist.
        found: String,
        /// The names of those that are missing or empty.
        missing: String,
    },
    /// An entry with certificates cannot be read.
    #[error("{entry} of the mesh's CA cannot be used: {message}")]
    Certificates {
        /// The name of the entry.
        entry: String,
        /// The reader's message.
        message: String,
    },
    /// The mesh would take another certificate for the CA's.
    #[error("the first certificate in {0} is not that of the CA; put the CA certificate first")]
    Order(String),
    /// An entry is not a private key that meshes read.
    #[error(
        "{0} of the mesh's CA does not begin with an unencrypted private key in PEM (PKCS#8, PKCS#1 \
         or SEC1); replace it by one"
    )]
    Key(String),
    /// The private key is not that of the CA certificate, or of a type that Signet does not use.
    #[error(
        "the private key of the mesh's CA is not that of its certificate, or not one that Signet \
         uses (ECDSA P-256, P-384 or P-521, RSA of 2048 to 4096 bits, or Ed25519); put the \
         certificate and its key there, or let Signet create another CA by removing both"
    )]
    OtherKey,
    /// istiod takes the Secret for its own.
    #[error(
        "the Secret has the entry istio-generated, by which istiod treats the CA as its own; remove \
         the entry"
    )]
    IstioGenerated,
    /// istiod reads only one of two sets of entries.
    #[error(
        "the Secret has the entries {tls} beside {plugin}, and istiod reads only the former; remove \
         one set"
    )]
    TwoLayouts {
        /// The names of the entries that istiod reads.
        tls: String,
        /// The names of the others.
        plugin: String,
    },
    /// istiod refuses a CA without a CRL where there is a file of them.
    #[error(
        "the Secret has the entry ca-crl.pem, and istiod then refuses a CA certificate without a \
         CRL of its own, which Signet does not write; remove the entry"
    )]
    Crl,
    /// Reading failed, which is a bug.
    #[error("the mesh's objects cannot be read; see the operator's log")]
    Unreadable,
    /// There are roots, and no CA to go with them.
    #[error(
        "the ConfigMap has trust roots, and the Secret has no CA; put the CA into the Secret, or \
         empty the ConfigMap"
    )]
    RootsWithoutCa,
}

/// Why a mesh would refuse a CA. Each message states what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The key of the CA.
    #[error(
        "Linkerd accepts only a CA key on P-256, and that of {subject} is {found}; set the key type \
         to ECDSAP256"
    )]
    Key {
        /// The subject of the CA.
        subject: String,
        /// Its key.
        found: KeyAlgorithm,
    },
    /// The key of a root.
    #[error(
        "Linkerd accepts only roots with a key on P-256, RSA-2048 or RSA-4096, and that of \
         {subject} is {found}; use an issuer below another root"
    )]
    RootKey {
        /// The subject of the root.
        subject: String,
        /// Its key.
        found: KeyAlgorithm,
    },
    /// The path length of the CA, or of one above it.
    #[error(
        "below {subject}, the mesh signs CAs of its own, and its path length does not allow that; \
         allow a longer path at the issuer above (profile.ca.pathLength of an issuer of Signet)"
    )]
    PathLength {
        /// The subject of the CA.
        subject: String,
    },
    /// The signature of the CA certificate or of a root.
    #[error(
        "Linkerd accepts only certificates that are signed by ECDSA or RSA PKCS#1 v1.5 with \
         SHA-256, and that of {0} is not; use an issuer with a key on P-256, or an RSA key that \
         signs with SHA-256"
    )]
    Signature(String),
}
