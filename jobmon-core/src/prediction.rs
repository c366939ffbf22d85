//! [`prediction`] and [`truth`]: yes or no, and whether that was right.

use crate::event::{Event, Label, Side};
use crate::facts::tell;
use crate::id::CallId;
use crate::text::Text;

/// Records what was predicted when the returned value is dropped, at the end of the statement: a yes or no about the current
/// call, or about something of your own by its key. What turns out to be true is told by [`truth`], also days later
/// and from another process; then precision, recall and the false-positive rate are known.
///
/// ```
/// let job = "job-17";
/// jobmon_core::prediction("match", 87 > 70).key(job);
/// // A week later, when somebody has looked at it:
/// jobmon_core::truth("match", false).key(job);
/// ```
pub fn prediction(name: impl Into<Text>, value: bool) -> Labelled {
    Labelled::new(name.into(), Side::Prediction, value)
}

/// Records what turned out to be true when the returned value is dropped: of the last prediction of this name with the same
/// key, or of a call. See [`prediction`].
///
/// A truth told again counts again.
///
/// ```
/// # let id: jobmon_core::CallId = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331".parse()?;
/// jobmon_core::truth("match", true).call(id);
/// # Ok::<(), jobmon_core::ParseIdError>(())
/// ```
pub fn truth(name: impl Into<Text>, value: bool) -> Labelled {
    Labelled::new(name.into(), Side::Truth, value)
}

/// A prediction or truth about to be recorded, made by [`prediction`] and [`truth`].
#[derive(Debug)]
pub struct Labelled {
    name: Text,
    side: Side,
    value: bool,
    key: Option<Text>,
    call: Option<CallId>,
}

/// Bytes kept of a key.
const LONGEST_KEY: usize = 256;

impl Labelled {
    const fn new(name: Text, side: Side, value: bool) -> Self {
        Self { name, side, value, key: None, call: None }
    }

    /// What it is about, in your own terms, such as the id of a job. Of it at most 256 bytes are kept.
    #[expect(clippy::return_self_not_must_use, reason = "dropping it is what records it")]
    pub fn key(mut self, key: impl Into<Text>) -> Self {
        self.key = Some(key.into().limited(LONGEST_KEY));
        self
    }

    /// The call it is about; without it, the current one.
    #[expect(clippy::return_self_not_must_use, reason = "dropping it is what records it")]
    pub const fn call(mut self, call: CallId) -> Self {
        self.call = Some(call);
        self
    }
}

impl Drop for Labelled {
    fn drop(&mut self) {
        let (name, key) = (self.name.clone(), self.key.take());
        let (side, value) = (self.side, self.value);
        tell(self.call, |fact| Event::Label(Label { key, ..Label::new(fact, name, side, value) }));
    }
}
