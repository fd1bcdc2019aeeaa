//! The basicConstraints that a CSR requests.

use super::CsrError;
use crate::x509::basic_constraints::BasicConstraints;

const EXTENSION: &str = "basicConstraints";

/// Reads the value of the extension.
pub(super) fn read(value: &[u8]) -> Result<BasicConstraints, CsrError> {
    let constraints = BasicConstraints::from_der(value).map_err(CsrError::not_der(EXTENSION))?;
    if !constraints.ca && constraints.path_length.is_some() {
        let fault = "has a path length without cA; set cA or remove the path length";
        return Err(CsrError::invalid(EXTENSION, fault));
    }
    Ok(constraints)
}
