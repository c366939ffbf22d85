//! What is reported of a call after it has ended.

use super::{Fact, Original, PricedAnswer, Pricing};
use crate::category::ErrorCategory;
use crate::money::{Cost, Usd};
use crate::text::Text;
use crate::usage::Usage;
use crate::value::Value;

/// Something reported of a call after it had ended, such as by a task that goes on.
///
/// The call's own record does not change any more: its tokens and cost, whether its usage was missing, and its
/// attributes are those of its end. What came later counts in sums beside them, under the same name, model and feature.
///
/// ```
/// use jobmon_core::{Event, Usage, current, instrument_llm, testing::Collect};
///
/// #[instrument_llm(model = "gpt-4o-mini", crate = ::jobmon_core)]
/// fn starts_something() -> jobmon_core::Current {
///     current()
/// }
///
/// let (collect, _guard) = Collect::install();
/// starts_something().usage(Usage::new(120, 30));
/// let Event::Late(late) = &collect.events()[1] else { panic!("the second event is what came late") };
/// assert_eq!(late.usage(), Some(Usage::new(120, 30)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Late {
    /// When, of which call, for whom. Its subject and scope are those of the call; where a model or a provider came
    /// late, these.
    pub fact: Fact,
    /// The budgets that its function, or one around it, names.
    pub budgets: Vec<Text>,
    /// An answer of a model, and its price.
    pub answer: Option<PricedAnswer>,
    /// What else decides on its price.
    pub pricing: Pricing,
    /// Version of the price list that it was priced with.
    pub prices: Option<Text>,
    /// What its answer cost at first, where it was priced again since.
    pub original: Option<Original>,
    /// Attributes.
    pub attributes: Vec<(Text, Value)>,
    /// Why the call failed, where it did.
    pub category: Option<ErrorCategory>,
    /// Whether what the answer cost was for nothing: the call, or the attempt that it belongs to, failed.
    pub for_nothing: bool,
}

impl Late {
    /// Something late that says nothing so far, about a call that succeeded.
    pub const fn new(fact: Fact) -> Self {
        let pricing = Pricing { api_url: None, context: Vec::new() };
        Self {
            fact,
            budgets: Vec::new(),
            answer: None,
            pricing,
            prices: None,
            original: None,
            attributes: Vec::new(),
            category: None,
            for_nothing: false,
        }
    }

    /// Tokens of its answer.
    pub fn usage(&self) -> Option<Usage> {
        self.answer.as_ref().and_then(|answer| answer.answer.usage)
    }

    /// What its answer cost; `None` without one.
    pub fn cost(&self) -> Option<Cost> {
        self.answer.as_ref().map(|answer| answer.cost)
    }

    /// Money spent on it for nothing.
    pub fn wasted(&self) -> Usd {
        self.cost().filter(|_| self.for_nothing).map_or(Usd::ZERO, Cost::floor)
    }
}
