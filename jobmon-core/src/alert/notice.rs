//! [`Notice`]: what there is to say of an alert, and [`AlertState`]: where it stands.

use crate::dimension::Dimension;
use crate::measure::Quantity;
use crate::text::Text;
use crate::time::Timestamp;

/// What has become of one group of an alert.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Notice {
    /// The alert.
    pub alert: Text,
    /// What happened.
    pub kind: NoticeKind,
    /// The group: a value for each dimension that the alert looks at.
    pub group: Vec<(Dimension, Option<Text>)>,
    /// When it was found out.
    pub at: Timestamp,
    /// Since when the condition holds, or held.
    pub since: Timestamp,
    /// The condition.
    pub condition: Text,
    /// Each figure that it looked at, by how it is written.
    pub figures: Vec<(Text, Option<Quantity>)>,
    /// What it means, where the alert says so.
    pub summary: Option<Text>,
    /// Who is to be told; nobody in particular is everybody.
    pub channels: Vec<Text>,
    /// Whether nobody is told: it is silenced, or what is resolved was.
    pub silent: bool,
}

/// Where a group of an alert stands, so that it can be kept while nothing runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by who keeps it")]
pub struct AlertState {
    /// The alert.
    pub alert: Text,
    /// The group: a value for each dimension that the alert looks at.
    pub group: Vec<(Dimension, Option<Text>)>,
    /// Since when its condition holds.
    pub since: Timestamp,
    /// When there was something to say of it last; `None` while it has not held for long enough to fire.
    pub told: Option<Timestamp>,
    /// Whether somebody was told that it fires: nobody is while it is silenced.
    pub heard: bool,
}

crate::words::words! {
    /// What happened to a group of an alert.
    enum NoticeKind, "kind of notice" {
        Firing "firing" "The condition holds, and has held for long enough."
        Still "still" "It goes on firing, and it is time to say so once more."
        Resolved "resolved" "The condition holds no longer."
    }
}
