//! A dispatch with an API server whose responses wait for the test.

mod bed;
mod limits;
mod woken;
