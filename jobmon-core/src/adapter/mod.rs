//! Adapters: what jobmon reads out of the types of other crates, one file and one feature each.
//!
//! They are here and not in crates of their own because [`LlmResponse`](crate::LlmResponse) and
//! [`LlmError`](crate::LlmError) are. Each only names types of a crate that its user builds anyway.
//!
//! How an error of theirs is an `LlmError` stands in `failure/impls.rs`: they all go through [`known`], so that one
//! is recognised inside of any other error, too.

#[cfg(feature = "async-openai")]
mod async_openai;
#[cfg(feature = "genai")]
mod genai;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest-middleware")]
mod reqwest_middleware;
#[cfg(feature = "rig")]
mod rig;
#[cfg(feature = "rig")]
mod rig_agent;

use crate::failure::chain::Told;
use std::error::Error;
use std::time::Duration;

#[cfg(feature = "reqwest")]
pub use reqwest::{error_for_status, retry_after_from_headers};
#[cfg(feature = "reqwest-middleware")]
pub use reqwest_middleware::record_attempts;

/// What an error of another crate tells beyond its words.
#[derive(Default)]
pub(crate) struct Known<'e> {
    pub(crate) told: Option<Told>,
    pub(crate) retry_after: Option<Duration>,
    /// The error that it carries without saying so in `source`.
    pub(crate) inside: Option<&'e (dyn Error + 'static)>,
}

#[cfg(any(feature = "async-openai", feature = "genai", feature = "rig"))]
impl Known<'_> {
    /// Of this category, whatever it says.
    fn surely(category: crate::category::ErrorCategory) -> Self {
        Self { told: Some(Told::Surely(category)), ..Self::default() }
    }
}

#[cfg(any(feature = "async-openai", feature = "genai", feature = "reqwest-middleware", feature = "rig"))]
impl<'e> Known<'e> {
    /// Whatever the error is that it carries.
    fn carries(inside: &'e (dyn Error + 'static)) -> Self {
        Self { inside: Some(inside), ..Self::default() }
    }
}

/// What is known of an error by its type, if it belongs to a crate with an adapter.
pub(crate) fn known<'e>(error: &'e (dyn Error + 'static)) -> Option<Known<'e>> {
    /// In this order; a feature that is off leaves its line out.
    const ALL: &[for<'e> fn(&'e (dyn Error + 'static)) -> Option<Known<'e>>] = &[
        #[cfg(feature = "async-openai")]
        async_openai::known,
        #[cfg(feature = "genai")]
        genai::known,
        #[cfg(feature = "reqwest-middleware")]
        reqwest_middleware::known,
        #[cfg(feature = "rig")]
        rig::known,
        #[cfg(feature = "rig")]
        rig_agent::known,
    ];
    ALL.iter().find_map(|known| known(error))
}
