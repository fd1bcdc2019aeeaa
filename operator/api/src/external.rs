//! The fields of other projects' objects that Signet reads and writes.

pub mod certificate;
pub mod certificate_request;
