//! A timer for futures outside of any runtime: one thread, started when it is first needed.

use crate::lane::lock;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// When, and a number that tells those of the same moment apart.
type Key = (Instant, u64);

#[derive(Debug)]
struct Timer {
    waiting: Mutex<Waiting>,
    sooner: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    numbered: u64,
    wakers: BTreeMap<Key, Waker>,
}

/// The timer, unless its thread cannot be started.
fn timer() -> Option<&'static Timer> {
    static TIMER: OnceLock<Timer> = OnceLock::new();
    static THREAD: OnceLock<bool> = OnceLock::new();
    let timer = TIMER.get_or_init(|| Timer { waiting: Mutex::default(), sooner: Condvar::new() });
    let start = || std::thread::Builder::new().name("jobmon-timer".to_owned()).spawn(|| timer.run()).is_ok();
    THREAD.get_or_init(start).then_some(timer)
}

impl Timer {
    fn run(&self) {
        let mut waiting = lock(&self.waiting);
        loop {
            let now = Instant::now();
            let Some((&(due, number), _)) = waiting.wakers.first_key_value() else {
                waiting = self.sooner.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if due > now {
                waiting = self.wait(waiting, due - now);
            } else if let Some(waker) = waiting.wakers.remove(&(due, number)) {
                // Wakers are code of a runtime: not under our lock.
                drop(waiting);
                waker.wake();
                waiting = lock(&self.waiting);
            }
        }
    }

    fn wait<'a>(&self, waiting: MutexGuard<'a, Waiting>, time: Duration) -> MutexGuard<'a, Waiting> {
        self.sooner.wait_timeout(waiting, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Ready when a time has passed; made by [`sleep`].
#[derive(Debug)]
pub(super) struct TimerSleep {
    due: Option<Instant>,
    key: Option<Key>,
}

/// Sleeps without a runtime. A time that no clock can show never passes.
pub(super) fn sleep(time: Duration) -> TimerSleep {
    TimerSleep { due: Instant::now().checked_add(time), key: None }
}

impl Future for TimerSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        if due <= Instant::now() {
            return Poll::Ready(());
        }
        let Some(timer) = timer() else {
            // No thread to be had: asking again and again is slow and right.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        let mut waiting = lock(&timer.waiting);
        let key = *self.key.get_or_insert_with(|| {
            waiting.numbered += 1;
            (due, waiting.numbered)
        });
        waiting.wakers.insert(key, cx.waker().clone());
        if waiting.wakers.first_key_value().is_some_and(|(first, _)| *first == key) {
            timer.sooner.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for TimerSleep {
    fn drop(&mut self) {
        if let (Some(key), Some(timer)) = (self.key, timer()) {
            let waker = lock(&timer.waiting).wakers.remove(&key);
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::task::Wake;

    struct Woken(mpsc::Sender<u8>, u8);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(self.1);
        }
    }

    #[test]
    fn sleepers_are_woken_in_order_and_forgotten_when_dropped() {
        let (send, woken) = mpsc::channel();
        let begin = |number: u8, milliseconds: u64| {
            let mut sleep = sleep(Duration::from_millis(milliseconds));
            let waker = Waker::from(Arc::new(Woken(send.clone(), number)));
            assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
            sleep
        };
        let (late, early) = (begin(2, 40), begin(1, 10));
        drop(begin(3, 20));
        assert_eq!([woken.recv(), woken.recv()], [Ok(1), Ok(2)]);
        let mut context = Context::from_waker(Waker::noop());
        for mut sleep in [late, early] {
            assert!(Pin::new(&mut sleep).poll(&mut context).is_ready());
        }
        assert!(woken.try_recv().is_err(), "a dropped sleeper must not be woken");
    }
}
