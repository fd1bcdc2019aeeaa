//! The URLs in a certificate: of CRLs, of OCSP responders and of the CA certificate.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_AD_CA_ISSUERS, ID_AD_OCSP};
use der::asn1::Ia5String;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax, CrlDistributionPoints};

use crate::x509::names::syntax;

/// What stands in a URL for the number of the CA generation.
const GENERATION: &str = "$(generation)";

/// The URLs of one CA certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaUrls {
    /// CRLs that the CA issues. Each URL alone leads to all of them (RFC 5280 4.2.1.13).
    pub crl_distribution_points: Vec<CaUrl>,
    /// The CA certificate (caIssuers, RFC 5280 4.2.2.1).
    pub issuing_certificate_urls: Vec<CaUrl>,
    /// OCSP responders (RFC 5280 4.2.2.1).
    pub ocsp_servers: Vec<CaUrl>,
}

/// An absolute URI that verifiers can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaUrl(Ia5String);

impl CaUrl {
    /// Reads the URL of a CRL or a CA certificate, which may also be of LDAP, with `$(generation)`
    /// in it replaced by the number of the CA generation.
    ///
    /// # Errors
    /// It is not such a URL. The message continues one that ends in the URL.
    pub fn parse(template: &str, generation: u32) -> Result<Self, &'static str> {
        let schemes = ["http://", "https://", "ldap://"];
        let fault = "does not start with http://, https:// or ldap://";
        Self::with_scheme(template, generation, &schemes, fault)
    }

    /// Reads the URL of an OCSP responder, which speaks HTTP (RFC 6960 appendix A).
    ///
    /// # Errors
    /// As of [`Self::parse`].
    pub fn parse_ocsp(template: &str, generation: u32) -> Result<Self, &'static str> {
        let fault = "does not start with http:// or https://";
        Self::with_scheme(template, generation, &["http://", "https://"], fault)
    }

    fn with_scheme(
        template: &str,
        generation: u32,
        schemes: &[&str],
        fault: &'static str,
    ) -> Result<Self, &'static str> {
        let url = template.replace(GENERATION, &generation.to_string());
        if url.contains("$(") {
            return Err("has a variable other than $(generation)");
        }
        if !schemes.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(fault);
        }
        if let Some(fault) = syntax::uri_fault(&url) {
            return Err(fault);
        }
        Ia5String::new(&url)
            .map(Self)
            .map_err(|_| syntax::NOT_ASCII)
    }

    fn general_name(&self) -> GeneralName {
        GeneralName::UniformResourceIdentifier(self.0.clone())
    }
}

impl CaUrls {
    /// Returns the extension, with a distribution point for each URL, as Go's readers and writers
    /// have it; none if there is no URL, since an empty list is not valid.
    pub(super) fn crl_distribution_points(&self) -> Option<CrlDistributionPoints> {
        let points = self.crl_distribution_points.iter().map(|url| {
            let full_name = vec![url.general_name()];
            DistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(full_name)),
                reasons: None,
                crl_issuer: None,
            }
        });
        let points: Vec<_> = points.collect();
        (!points.is_empty()).then_some(CrlDistributionPoints(points))
    }

    /// Returns the extension; none if there is no URL, since an empty list is not valid.
    pub(super) fn authority_info_access(&self) -> Option<AuthorityInfoAccessSyntax> {
        let ocsp = describe(ID_AD_OCSP, &self.ocsp_servers);
        let issuers = describe(ID_AD_CA_ISSUERS, &self.issuing_certificate_urls);
        let access: Vec<_> = ocsp.chain(issuers).collect();
        (!access.is_empty()).then_some(AuthorityInfoAccessSyntax(access))
    }
}

fn describe(
    access_method: ObjectIdentifier,
    urls: &[CaUrl],
) -> impl Iterator<Item = AccessDescription> {
    urls.iter().map(move |url| AccessDescription {
        access_method,
        access_location: url.general_name(),
    })
}
