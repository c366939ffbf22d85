//! [`Channel`]: who is told of alerts.

use jobmon_core::{ExportError, Notice, Resource};
use std::fmt;

/// Somebody who is told when an alert fires, goes on firing, or is resolved.
///
/// Channels come with the features `webhook`, `slack` and `alertmanager`; this is for others:
///
/// ```
/// use jobmon_export::{Channel, Monitor};
/// use jobmon_core::{Alert, ExportError, Notice, Resource};
///
/// struct Pager;
///
/// impl Channel for Pager {
///     fn name(&self) -> &str {
///         "pager"
///     }
///     fn tell(&mut self, notice: &Notice, _from: &Resource) -> Result<(), ExportError> {
///         // page(&notice.alert, &notice.kind)
///         Ok(())
///     }
/// }
///
/// let guard = Monitor::builder()
///     .alert(Alert::new("High error rate", "error_rate > 5%").channels(["pager"]))
///     .channel(Pager)
///     .install_local()?;
/// # Ok::<(), jobmon_export::SetupError>(())
/// ```
pub trait Channel: Send {
    /// What alerts call it by.
    fn name(&self) -> &str;

    /// Tells of one notice. Called on a thread of jobmon's, one after another; must return within a bounded time. A panic is
    /// caught, and ends alerts, but nothing else.
    ///
    /// # Errors
    /// [`ExportError::Busy`]: the same notice is offered again, some times. [`ExportError::Refused`]: it is not.
    fn tell(&mut self, notice: &Notice, from: &Resource) -> Result<(), ExportError>;

    /// Hands on a report. By default, a channel takes none.
    ///
    /// # Errors
    /// As of [`tell`](Self::tell).
    fn report(&mut self, document: &Document) -> Result<(), ExportError> {
        let reason = format!("channel `{}` takes no reports, such as `{}`", self.name(), document.title);
        Err(ExportError::Refused { reason })
    }
}

/// A report for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by who makes reports")]
pub struct Document {
    /// What it is, in one line.
    pub title: String,
    /// All of it as plain text.
    pub text: String,
    /// All of it as one HTML file, for channels that show it.
    pub html: Option<String>,
}

impl fmt::Debug for dyn Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Channel").field(&self.name()).finish()
    }
}

impl<C: Channel + 'static> From<C> for Box<dyn Channel> {
    fn from(channel: C) -> Self {
        Box::new(channel)
    }
}
