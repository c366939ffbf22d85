//! Where calls meet budgets: before a body runs, and when a call ends.

use super::book::{Book, Entry, Spent, Work};
use super::counter::{Counter, Reservation};
use super::evidence::Evidence;
use super::exceeded::BudgetExceeded;
use super::slots::Slot;
use crate::call::Active;
use crate::context::Context;
use crate::costing;
use crate::event::{CallRecord, Late};
use crate::lane::lock;
use crate::price::Prices;
use crate::text::Text;
use crate::time::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// What a call has of budgets.
#[derive(Debug, Default)]
pub(crate) struct Funds {
    /// The budgets that its function, or one around it, names.
    pub(crate) names: Vec<Text>,
    holds: Mutex<Vec<Arc<Hold>>>,
    /// Whether a budget stopped its last attempt.
    pub(crate) stopped: AtomicBool,
}

/// What a call has reserved of one counter.
#[derive(Debug)]
struct Hold {
    slot: Arc<Slot>,
    reservation: Reservation,
    /// Whom a part of it was borrowed from, and how much.
    lender: Option<Arc<Hold>>,
    borrowed: AtomicI64,
    /// What the call and those inside it cost.
    cost: AtomicI64,
    evidence: Arc<Evidence>,
}

impl Hold {
    fn give_back(&self, amount: i64) {
        if amount > 0 && !self.reservation.put(amount) {
            self.slot.counter.release(amount);
        }
    }

    /// Ends it: what was borrowed goes back to the lender, the rest to everybody.
    fn close(&self) {
        let left = self.reservation.close();
        let borrowed = left.min(self.borrowed.load(Relaxed));
        if let Some(lender) = &self.lender {
            lender.give_back(borrowed);
        }
        if left > borrowed {
            self.slot.counter.release(left - borrowed);
        }
        self.evidence.add(self.cost.load(Relaxed));
    }
}

impl Funds {
    pub(crate) fn new(names: Vec<Text>) -> Self {
        Self { names, ..Self::default() }
    }

    fn hold(&self, slot: &Arc<Slot>) -> Option<Arc<Hold>> {
        lock(&self.holds).iter().find(|hold| Arc::ptr_eq(&hold.slot, slot)).cloned()
    }

    /// Gives back all that is left.
    fn close(&self) {
        let holds = std::mem::take(&mut *lock(&self.holds));
        holds.iter().for_each(|hold| hold.close());
    }
}

/// Visits what a call, and then each call around it, has reserved of a counter.
fn holds_around(call: &Active, slot: &Arc<Slot>) -> impl Iterator<Item = Arc<Hold>> {
    std::iter::successors(Some(call), |call| call.parent.as_deref()).filter_map(|call| call.funds.hold(slot))
}

/// Asks the budgets of the current call whether its body, or the next attempt of it, may run, and reserves what it
/// needs. Without a call everything may run.
pub(super) fn admit() -> Result<(), BudgetExceeded> {
    let Some(call) = Context::peek(|context| context.call.clone()).flatten() else { return Ok(()) };
    let admitted = call.monitor.book.admit(&call, Timestamp::now());
    call.funds.stopped.store(admitted.is_err(), Relaxed);
    admitted
}

impl Book {
    fn admit(&self, call: &Active, now: Timestamp) -> Result<(), BudgetExceeded> {
        let around = call.parent.as_deref().map_or(&[][..], |parent| &parent.funds.names);
        for name in call.funds.names.iter().filter(|name| !around.contains(name)) {
            if self.entries.iter().all(|entry| entry.rule.name != *name) {
                self.warnings.once(
                    &format!("budget {name}"),
                    &format!("`{}` names the budget `{name}`, which nobody has configured", call.name()),
                );
            }
        }
        if self.is_empty() {
            return Ok(());
        }
        let Some(work) = call.work() else { return Ok(()) };
        for entry in self.counting(&work).filter(|entry| entry.rule.blocks) {
            self.reserve(call, entry, &work, now)?;
        }
        Ok(())
    }

