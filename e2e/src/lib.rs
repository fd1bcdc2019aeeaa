//! What the end-to-end tests of Signet stand on: a real control plane with cert-manager in it,
//! the operator of this checkout beside it, and independent readers of what comes out.
//!
//! - [`runner`] runs the tests: one runtime for all, a namespace for each, and what must see the
//!   whole run at the end.
//! - [`Bed`] is the control plane with Signet on it.
//! - [`TestNamespace`] is where a test lives; it has users with their own rights ([`User`]),
//!   issuers and requests, and goes with the test.
//! - [`Burst`] is many requests of one issuer, and what became of each.
//! - [`storm`] is requests of every API while servers are killed, with an observer of every change.
//! - [`csr`] makes keys and CSRs with libraries that the product does not use.
//! - [`keys`] starts the servers of key backends, and makes keys in them.
//! - [`verify`] is the one place through which every certificate goes that a test gets.
//! - [`tutorial`] follows a page of the docs in a [`shell`].
//! - [`mesh`] starts istiod, and requests certificates from it.
//! - [`mesh_ca`] has MeshCAs, and reads what is in the Secrets of meshes.
//! - [`spire`] starts SPIRE, and fetches SVIDs as workloads do.
//! - [`handshake`] has two holders of certificates complete mutual TLS.
//! - [`audit`] reads from the API server's audit log who called what.

/// The tests of a module, each in a namespace of its own on the shared bed.
#[macro_export]
macro_rules! shared {
    ($($name:ident),* $(,)?) => {
        pub(crate) fn tests() -> Vec<libtest_mimic::Trial> {
            vec![$($crate::runner::shared(module_path!(), stringify!($name), $name)),*]
        }
    };
}

/// Tests on a control plane other than the shared one, one at a time: of this version of Kubernetes,
/// if it is named.
#[macro_export]
macro_rules! own {
    ($version:ident; $($module:ident :: $name:ident),* $(,)?) => {
        vec![$($crate::runner::own(
            $crate::Kubernetes::$version,
            concat!(module_path!(), "::", stringify!($module)), stringify!($name), $module::$name,
        )),*]
    };
    ($($module:ident :: $name:ident),* $(,)?) => {
        $crate::own![Newest; $($module::$name),*]
    };
}

pub mod audit;
mod bed;
mod burst;
mod cert_manager;
mod certificate_request;
mod commands;
pub mod csr;
pub mod handshake;
pub mod health;
mod issuer;
pub mod keys;
mod kubectl;
pub mod manual;
pub mod mesh;
pub mod mesh_ca;
mod namespace;
pub mod page;
pub mod parents;
mod pod;
pub mod runner;
pub mod runtime;
pub mod service_account;
pub mod shell;
mod signing_request;
pub mod spire;
pub mod storm;
pub mod tutorial;
mod user;
pub mod verify;
mod wait;
mod written;

pub use bed::{Bed, Kubernetes, OwnBed, Setup};
pub use burst::{Burst, Watched};
pub use cert_manager::{CertManagerCa, Certificate, CertificateCondition};
pub use certificate_request::{Ask, ready};
pub use commands::Printed;
pub use issuer::{IssuerRef, ready_condition, spec};
pub use namespace::TestNamespace;
pub use pod::{CREATE_POD_REQUESTS, Kubelet, PodAsk, PodRequest};
pub use signing_request::SigningAsk;
pub use user::{Rule, User};
pub use verify::Issued;
pub use wait::{stop, until_admin_returns};
pub use written::WrittenTexts;
