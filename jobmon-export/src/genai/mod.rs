//! How GenAI spans of others are read, whatever convention and version of it they follow.

mod names;
mod said;

#[cfg(feature = "ingest")]
pub(crate) use names::newest;
pub(crate) use names::{operation, provider};
pub(crate) use said::Said;
#[cfg(feature = "ingest")]
pub(crate) use said::is_content;
