//! [`Budget`]s: what may be spent, counted, warned about and stopped.
//!
//! `counter.rs` is all that threads decide by, `window.rs` when it is forgotten, `evidence.rs` how much is reserved.
//! `book.rs` holds the budgets of a monitor, `calls.rs` is where calls meet them; `admission.rs` is what generated code
//! wraps around bodies, `history.rs` what an exporter that other processes write to tells.

mod admission;
mod amount;
mod book;
mod calls;
mod counter;
mod definition;
mod evidence;
mod exceeded;
mod history;
mod slots;
mod status;
#[cfg(test)]
mod tests;
mod window;

/// What `counter.rs` is made of; a model checker puts its own in their place.
mod atomic {
    pub(super) use std::sync::Mutex;
    pub(super) use std::sync::atomic::{AtomicI64, Ordering};
}

pub use admission::{Admitted, FromStopped, StoppedError, admitted, admitting, stopped};
pub use amount::{Amount, NoAmount};
pub(crate) use book::{Book, Work};
pub(crate) use calls::Funds;
pub use definition::{Budget, BudgetError, Unpriced};
pub use exceeded::BudgetExceeded;
pub use history::Budgets;
pub use status::{BudgetStatus, Sharing};
