//! The few fields of others' objects that Signet reads and writes.

pub mod certificate_request;
