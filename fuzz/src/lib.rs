//! What the fuzz targets share.
//!
//! Each target feeds one reader, or the way from a request to the bytes that a CA key signs, and
//! asserts what must hold for whatever is accepted. `cargo xtask fuzz` builds and runs them.

pub mod ca;
pub mod certificate;
pub mod message;
pub mod request;
pub mod rules;

use jiff::Timestamp;

/// The time of every target: 2026-09-01T12:00:00Z.
pub const NOW: Timestamp = Timestamp::constant(1_788_264_000, 0);
