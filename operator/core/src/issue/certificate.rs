//! The certificate that a CA key signs, from fields that are partly raw DER.

use std::ops::Deref;

use der::asn1::{AnyRef, UintRef};
use der::{Decode, Encode};
use jiff::Timestamp;
use x509_cert::ext::Extension;

use super::{Authority, IssueError, ToBeSigned, ValidityPeriod, extensions, serial};
use crate::ca::CaChain;
use crate::policy::{Grant, Kind};
use crate::spiffe::SpiffeId;
use crate::x509::algorithm::SignatureAlgorithm;
use crate::x509::public_key::PublicKey;
use crate::x509::signed::{TbsCertificate, V3};

/// A TBSCertificate, with what is needed to check that it fits its chain.
///
/// It is made from a [`Grant`], or from an issuer's own `spec.certificate`
/// ([`SelfSigned`](super::SelfSigned)).
#[derive(Clone, Debug)]
pub struct CertificateToSign {
    tbs: ToBeSigned,
    serial: [u8; 20],
    window: ValidityPeriod,
    /// Of the CA certificate that it was built under.
    ca_fingerprint: Vec<u8>,
    /// Of a CA certificate to be.
    path_length: Option<u8>,
    /// Of a leaf in a trust domain.
    spiffe_id: Option<SpiffeId>,
}

impl CertificateToSign {
    /// Builds the certificate that `grant` allows, under `ca`, at the time `now`.
    ///
    /// # Errors
    /// The CA cannot issue at this time, or the encoding fails.
    pub fn from_grant(
        grant: &Grant,
        ca: &Authority<'_>,
        now: Timestamp,
    ) -> Result<Self, IssueError> {
        let issuing = ca.chain.issuing();
        let fields = Fields {
            algorithm: ca.algorithm,
            signer: issuing.public_key(),
            uid: &grant.request_uid,
            ca_fingerprint: issuing.fingerprint(),
            issuer: issuing.subject_der(),
            window: ValidityPeriod::inside(ca.chain, now, grant.duration, grant.shortening)?,
            subject: &grant.subject_der,
            spki: grant.public_key.spki_der(),
            path_length: match grant.kind {
                Kind::Leaf => None,
                Kind::Ca { path_length } => Some(path_length),
            },
            extensions: extensions::for_grant(grant, issuing, ca.urls)?,
        };
        let spiffe_id = grant.spiffe_id.clone();
        Ok(Self {
            spiffe_id,
            ..fields.with_serial_number()?
        })
    }

    /// Returns the serial number in hex.
    pub fn serial(&self) -> String {
        hex::encode(self.serial)
    }

    /// Returns the validity that was built in.
    pub fn window(&self) -> ValidityPeriod {
        self.window
    }

    /// Returns the SPIFFE ID that was granted to a leaf.
    pub(super) fn spiffe_id(&self) -> Option<&SpiffeId> {
        self.spiffe_id.as_ref()
    }

    /// Returns whether this was built under the issuing CA of `chain` and fits inside the chain:
    /// its validity (PKI-6) and, when it is a CA itself, its path length (PKI-7).
    ///
    /// The same key is not enough: a CA that was renewed may have another name or identifier.
    pub(super) fn fits(&self, chain: &CaChain) -> bool {
        let shorter = |own: u8| chain.path_length().is_none_or(|limit| own < limit);
        self.ca_fingerprint == chain.issuing().fingerprint()
            && self.window.is_inside(chain)
            && self.path_length.is_none_or(shorter)
    }
}

impl Deref for CertificateToSign {
    type Target = ToBeSigned;

    fn deref(&self) -> &ToBeSigned {
        &self.tbs
    }
}

/// Everything but the serial number. Issuer, subject and key stay the bytes that they were
/// (PKI-2, A3-26).
pub(super) struct Fields<'a> {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) signer: &'a PublicKey,
    pub(super) uid: &'a str,
    pub(super) ca_fingerprint: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) window: ValidityPeriod,
    pub(super) subject: &'a [u8],
    pub(super) spki: &'a [u8],
    pub(super) path_length: Option<u8>,
    pub(super) extensions: Vec<Extension>,
}

impl Fields<'_> {
    pub(super) fn with_serial_number(self) -> Result<CertificateToSign, IssueError> {
        let mut tbs = TbsCertificate {
            version: V3,
            // What the serial number is computed over has a serial number of zero.
            serial_number: UintRef::new(&[0])?,
            signature: self.algorithm.identifier(),
            issuer: AnyRef::from_der(self.issuer)?,
            validity: self.window.to_validity()?,
            subject: AnyRef::from_der(self.subject)?,
            subject_public_key_info: AnyRef::from_der(self.spki)?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(self.extensions),
        };
        let serial = serial::number(self.uid, self.ca_fingerprint, &tbs.to_der()?);
        tbs.serial_number = UintRef::new(&serial)?;
        Ok(CertificateToSign {
            tbs: ToBeSigned::new(tbs.to_der()?, self.algorithm, self.signer),
            serial,
            window: self.window,
            ca_fingerprint: self.ca_fingerprint.to_vec(),
            path_length: self.path_length,
            spiffe_id: None,
        })
    }
}
