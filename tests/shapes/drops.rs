//! X 105: what a function drops, it drops in the same order.

#![allow(
    clippy::too_many_arguments,
    dropping_copy_types,
    let_underscore_drop,
    unused_assignments,
    unused_variables,
    reason = "what is not mentioned is dropped all the same"
)]

use crate::poll_once;
use jobmon::instrument_llm;
use std::cell::{Cell, RefCell};
use std::future::{Future, ready};
use std::mem::drop as done;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

type Log = RefCell<Vec<&'static str>>;

/// Tells the log when it is dropped.
struct D<'a>(&'a Log, &'static str);
impl Drop for D<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}
impl<'a> D<'a> {
    /// A temporary's reference, which keeps it alive.
    const fn name(&self) -> &'static str {
        self.1
    }
    const fn log(&self) -> &'a Log {
        self.0
    }
}

struct Two<'a> {
    left: D<'a>,
    right: D<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Exit {
    Tail,
    Early,
    Error,
    Panic,
}

/// Waits once.
struct Wait(bool);
impl Future for Wait {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        let ready = std::mem::replace(&mut self.0, true);
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    }
}

/// The bodies, which end in each way. `$wait` is where an async one waits.
macro_rules! leave {
    ($log:expr, $exit:expr, $($wait:tt)*) => {
        let _first = D($log, "first local");
        $($wait)*;
        let _ = D($log, "at once");
        let _second = D($log, "second local");
        match $exit {
            Exit::Tail => {}
            Exit::Early => return Ok(D($log, "temporary").name().len()),
            Exit::Error => done(Err(D($log, "temporary").name())?),
            Exit::Panic => panic!("on purpose"),
        }
    };
}

type Given = Result<usize, &'static str>;

