//! Progress of what takes long, on standard error and only where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Bytes of a file that are read.
pub(crate) fn bytes(name: &str, total: u64) -> ProgressBar {
    styled(ProgressBar::new(total), name, "{msg} {bar:32} {bytes} of {total_bytes}, {eta} left")
}

/// Things that are counted.
pub(crate) fn counted(what: &'static str) -> ProgressBar {
    styled(ProgressBar::new_spinner(), what, "{spinner} {msg}: {human_pos}, {elapsed}")
}

/// Something of which only the time is known.
pub(crate) fn waited(what: &'static str) -> ProgressBar {
    let bar = styled(ProgressBar::new_spinner(), what, "{spinner} {msg}, {elapsed}");
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn styled(bar: ProgressBar, message: &str, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(message.to_owned())
}
