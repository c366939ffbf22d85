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
mod budgets;
mod derives;
mod drops;
mod futures;
mod hygiene;
mod lifetimes;
mod lints;
mod methods;
mod nested;
mod retries;
mod returns;
mod signatures;
mod sizes;
mod streams;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future that never waits for anything outside.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll_once(future.as_mut()) {
            return output;
        }
    }
}
