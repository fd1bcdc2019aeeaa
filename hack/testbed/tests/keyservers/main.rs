//! The key servers and the proxy, as a client sees them.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod ministack;
mod openbao;
mod processes;
mod proxy;
mod softhsm;
