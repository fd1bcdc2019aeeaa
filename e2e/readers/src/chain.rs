//! A certificate with its chain, shown to every reader.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_EMAIL_PROTECTION, ID_KP_SERVER_AUTH};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::{Decode, Encode, Reader as _, SliceReader};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectKeyIdentifier,
};

use crate::{Mesh, go, locked, openssl, verify_signature, webpki};

/// A reader of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The OpenSSL program.
    OpenSsl,
    /// rustls-webpki.
    Webpki,
    /// Go's crypto/x509.
    Go,
    /// rustls-webpki in the release that a mesh locks.
    Locked(Mesh),
}

/// A certificate, the intermediates above it, and the roots that are trusted.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The certificate first. All are in DER.
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) roots: Vec<Vec<u8>>,
}

impl Chain {
    /// From DER, the certificate first.
    pub fn new<T: Into<Vec<u8>>>(
        certificates: impl IntoIterator<Item = T>,
        roots: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            certificates: certificates.into_iter().map(Into::into).collect(),
            roots: roots.into_iter().map(Into::into).collect(),
        }
    }

    /// From PEM, the certificate first.
    ///
    /// # Errors
    /// It is not PEM.
    pub fn from_pem(certificates: &str, roots: &str) -> Result<Self> {
        let read = |text: &str| -> Result<Vec<_>> {
            let blocks = CertificateDer::pem_slice_iter(text.as_bytes());
            blocks
                .map(|block| Ok(block.context("not PEM")?.to_vec()))
                .collect()
        };
        Ok(Self::new(read(certificates)?, read(roots)?))
    }

    /// Checks that every reader accepts it, at a time since 1970: OpenSSL and rustls-webpki the path,
    /// for the purposes that they know among the certificate's, and a pure-Rust library each
    /// signature. rustls-webpki accepts no CA as an end entity.
    ///
    /// # Errors
    /// The first that does not.
    pub fn verify(&self, at: Duration) -> Result<()> {
        self.verify_signatures()?;
        self.verify_by(Reader::OpenSsl, at)?;
        self.verify_by(Reader::Webpki, at)
    }

    /// Checks that one reader accepts the path, for the purposes that it knows among the
    /// certificate's. rustls-webpki accepts no CA as an end entity, and checks none.
    ///
    /// # Errors
    /// It does not.
    pub fn verify_by(&self, reader: Reader, at: Duration) -> Result<()> {
        let leaf = parse(self.leaf()?)?;
        let is_ca = extension::<BasicConstraints>(&leaf)?.is_some_and(|it| it.ca);
        let usages = extension::<ExtendedKeyUsage>(&leaf)?.map(|it| it.0);
        let is_meant = |purpose: &&Purpose| {
            let named = usages.as_ref().map(|it| it.contains(&purpose.id));
            !is_ca && named.unwrap_or(purpose.webpki.is_some())
        };
        let mut purposes = PURPOSES.iter().filter(is_meant);
        match reader {
            Reader::OpenSsl => {
                openssl::verify(self, at, None)?;
                purposes.try_for_each(|purpose| openssl::verify(self, at, Some(purpose.openssl)))
            }
            Reader::Go => go::verify(self, at),
            Reader::Webpki | Reader::Locked(_) if is_ca => Ok(()),
            Reader::Locked(mesh) => {
                let mut names = purposes.filter_map(|it| it.webpki.map(webpki::Purpose::name));
                names.try_for_each(|name| locked::verify(self, mesh, at, name))
            }
            Reader::Webpki => {
                webpki::verify(self, at, None)?;
                purposes.try_for_each(|purpose| webpki::verify(self, at, purpose.webpki))
            }
        }
    }

    pub(crate) fn leaf(&self) -> Result<&[u8]> {
        let leaf = self.certificates.first();
        Ok(leaf.context("there is no certificate")?)
    }

    /// Whether a root is not self-signed, and thus an anchor by itself.
    pub(crate) fn is_partial(&self) -> Result<bool> {
        for root in &self.roots {
            let root = parse(root)?;
            let tbs = root.tbs_certificate();
            if tbs.subject() != tbs.issuer() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every signature up to a root. A root need not be self-signed, so its own does not count.
    fn verify_signatures(&self) -> Result<()> {
        for der in self
            .certificates
            .iter()
            .filter(|it| !self.roots.contains(it))
        {
            let certificate = parse(der)?;
            let issuer = self.issuer_of(&certificate)?;
            let key = issuer
                .tbs_certificate()
                .subject_public_key_info()
                .to_der()?;
            let algorithm = certificate.signature_algorithm().to_der()?;
            let signature = certificate.signature().raw_bytes();
            verify_signature(&key, &algorithm, to_be_signed(der)?, signature)
                .with_context(|| format!("the signature of {}", subject(&certificate)))?;
        }
        Ok(())
    }

    fn issuer_of(&self, certificate: &Certificate) -> Result<Certificate> {
        let own = extension::<AuthorityKeyIdentifier>(certificate)?;
        let own = own.and_then(|it| it.key_identifier);
        for der in self.certificates.iter().chain(&self.roots) {
            let candidate = parse(der)?;
            let named =
                candidate.tbs_certificate().subject() == certificate.tbs_certificate().issuer();
            let identifier = extension::<SubjectKeyIdentifier>(&candidate)?.map(|it| it.0);
            if named && (own.is_none() || own == identifier) {
                return Ok(candidate);
            }
        }
        bail!("the issuer of {} is missing", subject(certificate))
    }
}

/// A purpose that a reader knows. A certificate that names no purpose is for both of TLS.
struct Purpose {
    id: ObjectIdentifier,
    openssl: &'static str,
    webpki: Option<webpki::Purpose>,
}

const PURPOSES: [Purpose; 3] = [
    Purpose {
        id: ID_KP_SERVER_AUTH,
        openssl: "sslserver",
        webpki: Some(webpki::Purpose::Server),
    },
    Purpose {
        id: ID_KP_CLIENT_AUTH,
        openssl: "sslclient",
        webpki: Some(webpki::Purpose::Client),
    },
    Purpose {
        id: ID_KP_EMAIL_PROTECTION,
        openssl: "smimesign",
        webpki: None,
    },
];

fn parse(der: &[u8]) -> Result<Certificate> {
    let certificate = Certificate::from_der(der).context("not a certificate")?;
    ensure!(certificate.to_der()? == der, "not DER");
    Ok(certificate)
}

/// The signed bytes as they are, not as someone would encode them again.
fn to_be_signed(der: &[u8]) -> Result<&[u8]> {
    let outer = der::asn1::AnyRef::from_der(der)?;
    Ok(SliceReader::new(outer.value())?.tlv_bytes()?)
}

fn extension<T>(certificate: &Certificate) -> Result<Option<T>>
where
    T: for<'a> Decode<'a, Error = der::Error> + AssociatedOid,
{
    let found = certificate.tbs_certificate().get_extension::<T>()?;
    Ok(found.map(|(_, extension)| extension))
}

fn subject(certificate: &Certificate) -> String {
    certificate.tbs_certificate().subject().to_string()
}

/// A reader that accepts everything would prove nothing.
#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
        PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm,
        date_time_ymd,
    };

    use super::*;

    type Ca = CertifiedIssuer<'static, KeyPair>;

    /// The years in which the leaf and the CA are valid.
    const LEAF: i32 = 2030;
    const CA: i32 = 2040;

    fn params(name: &str, until: i32) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params
    }

    fn ca(name: &str, algorithm: &'static SignatureAlgorithm) -> Ca {
        let mut params = params(name, CA);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate_for(algorithm).unwrap()).unwrap()
    }

    fn leaf(ca: &Ca) -> Vec<u8> {
        let mut params = params("leaf", LEAF);
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, ca).unwrap().der().to_vec()
    }

    fn chain(ca: &Ca, root: &Ca) -> Chain {
        Chain::new([leaf(ca)], [root.der().to_vec()])
    }

    fn year(year: u64) -> Duration {
        Duration::from_secs((year - 1970) * 31_557_600)
    }

    #[test]
    fn a_certificate_is_accepted_under_its_root() {
        for algorithm in [
            &PKCS_ECDSA_P256_SHA256,
            &PKCS_ECDSA_P384_SHA384,
            &PKCS_ED25519,
        ] {
            let ca = ca("root", algorithm);
            chain(&ca, &ca).verify(year(2025)).unwrap();
        }
    }

    #[test]
    fn openssl_and_webpki_reject_an_expired_certificate() {
        let ca = ca("root", &PKCS_ECDSA_P256_SHA256);
        let chain = chain(&ca, &ca);
        let error = openssl::verify(&chain, year(2035), None).unwrap_err();
        assert!(
            error.to_string().contains("certificate has expired"),
            "{error}"
        );
        let error = webpki::verify(&chain, year(2035), None).unwrap_err();
        assert!(error.to_string().contains("CertExpired"), "{error}");
    }

    #[test]
    fn every_reader_rejects_another_root() {
        let [own, other] = [(); 2].map(|()| ca("root", &PKCS_ECDSA_P256_SHA256));
        let mut chain = chain(&own, &other);
        let error = openssl::verify(&chain, year(2025), None).unwrap_err();
        assert!(
            error.to_string().contains("unable to get local issuer"),
            "{error}"
        );
        let error = webpki::verify(&chain, year(2025), None).unwrap_err();
        assert!(
            error.to_string().contains("InvalidSignatureForPublicKey"),
            "{error}"
        );
        assert!(chain.verify_signatures().is_err());
        chain.roots = vec![own.der().to_vec()];
        chain.verify(year(2025)).unwrap();
    }
}
