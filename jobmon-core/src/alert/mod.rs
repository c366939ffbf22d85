//! Alerts: conditions over measures, looked at from time to time.

mod condition;
mod figure;
mod literal;
mod look;
mod memory;
mod notice;
mod parse;
mod recent;
mod replay;
mod rule;
mod watch;

pub use condition::{Comparator, Comparison, Condition, ConditionError, Function, Threshold};
pub use memory::AlertMemory;
pub use notice::{AlertState, Notice, NoticeKind};
pub use recent::Recent;
pub use replay::AlertReplay;
pub use rule::{Alert, AlertError, NoData};
pub use watch::AlertWatch;
