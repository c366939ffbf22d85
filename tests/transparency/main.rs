//! The same source with and without `#[instrument_llm]` is the same to everyone who looks at it: to lints, to the
//! reader of an error, to coverage and to documentation. And it compiles wherever jobmon is.

mod accepted;
mod coverage;
mod documentation;
mod errors;
mod harness;
mod lints;
mod nesting;
mod paths;
