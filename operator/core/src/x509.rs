//! X.509 as far as it knows nothing of requests, policy or CAs: names, public keys, algorithms,
//! usages and strict DER.

pub mod algorithm;
pub mod basic_constraints;
pub(crate) mod link;
pub mod name_constraints;
pub mod names;
pub mod public_key;
pub(crate) mod signed;
pub(crate) mod strict;
pub mod usages;
