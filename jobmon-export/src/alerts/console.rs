//! [`ConsoleChannel`]: a line on standard error.

use super::channel::{Channel, Document};
use super::message;
use jobmon_core::{ExportError, Notice, Resource};
use std::io::Write;

/// Writes each notice as a line on standard error: the channel where there is no other, and beside others.
///
/// ```
/// use jobmon_core::Alert;
/// use jobmon_export::{ConsoleChannel, Monitor};
///
/// let alert = Alert::new("High error rate", "error_rate > 5%").channels(["console"]);
/// let guard = Monitor::builder().alert(alert).channel(ConsoleChannel::default()).install_local()?;
/// # Ok::<(), jobmon_export::SetupError>(())
/// ```
#[derive(Debug)]
pub struct ConsoleChannel {
    name: String,
}

impl Default for ConsoleChannel {
    /// Its name is `console`.
    fn default() -> Self {
        Self { name: "console".to_owned() }
    }
}

impl ConsoleChannel {
    /// Another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl Channel for ConsoleChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn tell(&mut self, notice: &Notice, _: &Resource) -> Result<(), ExportError> {
        // A closed standard error must not harm the host.
        let _ = writeln!(std::io::stderr(), "jobmon: alert {}", message::line(notice));
        Ok(())
    }

    fn report(&mut self, document: &Document) -> Result<(), ExportError> {
        let _ = writeln!(std::io::stderr(), "{}", document.text);
        Ok(())
    }
}
