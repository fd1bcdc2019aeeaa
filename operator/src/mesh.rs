//! The objects from which a mesh reads its CA: what a MeshCA has besides the lifecycle of an issuer.
//!
//! They are [observed](observe) with the other facts of the MeshCA. At the end of a round, [`update`]
//! decides on at most one write ([`signet_core::mesh::rollout`], pure) and makes it.

mod adoption;
mod holder;
mod keys;
mod names;
mod observe;
mod reason;
mod report;
mod update;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use adoption::Adoptable;
pub(crate) use keys::NewKey;
pub(crate) use observe::{Observed, observe};
pub(crate) use reason::MeshReason;
pub(crate) use report::Report;
pub(crate) use update::{Wanted, update};
pub(crate) use write::Owner;
