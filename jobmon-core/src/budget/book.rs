//! [`Book`]: the budgets of a monitor and what is spent of them.

use super::amount::Amount;
use super::counter::Counter;
use super::definition::{BudgetError, Only, Rule, Unpriced};
use super::evidence::Evidence;
use super::slots::{Slot, Slots};
use super::status::{BudgetStatus, Sharing};
use crate::dimension::Dimension;
use crate::event::{CallRecord, End, Late, Scope};
use crate::money::Cost;
use crate::settings::Settings;
use crate::text::Text;
use crate::time::Timestamp;
use crate::warning::Warnings;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// More than this no call costs: a provider's nonsense must not fill a counter.
const MOST: i64 = 1 << 50;

/// The budgets of a monitor.
#[derive(Debug)]
pub(crate) struct Book {
    pub(super) entries: Vec<Entry>,
    pub(super) warnings: Warnings,
    /// By address of the site and number of the budget: there are only so many functions.
    evidence: RwLock<HashMap<(usize, usize), Arc<Evidence>>>,
    /// Whether the history has every call of this process.
    pub(super) keeps_all: bool,
    pub(super) flush_interval: Duration,
    /// Whether a history tells of others.
    pub(super) claimed: AtomicBool,
    /// How old the figures of other processes can be, in nanoseconds; 0 while there is no history to tell of them.
    pub(super) staleness: AtomicU64,
}

/// One budget and its counters.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: usize,
    pub(super) rule: Rule,
    pub(super) slots: Slots,
}

/// What budgets look at in a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// The budgets that its function, or one around it, names.
    pub(super) names: Vec<Text>,
    pub(super) scope: Scope,
    pub(super) model: Option<Text>,
}

/// What a call spent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) cost: Option<Cost>,
    pub(super) tokens: Option<u64>,
    /// Whether it was to have usage, so that without it nobody knows.
    pub(super) answered: bool,
}

impl Work {
    pub(crate) fn of(call: &CallRecord) -> Self {
        Self { names: call.budgets.clone(), scope: call.scope.clone(), model: call.model_name().cloned() }
    }

    pub(super) fn of_late(late: &Late) -> Self {
        let subject = late.fact.subject.as_ref();
        Self {
            names: late.budgets.clone(),
            scope: late.fact.scope.clone(),
            model: subject.and_then(|subject| subject.model.clone()),
        }
    }
}

impl Spent {
    /// By a model call.
    pub(super) fn by(call: &CallRecord) -> Self {
        Self {
            cost: call.cost,
            tokens: call.usage().and_then(|usage| usage.total()),
            answered: matches!(call.end, End::Ok | End::Abandoned),
        }
    }

    /// By an answer that came after the end of its call.
    pub(super) fn late(late: &Late) -> Self {
        Self { cost: late.cost(), tokens: late.usage().and_then(|usage| usage.total()), answered: true }
    }

    /// In the unit of a limit; `None` where it is not known.
    fn in_unit_of(&self, limit: Amount) -> Option<i64> {
        let number = match limit {
            Amount::Usd(_) => match self.cost {
                Some(Cost::Unpriced) => return None,
                Some(priced) => priced.floor().nanos(),
                // Where tokens are not tracked.
                None if self.answered => return None,
                None => 0,
            },
            Amount::Tokens(_) => match self.tokens {
                Some(tokens) => i64::try_from(tokens).unwrap_or(MOST),
                None if self.answered => return None,
                None => 0,
            },
        };
        Some(number.clamp(0, MOST))
    }
}

impl Book {
    /// The budgets of a monitor, with nothing spent.
    ///
    /// # Errors
    /// When a budget cannot work, or two have the same name.
    pub(crate) fn new(settings: &Settings, now: Timestamp) -> Result<Self, BudgetError> {
        let mut entries: Vec<Entry> = Vec::new();
        for (number, budget) in settings.budgets.iter().enumerate() {
            let mut rule = budget.rule()?;
            // As records tell users.
            if let Some(user) = &mut rule.only.user {
                *user = settings.user(user);
            }
            if entries.iter().any(|entry| entry.rule.name == rule.name) {
                let problem = "is there twice; give each a name of its own".to_owned();
                return Err(BudgetError { budget: rule.name, key: "name", problem });
            }
            let slots = Slots::new(rule.each.is_some(), rule.window, now);
            entries.push(Entry { number, rule, slots });
        }
        Ok(Self {
            entries,
            warnings: settings.warnings.clone(),
            evidence: RwLock::default(),
            keeps_all: settings.sampling_rate >= 1.0,
            flush_interval: settings.flush_interval,
            claimed: AtomicBool::new(false),
            staleness: AtomicU64::new(0),
        })
    }

    /// Whether there is no budget at all, so that nothing needs to be done about calls.
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether prices are needed to count.
    pub(crate) fn counts_money(&self) -> bool {
        self.entries.iter().any(Entry::counts_money)
    }

