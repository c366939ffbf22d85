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
