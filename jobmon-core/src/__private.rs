//! What generated code calls. Not for users: it changes without notice.

pub use crate::budget::{Admitted, FromStopped, StoppedError, admitted, admitting, stopped};
pub use crate::call::Seen;
pub use crate::monitored::{
    Ending, Guarded, Monitored, Open, Opening, Seeing, boxed, call_once, call_opening, guard, make,
    make_boxed, monitor, monitor_opening,
};
pub use crate::operation::Operation;
pub use crate::probe::*;
pub use crate::retry::{
    Again, Attempting, CanFail, FromTimeout, Retry, Retrying, Settled, TimeoutError, Within, again,
    assert_can_fail, made, retried, retried_opening, retry_when, retrying, timed_out, within,
};
pub use crate::running::{Started, start, start_with};
pub use crate::setting::Setting;
pub use crate::site::{Site, Track};
pub use crate::streamed::{Streamed, opened, streamed};
pub use ::core;
pub use ::core::convert::Infallible;
pub use ::core::time::Duration;
pub use std::boxed::Box;
