//! Whose an object is, and what the conditions say.

mod holder;
mod report;
