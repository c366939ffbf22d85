//! What jobmon has to say about itself.

use crate::lane::lock;
use std::collections::HashSet;
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// Distinct warnings remembered, so that "once" needs bounded memory.
const REMEMBERED: usize = 1_024;

type Sink = dyn Fn(&str) + Send + Sync;

/// Where warnings go; clones share the memory of what was said already.
pub struct Warnings {
    /// Asserted, so that futures that carry a monitor stay `UnwindSafe`.
    sink: AssertUnwindSafe<Arc<Sink>>,
    said: Arc<Mutex<HashSet<String>>>,
}

impl Clone for Warnings {
    fn clone(&self) -> Self {
        Self { sink: AssertUnwindSafe(Arc::clone(&self.sink)), said: Arc::clone(&self.said) }
    }
}

impl Warnings {
    /// Warnings that go to a function. It is called on any thread and must not block.
    pub fn to(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { sink: AssertUnwindSafe(Arc::new(sink)), said: Arc::default() }
    }

    pub(crate) fn say(&self, text: &str) {
        // The host's own code: should it panic, that is no reason to take a call or an exporter down.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.sink)(text)));
    }

    /// Says it unless something with the same key was said before.
    pub(crate) fn once(&self, key: &str, text: &str) {
        let mut said = lock(&self.said);
        if said.len() < REMEMBERED && said.insert(key.to_owned()) {
            drop(said);
            self.say(text);
        }
    }
}

impl Default for Warnings {
    /// One line each on standard error.
    fn default() -> Self {
        // A closed standard error must not harm the host: nothing can be done about it.
        Self::to(|text| drop(writeln!(std::io::stderr(), "jobmon: {text}")))
    }
}

impl fmt::Debug for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warnings").field("said", &lock(&self.said).len()).finish_non_exhaustive()
    }
}
