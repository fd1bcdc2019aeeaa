//! Tests of the CSR reader: what must be accepted, what must be refused and why, and what must
//! never panic.

mod accepted;
mod build;
mod extensions;
mod hostile;
mod name_constraints;
mod openssl;
mod refused;
mod stub;
