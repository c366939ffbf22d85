//! [`BudgetExceeded`]: the error of a call that a budget stopped.

use super::amount::Amount;
use super::status::BudgetStatus;
use crate::category::ErrorCategory;
use crate::failure::LlmError;
use std::error::Error;
use std::fmt;

/// A budget stopped a call before its body ran.
///
/// The error of a function with the key `budget` must be `From<BudgetExceeded>`. `Box<dyn Error>`, `std::io::Error`,
/// `String` and the reports of `anyhow` and `eyre` are; an error enum gets a variant, here with `thiserror`'s words:
/// `#[error(transparent)] Budget(#[from] jobmon::BudgetExceeded)`.
///
/// ```
/// use jobmon_core::{Amount, Budget, BudgetExceeded, Settings, Usage, instrument_llm, testing::Collect};
///
/// #[instrument_llm(model = "gpt-4o-mini", budget = "analysis", crate = ::jobmon_core)]
/// fn ask() -> Result<Usage, BudgetExceeded> {
///     Ok(Usage::new(900, 100))
/// }
///
/// let mut settings = Settings::default();
/// settings.budgets = vec![Budget::new("analysis").limit("1k tokens").per_day().block()];
/// # settings.warnings = jobmon_core::Warnings::to(|_| {});
/// let (_collect, _guard) = Collect::install_with(settings);
/// ask().expect("there is money");
/// let stopped = ask().unwrap_err();
/// assert_eq!((stopped.status.spent, stopped.status.budget.as_str()), (Amount::Tokens(1_000), "analysis"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetExceeded {
    /// The budget as it was then.
    pub status: Box<BudgetStatus>,
    /// What the call would have had to reserve of it.
    pub needed: Amount,
}

impl BudgetExceeded {
    pub(super) fn new(status: BudgetStatus, needed: Amount) -> Self {
        Self { status: Box::new(status), needed }
    }
}

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, needed) = (&self.status, self.needed);
        let title = status.title();
        let BudgetStatus { limit, spent, reserved, .. } = **status;
        write!(f, "{title} is used up: of {limit}, {spent} is spent and {reserved} reserved, ")?;
        write!(f, "and this call needs {needed}; ")?;
        match status.resets_at {
            Some(at) => write!(f, "it begins anew at {at}"),
            None => f.write_str("it comes back as what was spent grows old"),
        }
    }
}

impl Error for BudgetExceeded {}

impl LlmError for BudgetExceeded {
    fn category(&self) -> ErrorCategory {
        ErrorCategory::Budget
    }
}

impl From<BudgetExceeded> for std::io::Error {
    fn from(error: BudgetExceeded) -> Self {
        Self::new(std::io::ErrorKind::QuotaExceeded, error)
    }
}

impl From<BudgetExceeded> for String {
    fn from(error: BudgetExceeded) -> Self {
        error.to_string()
    }
}
