//! The proxy, as a client sees it, and the end of the key servers. What the servers do, the key
//! backends' suite shows with the product.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod processes;
mod proxy;
