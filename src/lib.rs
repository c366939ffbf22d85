#![doc = include_str!("../README.md")]

pub use jobmon_core::*;
pub use jobmon_export::*;

#[doc(hidden)]
pub use jobmon_core::__private;
