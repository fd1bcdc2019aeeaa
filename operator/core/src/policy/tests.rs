//! Tables of requests and the decisions on them. The rules' numbers are those of docs/rules.md.

mod acts_for_its_ca;
mod ca;
mod ca_requesters;
mod certificate_identity;
mod closest;
mod delegates;
mod flow;
mod identity;
mod identity_limits;
mod lifetime;
mod limits;
mod names;
mod notation;
mod oracle;
mod pods;
mod property;
mod reference;
mod table;
mod usages;