    /// Makes what a call has reserved as much as its function needs.
    fn reserve(
        &self,
        call: &Active,
        entry: &Entry,
        work: &Work,
        now: Timestamp,
    ) -> Result<(), BudgetExceeded> {
        let slot = entry.slot(work, now);
        let hold = call.funds.hold(&slot).unwrap_or_else(|| {
            let hold = Arc::new(Hold {
                lender: call.parent.as_deref().and_then(|parent| holds_around(parent, &slot).next()),
                slot: Arc::clone(&slot),
                reservation: Reservation::new(0),
                borrowed: AtomicI64::new(0),
                cost: AtomicI64::new(0),
                evidence: self.evidence(call.site_address(), entry),
            });
            lock(&call.funds.holds).push(Arc::clone(&hold));
            hold
        });
        let needed = hold.evidence.reservation();
        let missing = needed.saturating_sub(hold.reservation.left());
        if missing <= 0 {
            return Ok(());
        }
        let borrowed = hold.lender.as_ref().map_or(0, |lender| lender.reservation.take(missing));
        let limit = entry.rule.limit;
        if missing > borrowed && slot.counter.reserve(missing - borrowed, limit.number()).is_err() {
            if let Some(lender) = &hold.lender {
                lender.give_back(borrowed);
            }
            let exceeded = BudgetExceeded::new(self.status(entry, &slot, now), limit.with_number(needed));
            if slot.exceeded.is_new(entry.rule.window.number(now)) {
                self.warnings.say(&format!("`{}` was stopped: {exceeded}", call.name()));
            }
            return Err(exceeded);
        }
        hold.borrowed.fetch_add(borrowed, Relaxed);
        hold.give_back(missing);
        Ok(())
    }

    /// Charges what a call cost when it ends, and gives back what it has reserved. Prices it where a budget needs its
    /// price.
    pub(crate) fn end(&self, call: &Active, record: &mut CallRecord, prices: &Prices) {
        if self.is_empty() {
            return;
        }
        if record.is_model_call() {
            let (work, now) = (Work::of(record), Timestamp::now());
            if self.counting(&work).any(Entry::counts_money) {
                costing::price(record, prices);
            }
            for entry in self.counting(&work) {
                self.charge_call(entry, call, &work, Spent::by(record), now);
            }
        }
        call.funds.close();
    }

    /// Charges an answer that came after the end of its call.
    pub(crate) fn late(&self, late: &Late) {
        if self.is_empty() || late.answer.is_none() {
            return;
        }
        let (work, now) = (Work::of_late(late), Timestamp::now());
        for entry in self.counting(&work) {
            self.charge(entry, &work, Spent::late(late), now, now);
        }
    }

    /// Charges a call: first what it and those around it have reserved.
    fn charge_call(&self, entry: &Entry, call: &Active, work: &Work, spent: Spent, now: Timestamp) {
        let slot = entry.slot(work, now);
        let reserved = || {
            let own = call.funds.hold(&slot).map(|hold| hold.reservation.left());
            own.filter(|left| *left > 0).unwrap_or(entry.rule.estimate)
        };
        let Some(amount) = self.amount(entry, spent, reserved) else { return };
        let (mut covered, mut admitted) = (0, false);
        for hold in holds_around(call, &slot) {
            admitted = true;
            hold.cost.fetch_add(amount, Relaxed);
            covered += hold.reservation.take(amount - covered);
        }
        slot.counter.settle(covered, amount, Counter::NOW);
        if entry.rule.blocks && !admitted {
            let (budget, name) = (&entry.rule.name, call.name());
            self.warnings.once(
                &format!("budget {budget} cannot stop {name}"),
                &format!("budget `{budget}` counts calls of `{name}` and cannot stop them; write `budget` in its attribute, or in that of a function around it"),
            );
        }
        self.after_spending(entry, &slot, now);
    }
}
