//! A crate that others see jobmon through.

pub use jobmon;
