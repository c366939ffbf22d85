//! The wrapper around a future, as an interpreter that knows undefined behaviour can run it: no files, no network.
//!
//! ```text
//! MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -p jobmon-core --no-default-features --test poll_wrapper
//! ```
//!
//! Where Miri cannot be installed, valgrind sees at least reads of what was freed, and leaks:
//!
//! ```text
//! CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER='valgrind --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite' \
//!     cargo test -p jobmon-core --no-default-features --test poll_wrapper
//! ```

use jobmon_core::testing::Collect;
use jobmon_core::{End, InContext, instrument_llm};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

async fn pause() {
    let mut again = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut again, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Borrows from itself across a pause, and owns what must be freed once.
#[instrument_llm(crate = ::jobmon_core, operation = retrieval, fields(n = text.len()))]
async fn borrows_from_itself(text: String, panics: bool) -> Result<String, String> {
    let owned = vec![text; 3];
    let borrowed = &owned[1];
    pause().await;
    assert!(!panics, "on purpose");
    let inner = inner(borrowed).await;
    pause().await;
    Ok(format!("{borrowed}{inner}"))
}

#[instrument_llm(crate = ::jobmon_core, operation = retrieval)]
async fn inner(text: &str) -> Box<usize> {
    pause().await;
    Box::new(text.len())
}

#[instrument_llm(crate = ::jobmon_core, operation = retrieval)]
fn boxed(text: &str) -> Pin<Box<dyn Future<Output = usize> + '_>> {
    Box::pin(async move {
        pause().await;
        text.len()
    })
}

fn ends(collect: &Collect) -> Vec<End> {
    collect.calls().iter().map(|call| call.end).collect()
}

#[test]
fn a_future_runs_to_its_end_and_wakes_its_own_waker() {
    let (collect, _guard) = Collect::install();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(borrows_from_itself("text".to_owned(), false));
    let mut polls = 0;
    let output = loop {
        polls += 1;
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            break output;
        }
    };
    assert_eq!((output, polls), (Ok("text4".to_owned()), 4));
    assert_eq!(woken.0.load(Relaxed), 6, "twice for each pause");
    assert_eq!(ends(&collect), [End::Ok, End::Ok]);
}

#[test]
fn a_future_may_be_dropped_after_any_poll() {
    let (collect, _guard) = Collect::install();
    for polls in 0..4 {
        let mut future = Box::pin(borrows_from_itself("text".to_owned(), false));
        (0..polls).for_each(|_| assert!(poll_once(future.as_mut()).is_pending()));
    }
    // The inner call ends first: it had begun after two polls, and was over after three.
    let cancelled = End::Cancelled;
    assert_eq!(ends(&collect), [cancelled, cancelled, cancelled, End::Ok, cancelled]);
}

#[test]
fn a_future_that_panics_is_dropped_as_it_is() {
    let (collect, _guard) = Collect::install();
    let mut future = Box::pin(borrows_from_itself("text".to_owned(), true));
    assert!(poll_once(future.as_mut()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut()))).is_err());
    drop(future);
    assert_eq!(ends(&collect), [End::Panicked]);
}

#[test]
fn a_future_goes_from_thread_to_thread() {
    let (collect, _guard) = Collect::install();
    let mut future = Box::pin(borrows_from_itself("text".to_owned(), false).in_current_context());
    let output = loop {
        let polled;
        (polled, future) =
            thread::spawn(move || (poll_once(future.as_mut()), future)).join().expect("no panic");
        if let Poll::Ready(output) = polled {
            break output;
        }
    };
    assert_eq!(output, Ok("text4".to_owned()));
    assert_eq!(ends(&collect), [End::Ok, End::Ok]);
}

#[test]
fn boxed_futures_and_futures_without_a_monitor() {
    let text = "text".to_owned();
    for monitored in [false, true] {
        let collecting = monitored.then(Collect::install);
        let mut future = boxed(&text);
        assert!(poll_once(future.as_mut()).is_pending());
        assert_eq!(poll_once(future.as_mut()), Poll::Ready(4));
        drop(future);
        let mut dropped = pin!(inner(&text));
        assert!(poll_once(dropped.as_mut()).is_pending());
        assert!(collecting.is_none_or(|(collect, _guard)| ends(&collect) == [End::Ok]));
    }
}
