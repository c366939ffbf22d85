//! P: how large futures get.

use crate::streams::Items;
use futures_core::Stream;
use jobmon::{TimedOut, instrument_llm};
use std::future::{Future, ready};
use std::mem::size_of_val;
use std::pin::Pin;

/// What a call may add to a future.
const OURS: usize = 64;
/// And to one that is tried again: the policy, and where it stands.
const RETRIED: usize = 160;
/// And to one with a time: how long, and the sleep.
const TIMED: usize = 96;

pub(crate) struct Agent([u8; 256]);

macro_rules! functions {
    ($(#[$attr:meta])* $module:ident, $(#[$retried:meta])*, $(#[$timed:meta])*, $(#[$boxed:meta])*) => {
        mod $module {
            use super::*;

            $(#[$attr])*
            pub(super) async fn nothing() {
                ready(()).await;
            }
            $(#[$attr])*
            pub(super) async fn by_ref(x: &[u8; 1024]) -> u8 {
                ready(()).await;
                x[0]
            }
            $(#[$attr])*
            pub(super) async fn by_refs(x: &[u8; 1024], y: &mut String, z: &str) -> Result<u8, String> {
                ready(()).await;
                y.push_str(z);
                Ok(x[0])
            }
            $(#[$attr])*
            pub(super) async fn by_value(x: [u8; 1024]) -> u8 {
                ready(()).await;
                x[0]
            }
            $(#[$attr])*
            pub(super) async fn not_mentioned(_: &str, _x: [u8; 1024], _y: [u8; 512], _: [u8; 128]) -> u8 {
                ready(()).await;
                1
            }
            $(#[$attr])*
            pub(super) async fn several(x: [u8; 1024], y: [u8; 512], z: String) -> usize {
                ready(()).await;
                usize::from(x[0]) + usize::from(y[0]) + z.len()
            }
            $(#[$attr])*
            pub(super) async fn large_output(x: &u8) -> [u8; 1024] {
                ready(()).await;
                [*x; 1024]
            }
            $(#[$attr])*
            pub(super) fn future(x: [u8; 1024]) -> impl Future<Output = u8> {
                async move {
                    ready(()).await;
                    x[0]
                }
            }
            $(#[$attr])*
            pub(super) fn boxed(x: [u8; 1024]) -> Pin<Box<dyn Future<Output = u8> + Send>> {
                Box::pin(async move {
                    ready(()).await;
                    x[0]
                })
            }
            $(#[$attr])*
            pub(super) fn stream(x: u8) -> impl Stream<Item = u8> {
                Items(vec![x])
            }
            $(#[$attr])*
            pub(super) async fn opened(x: u8) -> Result<impl Stream<Item = u8>, String> {
                ready(()).await;
                Ok(Items(vec![x]))
            }
            $(#[$retried])*
            pub(super) async fn retried(x: &[u8; 1024]) -> Result<u8, String> {
                ready(()).await;
                Ok(x[0])
            }
            $(#[$retried])*
            pub(super) async fn retried_by_value(x: [u8; 1024]) -> Result<u8, String> {
                ready(()).await;
                Ok(x[0])
            }
            $(#[$timed])*
            pub(super) async fn timed(x: &[u8; 1024]) -> Result<u8, TimedOut> {
                ready(()).await;
                Ok(x[0])
            }
            $(#[$boxed])*
            pub(super) async fn in_a_box(x: &u8) -> u8 {
                let large = [*x; 1024];
                ready(()).await;
                large[0]
            }

            pub(super) trait Ask {
                async fn of_ref(&self) -> u8;
                async fn of_mut(&mut self, x: &str) -> u8;
                async fn of_value(self) -> u8;
            }
            impl Ask for Agent {
                $(#[$attr])*
                async fn of_ref(&self) -> u8 {
                    ready(()).await;
                    self.0[0]
                }
                $(#[$attr])*
                async fn of_mut(&mut self, x: &str) -> u8 {
                    ready(()).await;
                    self.0[x.len()] += 1;
                    1
                }
                $(#[$attr])*
                async fn of_value(self) -> u8 {
                    ready(()).await;
                    self.0[0]
                }
            }
        }
    };
}
functions!(bare, , ,);
functions!(
    #[instrument_llm(model = "m")]
    annotated,
    #[instrument_llm(model = "m", retry)],
    #[instrument_llm(model = "m", timeout = "1s")],
    #[instrument_llm(model = "m", boxed)]
);

/// With a call's future within the bare one's size, what is copied once, and what is ours.
fn check(what: &str, annotated: usize, bare: usize, copied: usize) {
    let most = bare + copied + OURS;
    assert!(annotated <= most, "{}: {} bytes, bare {}, at most {}", what, annotated, bare, most);
}

macro_rules! check {
    ($copied:expr, $($call:tt)*) => {
        let annotated = { use annotated as functions; size_of_val(&$($call)*) };
        let bare = { use bare as functions; size_of_val(&$($call)*) };
        check(stringify!($($call)*), annotated, bare, $copied);
    };
}

#[test]
fn a_future_that_borrows_grows_by_64_bytes_at_most() {
    let (x, mut y) = ([0; 1024], String::new());
    check!(0, functions::nothing());
    check!(0, functions::by_ref(&x));
    check!(0, functions::by_refs(&x, &mut y, "z"));
    check!(0, functions::large_output(&1));
}

#[test]
fn a_future_that_owns_grows_by_one_copy_of_its_arguments() {
    check!(1024, functions::by_value([0; 1024]));
    check!(1024 + 512 + 128, functions::not_mentioned("", [0; 1024], [0; 512], [0; 128]));
    check!(1024 + 512 + 24, functions::several([0; 1024], [0; 512], String::new()));
}

#[test]
fn methods_grow_no_more_than_functions() {
    check!(0, functions::Ask::of_ref(&Agent([0; 256])));
    check!(0, functions::Ask::of_mut(&mut Agent([0; 256]), "x"));
    check!(256, functions::Ask::of_value(Agent([0; 256])));
}

#[test]
fn futures_that_a_function_returns_grow_by_64_bytes_at_most() {
    check!(0, functions::future([0; 1024]));
    check!(0, functions::boxed([0; 1024]));
}

#[test]
fn a_call_that_is_tried_again_grows_by_its_policy_and_one_copy_of_its_arguments() {
    check!(RETRIED - OURS, functions::retried(&[0; 1024]));
    check!(RETRIED - OURS + 1024, functions::retried_by_value([0; 1024]));
}

#[test]
fn a_call_with_a_time_grows_by_96_bytes_at_most() {
    check!(TIMED - OURS, functions::timed(&[0; 1024]));
}

#[test]
fn a_boxed_future_is_small_however_much_it_holds() {
    assert!(size_of_val(&bare::in_a_box(&1)) > 1024);
    assert!(size_of_val(&annotated::in_a_box(&1)) <= OURS);
}

#[test]
fn a_stream_and_the_future_that_opens_it_grow_by_64_bytes_at_most() {
    check!(0, functions::stream(1));
    check!(0, functions::opened(1));
}
