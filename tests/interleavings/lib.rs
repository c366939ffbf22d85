//! The atomic part of budgets, with the atomics of `loom`, which runs each test in every order that threads can take
//! and in which the memory model lets them see each other's writes. Tests with three threads at work leave out orders
//! in which a thread is interrupted more than twice: there are too many of them.

#![cfg(test)]

mod atomic {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicI64, Ordering};
}

#[path = "../../jobmon-core/src/budget/counter.rs"]
mod counter;

use counter::{Counter, Reservation};
use loom::sync::Arc;
use loom::thread;

/// Tries all orders of two threads that work.
fn all_orders(test: impl Fn() + Sync + Send + 'static) {
    loom::model(test);
}

/// Tries the orders of more threads.
fn most_orders(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(test);
}

/// A call: reserves, and then either charges something and gives back the rest, or gives back all.
fn call(counter: &Counter, reserved: i64, limit: i64, cost: Option<i64>) -> i64 {
    if counter.reserve(reserved, limit).is_err() {
        return 0;
    }
    match cost {
        Some(cost) => {
            let covered = cost.min(reserved);
            counter.settle(covered, cost, Counter::NOW);
            if covered < reserved {
                counter.release(reserved - covered);
            }
            cost
        }
        None => {
            counter.release(reserved);
            0
        }
    }
}

/// Runs calls side by side on one counter; gives it with what they cost.
fn side_by_side(limit: i64, calls: &[(i64, Option<i64>)]) -> (Arc<Counter>, i64) {
    let counter = Arc::new(Counter::new(1, 0));
    let spawn = |&(reserved, cost): &(i64, Option<i64>)| {
        let counter = Arc::clone(&counter);
        thread::spawn(move || call(&counter, reserved, limit, cost))
    };
    let threads: Vec<_> = calls.iter().map(spawn).collect();
    let spent = threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
    (counter, spent)
}

#[test]
fn calls_that_cost_what_they_reserved_never_pass_the_limit_and_nothing_leaks() {
    most_orders(|| {
        let (counter, spent) = side_by_side(5, &[(3, Some(3)), (2, Some(1)), (3, None)]);
        assert!(spent <= 5);
        assert_eq!((counter.committed(), counter.spent()), (spent, spent));
    });
}

#[test]
fn what_is_too_much_is_what_calls_in_flight_cost_beyond_their_reservations() {
    all_orders(|| {
        let (counter, spent) = side_by_side(4, &[(2, Some(5)), (2, Some(4))]);
        assert!(spent <= 4 + (5 - 2) + (4 - 2));
        assert_eq!((counter.committed(), counter.spent()), (spent, spent));
    });
}

#[test]
fn a_new_window_forgets_what_was_spent_before_it_and_nothing_that_is_reserved() {
    most_orders(|| {
        let counter = Arc::new(Counter::new(1, 0));
        counter.settle(0, 10, 0);
        let settling = Arc::clone(&counter);
        let settles = thread::spawn(move || {
            settling.reserve(3, 100).expect("there is room");
            settling.settle(3, 3, Counter::NOW);
        });
        let turning = Arc::clone(&counter);
        let turns = thread::spawn(move || turning.turn(1));
        counter.turn(1);
        settles.join().expect("no panic");
        turns.join().expect("no panic");
        let spent = counter.spent();
        assert!(spent == 0 || spent == 3, "the old window had 10, and the 3 belong to one of both: {spent}");
        assert_eq!(counter.committed(), spent);
    });
}

#[test]
fn at_no_moment_less_is_committed_than_is_spent_and_reserved() {
    all_orders(|| {
        let counter = Arc::new(Counter::new(2, 0));
        counter.reserve(4, 10).expect("there is room");
        let other = Arc::clone(&counter);
        let settles = thread::spawn(move || {
            other.turn(1);
            other.settle(4, 4, Counter::NOW);
            other.turn(2);
        });
        // Whoever asks meanwhile finds the 4 reserved, or spent.
        counter.turn(1);
        assert!(counter.reserve(7, 10).is_err());
        settles.join().expect("no panic");
        assert_eq!((counter.committed(), counter.spent()), (4, 4));
    });
}

#[test]
fn what_is_lent_comes_back_whoever_ends_first() {
    most_orders(|| {
        let counter = Arc::new(Counter::new(1, 0));
        counter.reserve(5, 5).expect("there is room");
        let outer = Arc::new(Reservation::new(5));
        assert_eq!(outer.left(), 5);
        let (of_inner, lender) = (Arc::clone(&counter), Arc::clone(&outer));
        // A call inside borrows, spends a part, and gives the rest back.
        let inner = thread::spawn(move || {
            let borrowed = lender.take(3);
            let own = Reservation::new(borrowed);
            let cost = own.take(2);
            of_inner.settle(cost, 2, Counter::NOW);
            let left = own.close();
            if !lender.put(left) {
                of_inner.release(left);
            }
        });
        // A call inside that reserves nothing is paid for by the outer one.
        let (of_leaf, payer) = (Arc::clone(&counter), Arc::clone(&outer));
        let leaf = thread::spawn(move || {
            let covered = payer.take(1);
            of_leaf.settle(covered, 1, Counter::NOW);
        });
        // The outer one ends meanwhile.
        counter.release(outer.close());
        assert_eq!(outer.close(), 0, "it is given back once");
        inner.join().expect("no panic");
        leaf.join().expect("no panic");
        assert_eq!((counter.committed(), counter.spent()), (3, 3));
    });
}
