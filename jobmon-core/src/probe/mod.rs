//! Reads a function's output: what it failed with, what it used. Called by generated code.
//!
//! What can be read depends on the traits a type has, and stable Rust has no specialisation. So each question is
//! a chain of wrappers, from the most telling answer to none, each of which derefs to the next. A wrapper has the
//! method only where its bounds hold, and method lookup takes the first it finds. No trait needs to be in scope,
//! and generic code falls back to what its own bounds allow.
//!
//! Bounds must not mention `'static`: method lookup ignores lifetimes, so it would choose such a method for a
//! borrowing type too, and that would not compile. `FailingOwned` does, and comes before the start of its chain:
//! generated code begins with it where the spelling of a type says that it does not borrow. `FailingReport` does,
//! too: it fits the reports of `anyhow` and `eyre`, which never borrow.

mod answer;
mod attribute;
mod capturing;
mod derive;
mod failing;
mod inside;

use crate::call::Seen;
use crate::capture::Captured;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

// Generated code reaches these through `private`, too.
pub use crate::category::ErrorCategory;
pub use crate::event::Message;
pub use crate::failure::{Failure, LlmError};
pub use crate::response::{Answer, LlmResponse};
pub use crate::text::Text;
pub use crate::usage::Usage;
pub use std::vec::Vec;

pub use answer::{
    Answering, AnsweringElse, AnsweringFourth, AnsweringNothing, AnsweringSecond, AnsweringThird,
    ReportsUsage, Told, told, untold,
};
pub use attribute::{Recordable, debug, display, value};
pub use capturing::{Capturing, CapturingAnswer, CapturingElse, CapturingNothing};
pub use derive::{
    HttpStatus, Reading, RetryAfter, Said, Texts, TokenCount, http_status, optional_http_status, retry_after,
    status_category,
};
pub use failing::{
    Failing, FailingBoxed, FailingBoxedSend, FailingBoxedSync, FailingElse, FailingError, FailingLlm,
    FailingOwned, FailingReport, FailingShown, FailingSilently, KnownFailure,
};
pub use inside::{Inside, Whole};

/// Defines a chain of wrappers around a reference, each of which derefs to the next.
macro_rules! chain {
    ($this:ident > $next:ident $(> $rest:ident)*) => {
        #[doc = concat!("Tried before [`", stringify!($next), "`].")]
        #[derive(Debug)]
        pub struct $this<'a, T>($next<'a, T>);

        impl<'a, T> $this<'a, T> {
            /// Wraps a reference.
            pub fn of(value: &'a T) -> Self {
                Self($next::of(value))
            }

            #[allow(dead_code, reason = "some links of some chains do not need it")]
            fn value(&self) -> &'a T {
                self.0.value()
            }
        }

        impl<'a, T> std::ops::Deref for $this<'a, T> {
            type Target = $next<'a, T>;
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        $crate::probe::chain!($next $(> $rest)*);
    };
    ($last:ident) => {
        /// The end of a chain: fits every type.
        #[derive(Debug)]
        pub struct $last<'a, T>(&'a T);

        impl<'a, T> $last<'a, T> {
            /// Wraps a reference.
            pub fn of(value: &'a T) -> Self {
                Self(value)
            }

            fn value(&self) -> &'a T {
                self.0
            }
        }
    };
}
use chain;

chain!(Output > Plain);

impl<'a, T, E> Output<'a, Result<T, E>> {
    /// The two sides of a result, whatever the alias it is written with.
    #[expect(clippy::missing_errors_doc, reason = "the error is a reading, not a failure")]
    pub fn __jobmon_split(&self) -> Result<&'a T, &'a E> {
        self.value().as_ref()
    }
}

impl<'a, T> Plain<'a, T> {
    /// A value of any other type is a success, `None` and `ControlFlow::Break` included.
    #[expect(clippy::missing_errors_doc, reason = "never fails")]
    pub fn __jobmon_split(&self) -> Result<&'a T, &'a Infallible> {
        Ok(self.value())
    }
}

// Reading calls code of the user's (`Display`, `LlmResponse`, closures). Should it panic, the function has ended all the
// same and its caller gets the output: only what would have been read is missing.

/// What was seen of a success.
pub const fn succeeded(answer: Option<Answer>) -> Seen {
    Seen { failed: false, answer, failure: None, output: None }
}

/// What was seen of a success whose function captures its output.
pub fn spoken(answer: Option<Answer>, output: Option<Captured>) -> Seen {
    Seen { output: output.map(Box::new), ..succeeded(answer) }
}

/// What was seen of an error.
pub const fn failed(failure: Failure) -> Seen {
    Seen { failed: true, answer: None, failure: Some(failure), output: None }
}

/// Names a parameter in a branch that is never taken.
pub fn captured<T>(_parameter: T) {}

/// Looks at an output: the type of the probe's argument is known by that of the output.
pub fn looked_at<R>(output: &R, probe: impl FnOnce(&R) -> Seen) -> Seen {
    probe(output)
}

