//! What is counted and measured of calls for backends that keep numbers: one catalogue of instruments, and one place that
//! adds events up. Sampling leaves none of it out.

mod catalogue;
mod labels;
mod record;
mod series;

pub(crate) use catalogue::{ALL, Instrument, Kind};
pub(crate) use labels::Label;
use labels::Labels;
#[cfg(feature = "prometheus")]
pub(crate) use series::Measured;
pub(crate) use series::{Exemplar, MOST, Point, Series, Value};
