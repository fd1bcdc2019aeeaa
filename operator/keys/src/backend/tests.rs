//! What holds for every backend.

#[cfg(not(feature = "elsewhere"))]
mod built_without;
#[cfg(feature = "elsewhere")]
mod long_keys;
