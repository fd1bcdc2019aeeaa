//! May a CA certificate be issued, and with which path length?

use super::{Denial, Kind, Rules};
use crate::reason::Reason;
use crate::request::Request;

/// Decides between leaf and CA.
///
/// A CA is refused unless the profile allows it. Its path length is the profile's, never above
/// the issuing CA's less one (PKI-7), and less if the CSR asks for less. The CSR's
/// basicConstraints, where it has them, must say the same as the spec (rule A3-23).
pub(super) fn rule(request: &Request, rules: &Rules) -> Result<Kind, Denial> {
    let constraints = request.csr.basic_constraints();
    if let Some(constraints) = constraints
        && constraints.ca != request.ca
    {
        return Err(Denial::new(
            Reason::InvalidCsr,
            format!(
                "the CSR's basicConstraints say CA:{}, but the request says {}; make them agree",
                constraints.ca, request.ca
            ),
        ));
    }
    if !request.ca {
        return leaf(request);
    }
    let Some(profile) = rules.ca else {
        return Err(Denial::new(
            Reason::CaNotAllowed,
            "a CA certificate was asked for, and the issuer's spec.profile.ca does not allow any",
        ));
    };
    let limit = match rules.path_length {
        Some(0) => {
            return Err(Denial::new(
                Reason::PathLengthExceeded,
                "the issuing CA has path length 0 and cannot issue a CA certificate; \
                 use an issuer whose CA allows a longer path",
            ));
        }
        Some(parent) => profile.path_length.min(parent - 1),
        None => profile.path_length,
    };
    match constraints.and_then(|constraints| constraints.path_length) {
        Some(asked) if asked > limit => Err(Denial::new(
            Reason::PathLengthExceeded,
            format!("the CSR asks for path length {asked}, and this issuer allows at most {limit}"),
        )),
        Some(asked) => Ok(Kind::Ca { path_length: asked }),
        None => Ok(Kind::Ca { path_length: limit }),
    }
}

fn leaf(request: &Request) -> Result<Kind, Denial> {
    if request.csr.name_constraints_der().is_some() {
        // RFC 5280 4.2.1.10: nameConstraints MUST be used only in a CA certificate.
        return Err(Denial::new(
            Reason::InvalidCsr,
            "the CSR has nameConstraints, which only a CA certificate may carry; \
             set isCA or remove them",
        ));
    }
    Ok(Kind::Leaf)
}
