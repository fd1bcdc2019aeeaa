//! CSRs as Istio's library makes them (security/pkg/pki/util/generate_csr.go).

use anyhow::{Result, bail};
use const_oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
use der::Encode;
use der::asn1::Ia5String;
use rcgen::{CustomExtension, DnType, DnValue};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::{Csr, CsrBuilder, KeyKind};
use crate::verify::Name;

impl Csr {
    /// A CSR of a sidecar, or of a server of Istio: an organization of no characters, and a critical
    /// subjectAltName with these names.
    ///
    /// # Errors
    /// A name is neither a URI nor a DNS name, or is not ASCII.
    pub fn by_istio(kind: KeyKind, names: &[Name]) -> Result<Self> {
        let mut csr = Self::of(kind)?;
        let empty = DnValue::PrintableString("".try_into()?);
        let subject = &mut csr.params.distinguished_name;
        subject.push(DnType::OrganizationName, empty);
        csr.critical_names(names)?.build()
    }

    /// A CSR of ztunnel (src/tls/csr.rs): P-256, an empty subject and one URI.
    ///
    /// # Errors
    /// The URI is not ASCII.
    pub fn by_ztunnel(uri: &str) -> Result<Self> {
        Self::of(KeyKind::P256)?.uri(uri)?.build()
    }
}

impl CsrBuilder {
    fn critical_names(mut self, names: &[Name]) -> Result<Self> {
        let names = names.iter().map(general_name).collect::<Result<Vec<_>>>()?;
        let oid: Vec<u64> = ID_CE_SUBJECT_ALT_NAME.arcs().map(u64::from).collect();
        let names = SubjectAltName(names).to_der()?;
        let mut extension = CustomExtension::from_oid_content(&oid, names);
        extension.set_criticality(true);
        self.params.custom_extensions.push(extension);
        Ok(self)
    }
}

fn general_name(name: &Name) -> Result<GeneralName> {
    Ok(match name {
        Name::Uri(uri) => GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?),
        Name::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
        other => bail!("Istio has no {other:?}"),
    })
}
