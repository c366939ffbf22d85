//! What an error and its sources are and say.

use super::{Failure, text};
use crate::adapter;
use crate::category::ErrorCategory;
use std::error::Error;
use std::fmt::{self, Write};
use std::io;
use std::time::Duration;

/// Errors deeper than this are not looked at; a chain that never ends would be a bug, not a hang.
const DEEPEST: usize = 32;
/// Bytes of messages that are looked at: an error may quote a whole document.
const LONGEST: usize = 8 * 1024;

pub(super) struct Found {
    pub(super) category: ErrorCategory,
    pub(super) http_status: Option<u16>,
    pub(super) retry_after: Option<Duration>,
    pub(super) text: String,
}

/// What the type of one error tells.
pub(crate) enum Told {
    /// This and nothing else, whatever the words.
    Surely(ErrorCategory),
    /// A status, which words may make more precise.
    #[cfg_attr(
        not(any(feature = "reqwest", feature = "rig")),
        expect(dead_code, reason = "no error of std has a status")
    )]
    Status(u16),
    /// This, unless a source or the words tell of a broken connection.
    Perhaps(ErrorCategory),
}

pub(super) fn examine(error: &(dyn Error + 'static)) -> Found {
    let mut words = Bounded(String::new());
    let (mut sure, mut status, mut perhaps, mut retry_after) = (None, None, None, None);
    let mut next = Some(error);
    for _ in 0..DEEPEST {
        let Some(error) = next else { break };
        if let Some(failure) = error.downcast_ref::<Failure>() {
            words.link(failure);
            return Found {
                category: failure.category,
                http_status: failure.http_status,
                retry_after: failure.retry_after,
                text: words.0,
            };
        }
        words.link(error);
        let known = adapter::known(error).unwrap_or_default();
        retry_after = retry_after.or(known.retry_after);
        match known.told.or_else(|| told(error)) {
            Some(Told::Surely(category)) => sure = sure.or(Some(category)),
            Some(Told::Status(code)) => status = status.or(Some(code)),
            Some(Told::Perhaps(category)) => perhaps = perhaps.or(Some(category)),
            None => {}
        }
        // The source of an `io::Error` is the source of what it carries, which would skip the carried error.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let carried = carried.map(|carried| carried as &(dyn Error + 'static));
        next = known.inside.or(carried).or_else(|| error.source());
    }

    let read = text::examine(&words.0);
    let category = match (status.and_then(ErrorCategory::from_http_status), sure, perhaps) {
        (Some(category), ..) => read.specific.unwrap_or(category),
        (None, Some(category), _) => category,
        (None, None, Some(category)) => match read.category() {
            broken @ (ErrorCategory::Network | ErrorCategory::Timeout) => broken,
            _ => category,
        },
        (None, None, None) => read.category(),
    };
    Found { category, http_status: status.or(read.http_status), retry_after, text: words.0 }
}

fn told(error: &(dyn Error + 'static)) -> Option<Told> {
    use ErrorCategory::{Cancelled, Parsing, Timeout};
    if let Some(error) = error.downcast_ref::<io::Error>() {
        // What it carries is asked next and knows more than the kind.
        let carried =
            error.get_ref().is_some_and(|carried| told(carried).is_some() || carried.is::<Failure>());
        return if carried { None } else { io_category(error.kind()).map(Told::Surely) };
    }
    if let Some(error) = error.downcast_ref::<serde_json::Error>() {
        // Broken off input is a broken connection only if reading failed; else it is a broken answer.
        return if error.is_io() {
            Some(Told::Perhaps(ErrorCategory::Network))
        } else {
            Some(Told::Surely(Parsing))
        };
    }
    if let Some(error) = error.downcast_ref::<std::sync::mpsc::RecvTimeoutError>() {
        return Some(Told::Surely(match error {
            std::sync::mpsc::RecvTimeoutError::Timeout => Timeout,
            std::sync::mpsc::RecvTimeoutError::Disconnected => Cancelled,
        }));
    }
    if error.is::<crate::retry::TimedOut>() {
        return Some(Told::Surely(Timeout));
    }
    if error.is::<crate::budget::BudgetExceeded>() {
        return Some(Told::Surely(ErrorCategory::Budget));
    }
    if error.is::<std::num::ParseIntError>()
        || error.is::<std::num::ParseFloatError>()
        || error.is::<std::num::TryFromIntError>()
        || error.is::<std::str::ParseBoolError>()
        || error.is::<std::str::Utf8Error>()
        || error.is::<std::string::FromUtf8Error>()
        || error.is::<std::char::ParseCharError>()
    {
        return Some(Told::Surely(Parsing));
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return reqwest_category(error);
    }
    None
}

/// The category of an [`io::Error`] without words; `None` when the kind says too little.
fn io_category(kind: io::ErrorKind) -> Option<ErrorCategory> {
    use io::ErrorKind as Kind;
    Some(match kind {
        // A socket whose read timeout passed says `WouldBlock` on Unix.
        Kind::TimedOut | Kind::WouldBlock => ErrorCategory::Timeout,
        Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::NotConnected
        | Kind::BrokenPipe
        | Kind::UnexpectedEof
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown
        | Kind::AddrInUse
        | Kind::AddrNotAvailable => ErrorCategory::Network,
        Kind::InvalidData => ErrorCategory::Parsing,
        // A file's, not a provider's: "Permission denied" must not pass for a wrong key.
        Kind::PermissionDenied
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::StorageFull
        | Kind::OutOfMemory => ErrorCategory::Other,
        _ => return None,
    })
}

#[cfg(feature = "reqwest")]
fn reqwest_category(error: &reqwest::Error) -> Option<Told> {
    if error.is_timeout() {
        Some(Told::Surely(ErrorCategory::Timeout))
    } else if let Some(status) = error.status() {
        Some(Told::Status(status.as_u16()))
    } else if error.is_builder() {
        Some(Told::Surely(ErrorCategory::InvalidRequest))
    } else if error.is_decode() {
        // A body that broke off is reported as one that could not be decoded.
        Some(Told::Perhaps(ErrorCategory::Parsing))
    } else if error.is_connect() || error.is_body() || error.is_request() {
        Some(Told::Perhaps(ErrorCategory::Network))
    } else {
        None
    }
}

/// The messages of a chain, outermost first, without those that the outer ones already quote.
struct Bounded(String);

impl Bounded {
    fn link(&mut self, error: &dyn Error) {
        let mut words = Bounded(String::new());
        // An error that fails to display itself, or is too long, counts as far as it came.
        let _ = write!(words, "{error}");
        if words.0.is_empty() || self.0.contains(&words.0) {
            return;
        }
        if !self.0.is_empty() {
            let _ = self.write_str(": ");
        }
        let _ = self.write_str(&words.0);
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LONGEST.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(text::head(text, room));
        Err(fmt::Error)
    }
}