macro_rules! functions {
    ($(#[$attr:meta])* $module:ident) => {
        mod $module {
            use super::*;

            $(#[$attr])*
            pub(super) fn patterns<'a>(
                _: D<'a>,
                _a: D<'a>,
                b: D<'a>,
                (c, _): (D<'a>, D<'a>),
                Two { right, .. }: Two<'a>,
                mut e: D<'a>,
                ref f: D<'a>,
                log: &'a Log,
                exit: Exit,
            ) -> Given {
                leave!(log, exit, ());
                done(right);
                e.1 = "e, changed";
                let _ = (&b, &c, f);
                Ok(D(log, "temporary of the tail").name().len() + b.name().len())
            }

            $(#[$attr])*
            pub(super) async fn patterns_async<'a>(
                _: D<'a>,
                _a: D<'a>,
                b: D<'a>,
                (c, _): (D<'a>, D<'a>),
                Two { right, .. }: Two<'a>,
                mut e: D<'a>,
                ref f: D<'a>,
                log: &'a Log,
                exit: Exit,
            ) -> Given {
                leave!(log, exit, Wait(false).await);
                done(right);
                e.1 = "e, changed";
                let _ = (&b, &c, f);
                Ok(D(log, "temporary of the tail").name().len() + b.name().len())
            }

            // Mentioned in another order than they are declared in, and one not at all.
            $(#[$attr])*
            pub(super) fn backwards<'a>(a: D<'a>, b: D<'a>, c: D<'a>, d: D<'a>, exit: Exit) -> Given {
                leave!(a.log(), exit, ());
                let _ = (&d, &b, &a);
                Ok(d.name().len())
            }
            $(#[$attr])*
            pub(super) async fn backwards_async<'a>(a: D<'a>, b: D<'a>, c: D<'a>, d: D<'a>, exit: Exit) -> Given {
                leave!(a.log(), exit, Wait(false).await);
                let _ = (&d, &b, &a);
                Ok(d.name().len())
            }

            // None mentioned but by `_`, which takes nothing.
            $(#[$attr])*
            pub(super) fn nothing_used<'a>(a: D<'a>, _b: D<'a>, c: D<'a>, log: &'a Log) {
                let _local = D(log, "local");
                let _ = a;
                let _ = c;
            }
            $(#[$attr])*
            pub(super) async fn nothing_used_async<'a>(a: D<'a>, _b: D<'a>, c: D<'a>, log: &'a Log) {
                let _local = D(log, "local");
                Wait(false).await;
                let _ = a;
                let _ = c;
            }

            // A part of an argument is moved away.
            $(#[$attr])*
            pub(super) fn parts<'a>(two: Two<'a>, other: Two<'a>, log: &'a Log) -> D<'a> {
                let _local = D(log, "local");
                done(other.right);
                two.left
            }
            $(#[$attr])*
            pub(super) async fn parts_async<'a>(two: Two<'a>, other: Two<'a>, log: &'a Log) -> D<'a> {
                let _local = D(log, "local");
                Wait(false).await;
                done(other.right);
                two.left
            }

            impl<'a> Two<'a> {
                $(#[$attr])*
                pub(super) fn $module(self, a: D<'a>, exit: Exit) -> Given {
                    leave!(a.log(), exit, ());
                    Ok(self.left.name().len())
                }
            }
            pub(super) struct Own<'a>(pub(super) Two<'a>);
            impl<'a> Own<'a> {
                $(#[$attr])*
                pub(super) async fn method_async(mut self, a: D<'a>, exit: Exit) -> Given {
                    leave!(a.log(), exit, Wait(false).await);
                    self.0.left.1 = "left, changed";
                    Ok(self.0.right.name().len())
                }
                $(#[$attr])*
                pub(super) async fn method_not_used(self, _: D<'a>, a: D<'a>) {}
            }

            $(#[$attr])*
            pub(super) fn future<'a>(a: D<'a>, b: D<'a>, exit: Exit) -> impl Future<Output = Given> + 'a {
                let _eager = D(a.log(), "eager local");
                async move {
                    leave!(b.log(), exit, Wait(false).await);
                    Ok(a.name().len())
                }
            }
            $(#[$attr])*
            pub(super) fn boxed<'a>(a: D<'a>, b: D<'a>, exit: Exit) -> Pin<Box<dyn Future<Output = Given> + 'a>> {
                let _eager = D(a.log(), "eager local");
                Box::pin(async move {
                    leave!(b.log(), exit, Wait(false).await);
                    Ok(a.name().len())
                })
            }
            $(#[$attr])*
            pub(super) fn ready_future<'a>(a: D<'a>, b: D<'a>) -> impl Future<Output = D<'a>> {
                let _ = &a;
                ready(b)
            }
        }
    };
}
functions!(bare);
functions!(
    #[instrument_llm]
    annotated
);

/// How often a future is polled before it is dropped.
const POLLS: [usize; 3] = [0, 1, 9];

fn poll<F: Future>(polls: usize, future: F) {
    let mut future = Box::pin(future);
    let ended = catch_unwind(AssertUnwindSafe(|| (0..polls).any(|_| poll_once(future.as_mut()).is_ready())));
    drop((ended, future));
}

fn log(run: impl FnOnce(&'static Log)) -> Vec<&'static str> {
    // So that a future may borrow it, however it is boxed.
    let log: &'static Log = Box::leak(Box::default());
    drop(catch_unwind(AssertUnwindSafe(|| run(log))));
    log.take()
}

/// Runs the same with both, in every way.
macro_rules! compare {
    (|$log:ident, $exit:ident, $polls:ident| $($run:tt)*) => {
        for $exit in [Exit::Tail, Exit::Early, Exit::Error, Exit::Panic] {
            for $polls in POLLS {
                let bare = log(|$log| { use bare as functions; let _ = ($exit, $polls); $($run)* });
                let ours = log(|$log| { use annotated as functions; let _ = ($exit, $polls); $($run)* });
                assert!(bare.len() > 1, "{:?}", bare);
                assert_eq!(ours, bare, "{:?}, {} polls: {}", $exit, $polls, stringify!($($run)*));
            }
        }
    };
}

fn two(log: &Log) -> Two<'_> {
    Two { left: D(log, "left"), right: D(log, "right") }
}

#[test]
fn arguments_of_every_pattern_drop_in_the_same_order() {
    let d = D;
    compare!(|log, exit, _polls| {
        let pair = (d(log, "c"), d(log, "c, not bound"));
        let given = functions::patterns(
            d(log, "_"),
            d(log, "_a"),
            d(log, "b"),
            pair,
            two(log),
            d(log, "e"),
            d(log, "f"),
            log,
            exit,
        );
        log.borrow_mut().push("returned");
        drop(given);
    });
    compare!(|log, exit, polls| {
        let pair = (d(log, "c"), d(log, "c, not bound"));
        poll(
            polls,
            functions::patterns_async(
                d(log, "_"),
                d(log, "_a"),
                d(log, "b"),
                pair,
                two(log),
                d(log, "e"),
                d(log, "f"),
                log,
                exit,
            ),
        );
    });
}

#[test]
fn arguments_drop_in_the_same_order_whatever_the_body_mentions() {
    let d = D;
    compare!(|log, exit, _polls| {
        drop(functions::backwards(d(log, "a"), d(log, "b"), d(log, "c"), d(log, "d"), exit));
    });
    compare!(|log, exit, polls| {
        let (a, b, c, d) = (d(log, "a"), d(log, "b"), d(log, "c"), d(log, "d"));
        poll(polls, functions::backwards_async(a, b, c, d, exit));
    });
    compare!(|log, _exit, _polls| functions::nothing_used(d(log, "a"), d(log, "b"), d(log, "c"), log));
    compare!(|log, _exit, polls| {
        poll(polls, functions::nothing_used_async(d(log, "a"), d(log, "b"), d(log, "c"), log));
    });
}

#[test]
fn what_is_left_of_an_argument_drops_in_the_same_order() {
    compare!(|log, _exit, _polls| {
        let left = functions::parts(two(log), two(log), log);
        log.borrow_mut().push("returned");
        drop(left);
    });
    compare!(|log, _exit, polls| poll(polls, functions::parts_async(two(log), two(log), log)));
}

#[test]
fn methods_drop_in_the_same_order() {
    for exit in [Exit::Tail, Exit::Early, Exit::Error, Exit::Panic] {
        let bare = log(|log| drop(two(log).bare(D(log, "a"), exit)));
        let ours = log(|log| drop(two(log).annotated(D(log, "a"), exit)));
        assert_eq!(ours, bare, "{exit:?}");
    }
    compare!(|log, exit, polls| {
        poll(polls, functions::Own(two(log)).method_async(D(log, "a"), exit));
    });
    compare!(|log, _exit, polls| {
        poll(polls, functions::Own(two(log)).method_not_used(D(log, "_"), D(log, "a")));
    });
}

#[test]
fn functions_that_return_futures_drop_in_the_same_order() {
    compare!(|log, exit, polls| {
        let future = functions::future(D(log, "a"), D(log, "b"), exit);
        log.borrow_mut().push("returned");
        poll(polls, future);
    });
    compare!(|log, exit, polls| {
        let future = functions::boxed(D(log, "a"), D(log, "b"), exit);
        log.borrow_mut().push("returned");
        poll(polls, future);
    });
    compare!(|log, _exit, polls| {
        let future = functions::ready_future(D(log, "a"), D(log, "b"));
        log.borrow_mut().push("returned");
        poll(polls, future);
    });
}

/// Its destructor looks at what the body did with it.
struct Transaction<'a> {
    committed: bool,
    seen: &'a Cell<bool>,
}
impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        self.seen.set(self.committed);
    }
}
#[instrument_llm]
fn commits(mut transaction: Transaction<'_>) {
    transaction.committed = true;
}
#[instrument_llm]
async fn commits_async(mut transaction: Transaction<'_>) {
    transaction.committed = true;
}

#[test]
fn a_destructor_sees_what_the_body_changed() {
    let seen = Cell::new(false);
    commits(Transaction { committed: false, seen: &seen });
    assert!(seen.replace(false));
    poll(1, commits_async(Transaction { committed: false, seen: &seen }));
    assert!(seen.replace(false));
}
