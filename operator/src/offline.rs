//! Commands that need no cluster: what a preset allows, and what an issuer would decide.

mod certificate;
mod decide;
mod documents;
mod report;
mod requests;
mod show;
#[cfg(test)]
mod tests;

pub use decide::decide;
pub use show::show;
