//! What a function does while no monitor is installed: what it did without the attribute, and nothing else.
//!
//! A process of its own: any monitor, of any test, would count.

use jobmon::{InContext, Usage, instrument_llm};
use std::cell::Cell;
use std::future::{Future, ready};
use std::hint::black_box;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

struct Agent {
    model: &'static str,
}

macro_rules! functions {
    ($module:ident: $($attr:ident)?) => {
        mod $module {
            use super::*;

            $(#[$attr(provider = "openai", model = "gpt-4o-mini", feature = "analysis")])?
            pub(super) fn sync(x: u64) -> Result<Usage, io::Error> {
                Ok(Usage::new(x, 1))
            }
            $(#[$attr(model = agent.model, feature = format!("f{x}"), fields(x, m = %agent.model))])?
            pub(super) fn computed(agent: &Agent, x: u64) -> Result<Usage, io::Error> {
                let _ = agent.model;
                Ok(Usage::new(x, 1))
            }
            $(#[$attr(provider = "openai", model = "gpt-4o-mini", feature = "analysis")])?
            pub(super) fn fails() -> Result<Usage, io::Error> {
                Err(io::ErrorKind::TimedOut)?
            }
            $(#[$attr(provider = "openai", model = "gpt-4o-mini", feature = "analysis")])?
            pub(super) async fn asynchronous(x: u64) -> Result<Usage, io::Error> {
                ready(()).await;
                Ok(Usage::new(x, 1))
            }
            $(#[$attr(model = agent.model, feature = format!("f{x}"), fields(x, m = %agent.model))])?
            pub(super) async fn computed_async(agent: &Agent, x: u64) -> Option<Usage> {
                let _ = agent.model;
                asynchronous(x).await.ok()
            }
            $(#[$attr(provider = "openai", model = "gpt-4o-mini", feature = "analysis")])?
            pub(super) fn future(x: u64) -> impl Future<Output = u64> {
                ready(x)
            }
            $(#[$attr(provider = "openai", model = "gpt-4o-mini", feature = "analysis")])?
            pub(super) fn boxed(x: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
                Box::pin(async move { x })
            }
            $(#[$attr(provider = "openai", model = "gpt-4o-mini", feature = "analysis")])?
            pub(super) fn plain_box(x: u64) -> Box<dyn Future<Output = u64> + Unpin> {
                Box::new(ready(x))
            }
            $(#[$attr(provider = "openai", model = "gpt-4o-mini", feature = "analysis")])?
            pub(super) async fn never(x: u64) -> ! {
                let _ = x;
                std::future::pending().await
            }
        }
    };
}
functions!(bare:);
functions!(annotated: instrument_llm);

fn run<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

macro_rules! same {
    ($($call:tt)*) => {
        let bare = allocations(|| { use bare as functions; let _ = black_box($($call)*); });
        let annotated = allocations(|| { use annotated as functions; let _ = black_box($($call)*); });
        assert_eq!(annotated, bare, "{}", stringify!($($call)*));
    };
}

#[test]
fn calls_allocate_nothing() {
    let agent = Agent { model: "gpt-4o" };
    assert_eq!(allocations(|| drop(black_box(annotated::sync(1)))), 0);
    same!(functions::sync(1));
    same!(functions::computed(&agent, 1));
    same!(functions::fails());
    same!(run(functions::asynchronous(1)));
    same!(run(functions::computed_async(&agent, 1)));
    same!(run(functions::future(1)));
    same!(run(functions::never(1)).is_pending());
}

#[test]
fn boxed_futures_are_boxed_once() {
    assert_eq!(allocations(|| drop(bare::boxed(1))), 1);
    same!(run(functions::boxed(1)));
    same!(run(functions::plain_box(1)));
}

#[test]
fn what_a_body_reports_allocates_nothing() {
    let reports = || {
        let _ = black_box(jobmon::observe(Usage::new(1, 1)));
        jobmon::score("match", 0.5);
        let current = jobmon::current();
        current.usage(Usage::new(1, 1));
        current.field("n", 1);
        let _ = (current.id(), current.traceparent());
        let _ = run(jobmon::attempt(ready(Ok::<_, io::Error>(1))));
    };
    reports();
    assert_eq!(allocations(reports), 0);
    assert_eq!(allocations(|| _ = run(ready(1).in_current_context())), 0);
}

#[test]
fn attributes_are_not_computed() {
    #[instrument_llm(model = compute(), fields(n = compute()))]
    fn call(compute: impl Fn() -> &'static str) {
        let _ = &compute;
    }
    let computed = Cell::new(0);
    let compute = || {
        computed.set(computed.get() + 1);
        "m"
    };
    call(compute);
    assert_eq!(computed.get(), 0);
}
