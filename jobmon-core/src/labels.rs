//! [`Labels`]: brings predictions and truths of one process together.

use crate::event::{Label, Side};
use crate::id::CallId;
use crate::text::Text;
use std::collections::{HashMap, VecDeque};

/// The last predictions and truths, so that the other side of each is found. A history finds more: what was told long ago,
/// or by another process.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    last: HashMap<Place, Label>,
    /// In the order in which they came.
    order: VecDeque<Place>,
}

/// How many are remembered.
const MOST: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place(Side, Text, About);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Key(Text),
    Call(CallId),
}

/// Where a side of a label is found: by its key, and by its call.
fn places(label: &Label, side: Side) -> impl Iterator<Item = Place> {
    let key = label.key.clone().map(About::Key);
    key.into_iter()
        .chain(label.fact.call.map(About::Call))
        .map(move |about| Place(side, label.name.clone(), about))
}

impl Labels {
    /// Gives a label its counterpart, where that was told before, and remembers it.
    pub(crate) fn join(&mut self, label: &mut Label) {
        let own: Vec<_> = places(label, label.side).collect();
        let found = places(label, label.side.other()).find_map(|place| self.last.get(&place));
        if let Some(other) = found {
            label.join(other);
        }
        for place in own {
            if self.last.insert(place.clone(), label.clone()).is_none() {
                self.order.push_back(place);
            }
        }
        while self.order.len() > MOST {
            self.order.pop_front().and_then(|oldest| self.last.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Fact, Judged, Scope};
    use crate::time::Timestamp;

    fn label(side: Side, key: &str, value: bool) -> Label {
        let fact = Fact::new(Timestamp::from_nanos(0), None, Scope::default());
        let mut label = Label::new(fact, Text::literal("match"), side, value);
        label.key = (!key.is_empty()).then(|| Text::copied(key));
        label
    }

    #[test]
    fn the_later_side_knows_the_earlier_one() {
        let mut labels = Labels::default();
        let mut told = |side, key, value| {
            let mut label = label(side, key, value);
            labels.join(&mut label);
            label.judged()
        };
        assert_eq!(told(Side::Prediction, "a", true), None);
        assert_eq!(told(Side::Truth, "b", true), None);
        assert_eq!(told(Side::Truth, "a", false), Some(Judged::FalsePositive));
        assert_eq!(told(Side::Prediction, "b", false), Some(Judged::FalseNegative));
        // What is predicted again counts again, and the last prediction is the one that a truth is about.
        assert_eq!(told(Side::Prediction, "a", false), Some(Judged::TrueNegative));
        assert_eq!(told(Side::Truth, "a", false), Some(Judged::TrueNegative));
        // About nothing: nothing to find it by.
        assert_eq!(told(Side::Prediction, "", true), None);
        assert_eq!(told(Side::Truth, "", true), None);
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let mut labels = Labels::default();
        for n in 0..2 * MOST {
            labels.join(&mut label(Side::Prediction, &n.to_string(), true));
            labels.join(&mut label(Side::Prediction, "again", true));
        }
        assert!(labels.last.len() <= MOST && labels.order.len() == labels.last.len());
    }
}
