//! Tables of the policy: what was asked in, the decision out. The rules' numbers are those of
//! the contracts (X5, SID, PKI, CM) and of cert-manager (A1 to A5).

mod ca;
mod certificate_identity;
mod flow;
mod identity;
mod names;
mod usages;
