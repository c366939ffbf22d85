//! What generated code calls. Not for users: it changes without notice.

pub use crate::call::{Seen, Setting};
pub use crate::monitored::{
    Diverging, Monitored, Started, call_once, guard, monitor, monitor_made, start, start_with,
};
pub use crate::operation::Operation;
pub use crate::probe::*;
pub use crate::site::{Facts, Site, Track};
pub use ::core;
pub use ::core::convert::Infallible;
pub use ::core::mem::drop as captured;
pub use std::boxed::Box;
