//! The atomic part of a budget: [`Counter`], by which everything is decided, and [`Reservation`], what a call has left.
//!
//! `tests/interleavings` compiles this very file with the atomics of a model checker, which tries all orders in which
//! threads can meet here. So they are named by the parent module, and nothing else is used.

use super::atomic::{AtomicI64, Mutex, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};

/// Beyond this nothing is added any more: no honest sum comes near, and it must not wrap around.
const MOST: i64 = i64::MAX / 4;

/// What is spent and reserved under one budget, by one key.
///
/// `committed` decides alone: at every moment it holds at least all that is spent and all that is reserved. `slices`
/// tell when what was spent, so that it can be forgotten.
#[derive(Debug)]
pub(crate) struct Counter {
    committed: AtomicI64,
    slices: Box<[AtomicI64]>,
    /// Number of the newest slice.
    newest: AtomicI64,
    turning: Mutex<()>,
}

impl Counter {
    /// The slice of what is spent now, whatever the clock says.
    pub(crate) const NOW: i64 = i64::MAX;

    /// Nothing spent, in so many slices of time, of which the newest has this number.
    pub(crate) fn new(slices: usize, newest: i64) -> Self {
        Self {
            committed: AtomicI64::new(0),
            slices: (0..slices.max(1)).map(|_| AtomicI64::new(0)).collect(),
            newest: AtomicI64::new(newest),
            turning: Mutex::new(()),
        }
    }

    /// Forgets what was spent in slices that are over. Locks only where a new slice begins.
    ///
    /// A clock that is set back changes nothing, so that no money is forgotten twice; set back by more than all slices,
    /// it is followed, and what is spent stays.
    pub(crate) fn turn(&self, to: i64) {
        let newest = self.newest.load(Acquire);
        if to <= newest && newest.saturating_sub(to) <= self.count() {
            return;
        }
        let _turning = self.turning.lock();
        let newest = self.newest.load(Acquire);
        if to > newest {
            // Nothing is newer than these, so that what others add meanwhile lands in one of them or in a new one.
            let over = to.saturating_sub(newest).min(self.count());
            for slice in (to - over + 1)..=to {
                let spent = self.slice(slice).swap(0, AcqRel);
                self.committed.fetch_sub(spent, AcqRel);
            }
            self.newest.store(to, Release);
        } else if newest.saturating_sub(to) > self.count() {
            self.newest.store(to, Release);
        }
    }

    /// Reserves an amount, or tells what is committed when that leaves too little below the limit.
    pub(crate) fn reserve(&self, amount: i64, limit: i64) -> Result<(), i64> {
        let mut committed = self.committed.load(Acquire);
        loop {
            if amount > limit.saturating_sub(committed) {
                return Err(committed);
            }
            match self.committed.compare_exchange_weak(committed, committed + amount, AcqRel, Acquire) {
                Ok(_) => return Ok(()),
                Err(now) => committed = now,
            }
        }
    }

    /// Gives back what was reserved.
    pub(crate) fn release(&self, reserved: i64) {
        self.committed.fetch_sub(reserved, AcqRel);
    }

    /// Charges an amount, of which a part was reserved, in a slice. In one that is over already it counts no more;
    /// beyond the newest, which [`NOW`](Self::NOW) is, it counts in the newest.
    pub(crate) fn settle(&self, reserved: i64, amount: i64, slice: i64) {
        let newest = self.newest.load(Acquire);
        let slice = slice.min(newest);
        let counts = newest.saturating_sub(slice) < self.count() && self.committed.load(Acquire) < MOST;
        let amount = if counts { amount } else { 0 };
        // First here, then there: in between too much is committed, never too little.
        self.committed.fetch_add(amount - reserved, AcqRel);
        if amount != 0 {
            self.slice(slice).fetch_add(amount, AcqRel);
        }
    }

    /// What is spent and reserved together.
    pub(crate) fn committed(&self) -> i64 {
        self.committed.load(Acquire)
    }

    /// What is spent.
    pub(crate) fn spent(&self) -> i64 {
        self.slices.iter().map(|slice| slice.load(Acquire)).fold(0, i64::saturating_add)
    }

    fn count(&self) -> i64 {
        i64::try_from(self.slices.len()).unwrap_or(i64::MAX)
    }

    fn slice(&self, number: i64) -> &AtomicI64 {
        let at = usize::try_from(number.rem_euclid(self.count())).unwrap_or(0);
        &self.slices[at]
    }
}

/// What is left of a reservation. Calls inside draw from it, on any thread, until it is closed.
#[derive(Debug)]
pub(crate) struct Reservation(AtomicI64);

impl Reservation {
    const CLOSED: i64 = -1;

    pub(crate) fn new(amount: i64) -> Self {
        Self(AtomicI64::new(amount))
    }

    /// What can be drawn from it.
    pub(crate) fn left(&self) -> i64 {
        self.0.load(Acquire).max(0)
    }

    /// Takes up to an amount, and gives what was taken.
    pub(crate) fn take(&self, most: i64) -> i64 {
        let mut left = self.0.load(Acquire);
        loop {
            let taken = most.min(left);
            if taken <= 0 {
                return 0;
            }
            match self.0.compare_exchange_weak(left, left - taken, AcqRel, Acquire) {
                Ok(_) => return taken,
                Err(now) => left = now,
            }
        }
    }

    /// Puts an amount in; false when it is closed, and the amount still the caller's.
    #[must_use]
    pub(crate) fn put(&self, amount: i64) -> bool {
        let mut left = self.0.load(Acquire);
        loop {
            if left == Self::CLOSED {
                return false;
            }
            match self.0.compare_exchange_weak(left, left + amount, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(now) => left = now,
            }
        }
    }

    /// Ends it, and gives what was left, the first time.
    pub(crate) fn close(&self) -> i64 {
        self.0.swap(Self::CLOSED, AcqRel).max(0)
    }
}