    /// The budgets that count something.
    pub(super) fn counting(&self, work: &Work) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.counts(work))
    }

    pub(super) fn evidence(&self, site: usize, entry: &Entry) -> Arc<Evidence> {
        let key = (site, entry.number);
        let known = self.evidence.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        known.unwrap_or_else(|| {
            let mut all = self.evidence.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(key).or_insert_with(|| Arc::new(Evidence::new(entry.rule.estimate))))
        })
    }

    /// Charges what no call has reserved, in the time it was spent: what came late, and what other processes spent.
    pub(super) fn charge(&self, entry: &Entry, work: &Work, spent: Spent, at: Timestamp, now: Timestamp) {
        let Some(amount) = self.amount(entry, spent, || entry.rule.estimate) else { return };
        let (slot, slice) = (entry.slot(work, now), entry.rule.window.slice(at));
        // Like a call that ends here and now, also where a clock was set back, so that it is not in the newest slice.
        let slice = if slice < entry.rule.window.slice(now) { slice } else { Counter::NOW };
        slot.counter.settle(0, amount, slice);
        self.after_spending(entry, &slot, now);
    }

    /// What counts of what was spent, if anything does.
    pub(super) fn amount(&self, entry: &Entry, spent: Spent, reserved: impl FnOnce() -> i64) -> Option<i64> {
        let Rule { name, limit, unpriced, .. } = &entry.rule;
        let known = spent.in_unit_of(*limit);
        if known.is_none() {
            let counts = match unpriced {
                Unpriced::Allow => "and so nothing",
                Unpriced::Block => "so that what was reserved for them counts",
            };
            self.warnings.once(
                &format!("budget {name} unpriced"),
                &format!("budget `{name}` counts calls of which nobody knows what they cost, {counts} (see `unpriced`)"),
            );
        }
        known.or_else(|| (*unpriced == Unpriced::Block).then(reserved)).filter(|amount| *amount > 0)
    }

    /// Warns, once in each window, when enough is spent.
    pub(super) fn after_spending(&self, entry: &Entry, slot: &Slot, now: Timestamp) {
        let Rule { limit, warn_from, window, blocks, .. } = &entry.rule;
        let spent = slot.counter.spent();
        if spent < *warn_from {
            return;
        }
        let window = window.number(now);
        let status = || self.status(entry, slot, now);
        if spent >= limit.number() {
            if slot.exceeded.is_new(window) {
                let then = if *blocks { "calls that can be stopped are" } else { "no call is stopped" };
                let status = status();
                self.warnings.say(&format!(
                    "{} is used up: {} of {} is spent{}; {then}",
                    status.title(),
                    status.spent,
                    status.limit,
                    until(&status)
                ));
            }
        } else if slot.warned.is_new(window) {
            let status = status();
            let (title, BudgetStatus { spent, limit, .. }) = (status.title(), &status);
            self.warnings
                .say(&format!("{title} is nearly used up: {spent} of {limit} is spent{}", until(&status)));
        }
    }

    pub(super) fn status(&self, entry: &Entry, slot: &Slot, now: Timestamp) -> BudgetStatus {
        let Rule { name, limit, window, blocks, .. } = &entry.rule;
        // In this order, as what is charged is first committed and then spent.
        let spent = slot.counter.spent();
        let committed = slot.counter.committed();
        BudgetStatus {
            budget: name.clone(),
            key: slot.key.clone(),
            limit: *limit,
            spent: limit.with_number(spent),
            reserved: limit.with_number(committed.saturating_sub(spent).max(0)),
            since: window.since(now),
            resets_at: window.ends(now),
            blocks: *blocks,
            sharing: match self.staleness.load(Relaxed) {
                0 => Sharing::Local,
                nanos => Sharing::History { staleness: Duration::from_nanos(nanos) },
            },
        }
    }

    /// All budgets and keys as they are now.
    pub(crate) fn statuses(&self, now: Timestamp) -> Vec<BudgetStatus> {
        let of = |entry: &Entry| -> Vec<_> {
            let slots = entry.slots.all(entry.rule.window, now);
            slots.iter().map(|slot| self.status(entry, slot, now)).collect()
        };
        self.entries.iter().flat_map(of).collect()
    }
}

/// Until when a budget stays as it is, for messages.
fn until(status: &BudgetStatus) -> String {
    status.resets_at.map_or_else(String::new, |at| format!(" until {at}"))
}

impl Entry {
    pub(super) const fn counts_money(&self) -> bool {
        matches!(self.rule.limit, Amount::Usd(_))
    }

    /// Whether it counts something.
    pub(super) fn counts(&self, work: &Work) -> bool {
        let Rule { name, total, only, .. } = &self.rule;
        if *total {
            return true;
        }
        if *only == Only::default() {
            return work.names.contains(name);
        }
        let agrees = |only: &Option<Text>, value: &Option<Text>| only.is_none() || only == value;
        agrees(&only.feature, &work.scope.feature)
            && agrees(&only.model, &work.model)
            && agrees(&only.user, &work.scope.user)
            && agrees(&only.session, &work.scope.session)
    }

    /// The counter of something that it counts.
    pub(super) fn slot(&self, work: &Work, now: Timestamp) -> Arc<Slot> {
        let key = || match self.rule.each {
            Some(Dimension::Feature) => work.scope.feature.clone(),
            Some(Dimension::Model) => work.model.clone(),
            Some(Dimension::User) => work.scope.user.clone(),
            Some(Dimension::Session) => work.scope.session.clone(),
            _ => None,
        };
        self.slots.of(key, self.rule.window, now)
    }
}
