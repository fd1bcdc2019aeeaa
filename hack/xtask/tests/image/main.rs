//! The operator's image: what is in it, and that it runs as the chart would run it.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod cosign;
mod crane;
mod elf;
mod image;
mod lock;
mod platforms;
mod pod;
mod push;
mod release;
mod reproducible;
mod root;
mod sbom;
mod sign;
