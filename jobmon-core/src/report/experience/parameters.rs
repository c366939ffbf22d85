//! Which parameters features are used with: the attributes of calls.

use super::steps::share;
use crate::event::{CallRecord, End};
use crate::measure::Quantity;
use crate::report::Section;
use crate::text::Text;
use crate::value::Value;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Values beyond which an attribute is no parameter, but an id or a text.
const MOST_VALUES: usize = 20;

#[derive(Default)]
pub(super) struct Parameters {
    /// By name of the call and of the attribute.
    found: BTreeMap<[Text; 2], BTreeMap<Text, Used>>,
    /// Those with too many values.
    many: BTreeSet<[Text; 2]>,
}

#[derive(Default)]
struct Used {
    calls: u64,
    ok: u64,
    sessions: HashSet<Text>,
}

impl Parameters {
    pub(super) fn add(&mut self, call: &CallRecord) {
        for (key, value) in &call.attributes {
            let parameter = [call.name.clone(), key.clone()];
            if matches!(value, Value::Float(_)) || self.many.contains(&parameter) {
                continue;
            }
            let known = self.found.entry(parameter.clone()).or_default();
            let used = known.entry(Text::from(value.to_string())).or_default();
            used.calls += 1;
            used.ok += u64::from(call.end == End::Ok);
            used.sessions.extend(call.scope.session.clone());
            if known.len() > MOST_VALUES {
                self.found.remove(&parameter);
                self.many.insert(parameter);
            }
        }
    }

    pub(super) fn section(self) -> Section {
        let groups = ["name", "parameter", "setting"];
        let columns = ["calls", "share", "sessions", "success_rate"];
        let mut section = Section::new("parameters", "Parameters that are used", groups, columns);
        for ([name, parameter], values) in self.found {
            let all = values.values().map(|used| used.calls).sum();
            let mut values: Vec<_> = values.into_iter().collect();
            values
                .sort_by(|(one, a), (other, b)| Reverse(a.calls).cmp(&Reverse(b.calls)).then(one.cmp(other)));
            for (value, used) in values {
                let group = [name.clone(), parameter.clone(), value].map(Some).to_vec();
                let figures = vec![
                    Some(Quantity::Count(used.calls)),
                    share(used.calls, all),
                    Some(Quantity::Count(used.sessions.len() as u64)),
                    share(used.ok, used.calls),
                ];
                section.push(group, figures);
            }
        }
        if !self.many.is_empty() {
            let names: Vec<_> = self.many.iter().map(|[name, key]| format!("{key} of {name}")).collect();
            let names = names.join(", ");
            section.note = Some(format!("with more than {MOST_VALUES} values: {names}"));
        }
        section
    }
}
