//! One suite for every key backend. [`backends::list`] says which backends and keys there are;
//! each check runs over all of them. What is special about the software backend is in
//! [`software`].
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod backends;
mod contract;
mod memory;
mod openssl;
mod pure_rust;
mod root;
mod software;
mod types;
