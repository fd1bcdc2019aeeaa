//! Verifies a certificate for a purpose with the rustls-webpki that a mesh locks:
//!
//! ```text
//! verify <seconds since 1970> <server | client> <leaf.pem> <chain.pem> <roots.pem>
//! ```
//!
//! It is built once for each mesh, because Cargo puts only one release of 0.103 into a workspace. The
//! mesh has its features, and the algorithms that it accepts.

use std::process::ExitCode;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// The signature algorithms that a mesh accepts.
pub(crate) type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

pub(crate) fn run(algorithms: Algorithms) -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match verify(algorithms, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn verify(algorithms: Algorithms, arguments: &[String]) -> Result<(), String> {
    let [seconds, purpose, leaf, chain, roots] = arguments else {
        return Err("five arguments are required".to_owned());
    };
    let seconds = seconds.parse().map_err(|error| format!("{error}"))?;
    let usage = match purpose.as_str() {
        "server" => KeyUsage::server_auth(),
        "client" => KeyUsage::client_auth(),
        other => return Err(format!("{other} is not a purpose")),
    };
    let (leaf, chain, roots) = (read(leaf)?, read(chain)?, read(roots)?);
    let leaf = leaf.first().ok_or("there is no certificate")?;
    let anchors: Result<Vec<_>, _> = roots.iter().map(anchor_from_trusted_cert).collect();
    let anchors = anchors.map_err(|error| format!("a root: {error:?}"))?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    EndEntityCert::try_from(leaf)
        .and_then(|leaf| {
            leaf.verify_for_usage(algorithms, &anchors, &chain, time, usage, None, None)
                .map(drop)
        })
        .map_err(|error| format!("{error:?}"))
}

fn read(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let certificates = CertificateDer::pem_slice_iter(&text);
    let certificates = certificates.collect::<Result<_, _>>();
    certificates.map_err(|error| format!("{path}: {error}"))
}
