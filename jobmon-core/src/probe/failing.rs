//! What an error tells about a failure.

use super::{chain, unharmed};
use crate::category::ErrorCategory;
use crate::failure::{Failure, LlmError};
use std::any::type_name;
use std::error::Error;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

// Two chains, since each link costs the compiler time in each annotated function: most errors are found in the first.
chain!(FailingOwned > Failing > FailingError > FailingElse);
chain!(
    FailingLlm
        > FailingReport
        > FailingBoxedSync
        > FailingBoxedSend
        > FailingBoxed
        > FailingShown
        > FailingSilently
);

/// A failure that the first chain told.
#[derive(Debug)]
pub struct KnownFailure(Failure);

impl KnownFailure {
    /// The failure.
    pub fn __jobmon_else(self) -> Failure {
        self.0
    }
}

impl<'a, E> FailingElse<'a, E> {
    /// Asks the second chain.
    pub fn __jobmon_failure(&self) -> FailingLlm<'a, E> {
        FailingLlm::of(self.value())
    }
}

/// The failure under its outermost type, which is the one a reader of the code knows.
///
/// Reading it asks code of the user's.
fn named<E>(read: impl FnOnce() -> Failure) -> Failure {
    let mut failure = unharmed(read).unwrap_or(Failure::new(ErrorCategory::Other));
    failure.type_name = Some(type_name::<E>());
    failure
}

/// What can be told of an error that may borrow.
fn borrowing<'e>(error: &(dyn Error + 'e)) -> Failure {
    Failure::from_llm_error(error, Some(&error.to_string()))
}

macro_rules! owned {
    ($($error:ty),* $(,)?) => {$(
        impl FailingOwned<'_, $error> {
            /// A box of an error that does not borrow, so that it can be asked for its type.
            pub fn __jobmon_failure(&self) -> KnownFailure {
                KnownFailure(named::<$error>(|| Failure::of(&**self.value())))
            }
        }
    )*};
}
owned!(
    Box<dyn Error>,
    Box<dyn Error + Send>,
    Box<dyn Error + Send + Sync>,
    Rc<dyn Error>,
    Arc<dyn Error>,
    Arc<dyn Error + Send>,
    Arc<dyn Error + Send + Sync>,
);

impl<E: LlmError + Display> Failing<'_, E> {
    /// An error that knows its category and can be shown.
    pub fn __jobmon_failure(&self) -> KnownFailure {
        let error = self.value();
        KnownFailure(named::<E>(|| Failure::from_llm_error(error, Some(&error.to_string()))))
    }
}

impl<E: LlmError> FailingLlm<'_, E> {
    /// An error that knows its category. Its `Debug` text may hold secrets and is not asked for.
    pub fn __jobmon_else(&self) -> Failure {
        named::<E>(|| Failure::from_llm_error(self.value(), None))
    }
}

impl<E: Error> FailingError<'_, E> {
    /// Any other error: its sources tell by their types, else its text does.
    ///
    /// The error itself may borrow, so it cannot be downcast; its sources never borrow.
    pub fn __jobmon_failure(&self) -> KnownFailure {
        KnownFailure(named::<E>(|| borrowing(self.value())))
    }
}

impl<E: AsRef<dyn Error + Send + Sync> + AsRef<dyn Error>> FailingReport<'_, E> {
    /// `anyhow::Error`, `eyre::Report`: no box is both.
    pub fn __jobmon_else(&self) -> Failure {
        let error: &(dyn Error + 'static) = self.value().as_ref();
        named::<E>(|| Failure::of(error))
    }
}

impl<'e, E: AsRef<dyn Error + Send + Sync + 'e>> FailingBoxedSync<'_, E> {
    /// A box of an error that is no [`LlmError`].
    pub fn __jobmon_else(&self) -> Failure {
        named::<E>(|| borrowing(self.value().as_ref()))
    }
}

impl<'e, E: AsRef<dyn Error + Send + 'e>> FailingBoxedSend<'_, E> {
    /// A box of an error that is no [`LlmError`].
    pub fn __jobmon_else(&self) -> Failure {
        named::<E>(|| borrowing(self.value().as_ref()))
    }
}

impl<'e, E: AsRef<dyn Error + 'e>> FailingBoxed<'_, E> {
    /// A box of an error that is no [`LlmError`].
    pub fn __jobmon_else(&self) -> Failure {
        named::<E>(|| borrowing(self.value().as_ref()))
    }
}

impl<E: Display> FailingShown<'_, E> {
    /// Text, or what can be shown as text.
    pub fn __jobmon_else(&self) -> Failure {
        named::<E>(|| Failure::from_message(&self.value().to_string()))
    }
}

impl<E> FailingSilently<'_, E> {
    /// Any other type tells only its name.
    pub fn __jobmon_else(&self) -> Failure {
        let _: &E = self.value();
        named::<E>(|| Failure::new(ErrorCategory::Other))
    }
}
