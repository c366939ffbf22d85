//! What a success tells about usage.

use super::{chain, unharmed};
use crate::event::Message;
use crate::response::{Answer, LlmResponse};

/// A type whose usage can be read: an [`LlmResponse`], or an `Option`, `Result` or tuple that starts with one.
///
/// It need not be implemented: implement or derive [`LlmResponse`]. Apart from that so that the containers are no
/// responses themselves.
///
/// ```
/// use jobmon_core::{ReportsUsage, Usage};
///
/// let answer: Result<(Usage, &str), std::fmt::Error> = Ok((Usage::new(12, 3), "hi"));
/// assert_eq!(answer.reported().and_then(|answer| answer.usage), Some(Usage::new(12, 3)));
/// assert_eq!(None::<Usage>.reported(), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell jobmon how many tokens it used",
    label = "no token usage can be read from this type",
    note = "implement or derive `LlmResponse` for it",
    note = "or say how to read it: `usage = |out| Usage::new(out.prompt_tokens, out.completion_tokens)`",
    note = "or report the provider's answer inside the function with `jobmon::observe(&response)` and write `usage = manual`"
)]
pub trait ReportsUsage {
    /// What was read, where there is an answer.
    fn reported(&self) -> Option<Answer>;

    /// What the model said, where the answer tells it.
    fn said(&self) -> Vec<Message> {
        Vec::new()
    }
}

impl<T: LlmResponse> ReportsUsage for T {
    fn reported(&self) -> Option<Answer> {
        Some(self.answer())
    }
    fn said(&self) -> Vec<Message> {
        self.messages()
    }
}

impl<T: ReportsUsage> ReportsUsage for Option<T> {
    fn reported(&self) -> Option<Answer> {
        self.as_ref().and_then(T::reported)
    }
    fn said(&self) -> Vec<Message> {
        self.as_ref().map(T::said).unwrap_or_default()
    }
}

impl<T: ReportsUsage, E> ReportsUsage for Result<T, E> {
    fn reported(&self) -> Option<Answer> {
        self.as_ref().ok().and_then(T::reported)
    }
    fn said(&self) -> Vec<Message> {
        self.as_ref().map(T::said).unwrap_or_default()
    }
}

macro_rules! first_of {
    ($(($($rest:ident),*))*) => {
        $(impl<T: ReportsUsage, $($rest),*> ReportsUsage for (T, $($rest),*) {
            fn reported(&self) -> Option<Answer> {
                self.0.reported()
            }
            fn said(&self) -> Vec<Message> {
                self.0.said()
            }
        })*
    };
}
first_of!(()(A)(A, B)(A, B, C));

// Two chains, since each link costs the compiler time in each annotated function: most types tell in the first.
chain!(Answering > AnsweringElse);
chain!(AnsweringSecond > AnsweringThird > AnsweringFourth > AnsweringNothing);

impl<T: ReportsUsage> Answering<'_, T> {
    /// Reads the value itself, or the first of a tuple.
    pub fn __jobmon_answer(&self) -> Told {
        Told(unharmed(|| self.value().reported()).flatten())
    }
}

impl<'a, T> AnsweringElse<'a, T> {
    /// Asks the second chain.
    pub fn __jobmon_answer(&self) -> AnsweringSecond<'a, T> {
        AnsweringSecond::of(self.value())
    }
}

// For `usage = required` every link takes what is read automatically and names the type of it, so that the two agree
// about every type, in generic code too.
macro_rules! place {
    ($link:ident, ($($t:ident),*), $place:tt) => {
        impl<$($t),*> $link<'_, ($($t),*)>
        where
            T: ReportsUsage,
        {
            /// The answer.
            pub fn __jobmon_read(&self) -> Option<Answer> {
                unharmed(|| self.value().$place.reported()).flatten()
            }

            /// The answer, which is required of a type.
            pub fn __jobmon_required<R>(&self) -> Option<Answer> {
                self.__jobmon_read()
            }

            /// The answer, which is required of a type that cannot be written down.
            pub fn __jobmon_required_of<R>(&self, _value: &R) -> Option<Answer> {
                self.__jobmon_read()
            }
        }
    };
}
place!(AnsweringSecond, (A, T), 1);
place!(AnsweringSecond, (A, T, B), 1);
place!(AnsweringSecond, (A, T, B, C), 1);
place!(AnsweringThird, (A, B, T), 2);
place!(AnsweringThird, (A, B, T, C), 2);
place!(AnsweringFourth, (A, B, C, T), 3);

impl<T> AnsweringNothing<'_, T> {
    /// Any other type tells nothing.
    pub fn __jobmon_read(&self) -> Option<Answer> {
        let _: &T = self.value();
        None
    }

    /// Does not compile, and says why.
    pub fn __jobmon_required<R: ReportsUsage>(&self) -> Option<Answer> {
        None
    }

    /// Does not compile, and says why.
    pub fn __jobmon_required_of<R: ReportsUsage>(&self, _value: &R) -> Option<Answer> {
        None
    }
}

/// What was read from a type that tells usage.
#[derive(Debug)]
pub struct Told(Option<Answer>);

impl Told {
    /// The answer.
    pub fn __jobmon_read(self) -> Option<Answer> {
        self.0
    }

    /// The answer, which is required of a type.
    pub fn __jobmon_required<T>(self) -> Option<Answer> {
        self.0
    }

    /// The answer, which is required of a type that cannot be written down.
    pub fn __jobmon_required_of<T>(self, _value: &T) -> Option<Answer> {
        self.0
    }
}

/// For `usage = |out| ..`: what the user's function reads.
pub fn told<T, A: Into<Answer>>(value: &T, read: impl FnOnce(&T) -> A) -> Option<Answer> {
    unharmed(|| read(value).into())
}

/// For `usage = manual`: nothing is read, the body reports it.
pub const fn untold<T>(_value: &T) -> Option<Answer> {
    None
}
