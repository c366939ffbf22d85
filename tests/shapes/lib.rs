//! Functions of every shape, annotated: they compile without warnings and do what they did.

#![cfg(test)]
#![deny(warnings, clippy::all, elided_lifetimes_in_paths, unused_qualifications, let_underscore_drop)]
#![deny(rust_2018_idioms, single_use_lifetimes, unused_results, unfulfilled_lint_expectations)]
#![forbid(unsafe_op_in_unsafe_fn)]
#![allow(
    clippy::borrowed_box,
    clippy::disallowed_names,
    clippy::non_minimal_cfg,
    clippy::toplevel_ref_arg,
    clippy::unused_async,
    clippy::needless_lifetimes,
    clippy::new_ret_no_self,
    clippy::type_complexity,
    clippy::let_and_return,
    clippy::needless_return,
    clippy::boxed_local,
    clippy::unused_unit,
    clippy::manual_async_fn,
    clippy::module_inception,
    reason = "the functions have the shape under test, not the best one"
)]

mod arguments;
mod derives;
mod futures;
mod hygiene;
mod lifetimes;
mod lints;
mod methods;
mod nested;
mod returns;
mod signatures;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future that never waits for anything outside.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}