/// Runs code of the user's that only we need; `None` when it panics.
pub(crate) fn unharmed<R>(run: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

/// A failure with the category that `error = |e| ..` gives.
pub fn categorised<E>(
    error: &E,
    mut failure: Failure,
    category: impl FnOnce(&E) -> ErrorCategory,
) -> Failure {
    if let Some(category) = unharmed(|| category(error)) {
        failure.category = category;
    }
    failure
}

/// Names a return type where `!` may not be written: `<fn() -> ! as Returning>::Output`.
pub trait Returning {
    /// The type returned.
    type Output;
}

impl<R> Returning for fn() -> R {
    type Output = R;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt;

    /// What generated code does for an output.
    macro_rules! probe {
        ($output:expr) => {
            match Output::of(&$output).__jobmon_split() {
                Ok(value) => succeeded(Answering::of(value).__jobmon_answer().__jobmon_read()),
                Err(error) => failed(Failing::of(error).__jobmon_failure().__jobmon_else()),
            }
        };
    }

    fn tokens(seen: &Seen) -> Option<u64> {
        seen.answer.as_ref()?.usage?.total()
    }

    type Alias<T> = Result<T, Borrowing<'static>>;

    /// Neither `'static` nor `Clone`, and an error all the same.
    #[derive(Debug)]
    struct Borrowing<'a>(&'a str);
    impl fmt::Display for Borrowing<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl std::error::Error for Borrowing<'_> {}

    #[test]
    fn usage_is_read_through_result_option_and_tuples() {
        struct Silent;
        let usage = Usage::new(2, 3);
        assert_eq!(tokens(&probe!(usage)), Some(5));
        assert_eq!(tokens(&probe!(Some(usage))), Some(5));
        assert_eq!(tokens(&probe!(None::<Usage>)), None);
        assert_eq!(tokens(&probe!(Ok::<_, Silent>(usage))), Some(5));
        assert_eq!(tokens(&probe!(Ok::<_, Silent>(Some((Box::new(usage), 1))))), Some(5));
        assert_eq!(tokens(&probe!((usage,))), Some(5));
        assert_eq!(tokens(&probe!((1, usage))), Some(5));
        assert_eq!(tokens(&probe!((Silent, "x", usage))), Some(5));
        assert_eq!(tokens(&probe!((Silent, "x", 'c', &usage))), Some(5));
        assert_eq!(tokens(&probe!((usage, Usage::new(9, 9)))), Some(5));
        assert_eq!(tokens(&probe!(Silent)), None);
        assert_eq!(tokens(&probe!("text")), None);
    }

    #[test]
    fn tuples_inside_containers_are_read_in_any_place() {
        struct Silent;
        macro_rules! inside {
            ($value:expr) => {
                Answering::of($value).__jobmon_answer().__jobmon_read().and_then(|answer| answer.usage?.total())
            };
            ($value:expr, $($more:tt)*) => {
                Inside::of($value).__jobmon_inside().and_then(|value| inside!(value $($more)*))
            };
        }
        let local = String::from("borrowed");
        let usage = Usage::new(2, 3);
        assert_eq!(inside!(&Some((local.as_str(), usage)),), Some(5));
        assert_eq!(inside!(&None::<(Silent, Usage)>,), None);
        assert_eq!(inside!(&Ok::<_, Silent>(Some((Silent, local.as_str(), usage))),,), Some(5));
        assert_eq!(inside!(&Box::new((Silent, usage)),), Some(5));
        assert_eq!(inside!(&std::sync::Arc::new(Some((Silent, &usage))),,), Some(5));
        assert_eq!(inside!(&&(Silent, usage),), Some(5));
        assert_eq!(inside!(&(Silent, usage),,,), Some(5), "containers that are not there do no harm");
        assert_eq!(inside!(&Some((Silent, 1)),), None);
    }

    #[test]
    fn only_an_err_is_a_failure() {
        assert!(!probe!(None::<u8>).failed);
        assert!(!probe!(std::ops::ControlFlow::<u8>::Break(1)).failed);
        let failed = probe!(Err::<u8, _>(Borrowing("429 Too Many Requests")));
        assert!(failed.failed && failed.answer.is_none());
        let alias: Alias<u8> = Err(Borrowing("x"));
        assert!(probe!(alias).failed);
    }

    #[test]
    fn every_error_type_tells_what_it_can() {
        struct Silent;
        let text = |seen: Seen| seen.failure.and_then(|failure| failure.message).map(|text| text.to_string());
        let local = String::from("connection refused");
        assert_eq!(text(probe!(Err::<u8, _>(Borrowing(&local)))).as_deref(), Some("connection refused"));
        assert_eq!(text(probe!(Err::<u8, _>("plain text"))).as_deref(), Some("plain text"));
        assert!(text(probe!(Err::<u8, _>(Silent))).is_none());
        let boxed: Box<dyn std::error::Error> = "boxed".into();
        assert_eq!(text(probe!(Err::<u8, _>(boxed))).as_deref(), Some("boxed"));
        let boxed: Box<dyn std::error::Error + Send + Sync> = "shared".into();
        assert_eq!(text(probe!(Err::<u8, _>(boxed))).as_deref(), Some("shared"));
        let timeout = std::io::Error::from(std::io::ErrorKind::TimedOut);
        let category = probe!(Err::<u8, _>(timeout)).failure.map(|failure| failure.category);
        assert_eq!(category, Some(ErrorCategory::Timeout));
    }

    #[test]
    fn boxed_errors_are_classified_whether_they_borrow_or_not() {
        use std::error::Error;
        use std::io::{self, ErrorKind};
        let errors = || -> Vec<(ErrorCategory, Box<dyn Error + Send + Sync>)> {
            vec![
                (ErrorCategory::Timeout, io::Error::from(ErrorKind::TimedOut).into()),
                (ErrorCategory::Network, io::Error::from(ErrorKind::ConnectionReset).into()),
                (ErrorCategory::Network, io::Error::from(ErrorKind::ConnectionRefused).into()),
                (ErrorCategory::Network, io::Error::from_raw_os_error(104).into()),
                (ErrorCategory::Other, io::Error::from_raw_os_error(13).into()),
                (ErrorCategory::Parsing, serde_json::from_str::<u8>("{").expect_err("broken").into()),
                (ErrorCategory::Parsing, serde_json::from_str::<u8>("\"a\"").expect_err("text").into()),
                (
                    ErrorCategory::RateLimit,
                    "HTTP status client error (429 Too Many Requests) for url (https://a.b/v1)".into(),
                ),
                (ErrorCategory::Network, Borrowing("connection refused").into()),
            ]
        };
        for (expected, error) in errors() {
            assert_eq!(
                Failing::of(&error).__jobmon_failure().__jobmon_else().category,
                expected,
                "by words: {error}"
            );
            assert_eq!(
                FailingOwned::of(&error).__jobmon_failure().__jobmon_else().category,
                expected,
                "by type: {error}"
            );
            let error: Box<dyn Error> = error;
            assert_eq!(
                Failing::of(&error).__jobmon_failure().__jobmon_else().category,
                expected,
                "by words: {error}"
            );
            assert_eq!(
                FailingOwned::of(&error).__jobmon_failure().__jobmon_else().category,
                expected,
                "by type: {error}"
            );
            assert_eq!(
                Failing::of(&&*error).__jobmon_failure().__jobmon_else().category,
                expected,
                "by words: {error}"
            );
        }
        let local = String::from("timed out");
        let error: Box<dyn Error + '_> = Box::new(Borrowing(&local));
        assert_eq!(Failing::of(&error).__jobmon_failure().__jobmon_else().category, ErrorCategory::Timeout);
    }

    #[test]
    fn reports_are_asked_for_the_type_of_their_root() {
        /// As `anyhow::Error` is.
        struct Report(Box<dyn std::error::Error + Send + Sync>);
        impl AsRef<dyn std::error::Error> for Report {
            fn as_ref(&self) -> &(dyn std::error::Error + 'static) {
                &*self.0
            }
        }
        impl AsRef<dyn std::error::Error + Send + Sync> for Report {
            fn as_ref(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
                &*self.0
            }
        }
        let report = Report(Failure::new(ErrorCategory::Budget).into());
        assert_eq!(Failing::of(&report).__jobmon_failure().__jobmon_else().category, ErrorCategory::Budget);
    }

    #[test]
    fn llm_errors_decide_for_themselves() {
        struct Mine;
        impl LlmError for Mine {
            fn category(&self) -> ErrorCategory {
                ErrorCategory::Quota
            }
        }
        let failure = probe!(Err::<u8, _>(Mine)).failure;
        assert_eq!(failure.as_ref().map(|failure| failure.category), Some(ErrorCategory::Quota));
        let name = failure.and_then(|failure| failure.type_name);
        assert!(name.is_some_and(|name| name.ends_with("Mine")), "{name:?}");
    }

    #[test]
    fn generic_code_sees_what_its_bounds_allow() {
        fn bounded<T: LlmResponse>(value: &T) -> Seen {
            match Output::of(value).__jobmon_split() {
                Ok(value) => succeeded(Answering::of(value).__jobmon_answer().__jobmon_read()),
                Err(error) => failed(Failing::of(error).__jobmon_failure().__jobmon_else()),
            }
        }
        fn unbounded<T, E: fmt::Display>(output: &Result<T, E>) -> Seen {
            match Output::of(output).__jobmon_split() {
                Ok(value) => succeeded(Answering::of(value).__jobmon_answer().__jobmon_read()),
                Err(error) => failed(Failing::of(error).__jobmon_failure().__jobmon_else()),
            }
        }
        assert_eq!(tokens(&bounded(&Usage::new(1, 1))), Some(2));
        assert_eq!(tokens(&unbounded::<_, u8>(&Ok(Usage::new(1, 1)))), None);
        assert!(unbounded::<u8, _>(&Err("why")).failure.is_some_and(|failure| failure.message.is_some()));
    }

    #[test]
    fn a_given_category_keeps_the_message() {
        let failure = categorised(&1, Failure::from_message("broken"), |_| ErrorCategory::Parsing);
        assert_eq!(failure.category, ErrorCategory::Parsing);
        assert!(failure.message.is_some());
    }
}
