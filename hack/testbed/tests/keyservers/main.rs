//! The fault proxy, as a client sees it. The conformance suite of the key backends covers the key
//! servers.
#![allow(clippy::unwrap_used, reason = "a failure shows its line")]

mod proxy;
