//! How histories keep where alerts stand.

#[cfg(feature = "clickhouse")]
use jobmon_core::Timestamp;
use jobmon_core::{AlertState, Dimension, NoticeKind, Resource, Text};
use serde_json::{Value, json};

/// The three columns that say whose alerts they are.
pub(crate) fn owner(resource: &Resource) -> [&str; 3] {
    let [project, service, environment] =
        [&resource.project_id, &resource.service_name, &resource.environment];
    [project, service, environment].map(|text| text.as_deref().unwrap_or_default())
}

/// The way back.
pub(crate) fn resource_of(columns: [&str; 3]) -> Resource {
    let [project, service, environment] = columns.map(|text| (!text.is_empty()).then(|| Text::copied(text)));
    let mut resource = Resource::default();
    (resource.project_id, resource.service_name, resource.environment) = (project, service, environment);
    resource
}

type Group = Vec<(Dimension, Option<Text>)>;

pub(crate) fn groups_to_json(group: &Group) -> String {
    let pair = |(dimension, value): &(Dimension, Option<Text>)| json!([dimension.name(), value.as_deref()]);
    Value::Array(group.iter().map(pair).collect()).to_string()
}

/// `None` where a later version wrote a dimension that this one does not know.
pub(crate) fn groups_from_json(json: &str) -> Option<Group> {
    let groups: Vec<(String, Option<String>)> = serde_json::from_str(json).unwrap_or_default();
    let pair = |(name, value): (String, Option<String>)| Some((name.parse().ok()?, value.map(Text::from)));
    groups.into_iter().map(pair).collect()
}

/// What fires now and did not before, and the other way.
pub(crate) fn changes<'s>(
    before: &'s [AlertState],
    after: &'s [AlertState],
) -> Vec<(&'s AlertState, NoticeKind)> {
    let fires = |states: &[AlertState], of: &AlertState| {
        states
            .iter()
            .any(|state| state.told.is_some() && (&state.alert, &state.group) == (&of.alert, &of.group))
    };
    let fired = |state: &&AlertState| state.told.is_some();
    let new = after.iter().filter(fired).filter(|state| !fires(before, state));
    let over = before.iter().filter(fired).filter(|state| !fires(after, state));
    new.map(|state| (state, NoticeKind::Firing))
        .chain(over.map(|state| (state, NoticeKind::Resolved)))
        .collect()
}

/// All of one who looks at them.
#[cfg(feature = "clickhouse")]
pub(crate) fn states_to_json(states: &[AlertState]) -> Value {
    let state = |state: &AlertState| {
        json!({
            "alert": state.alert.as_str(), "groups": groups_to_json(&state.group), "since": state.since.nanos(),
            "told": state.told.map(Timestamp::nanos), "heard": state.heard,
        })
    };
    states.iter().map(state).collect()
}

/// Without those that a later version wrote with what this one does not know.
#[cfg(feature = "clickhouse")]
pub(crate) fn states_from_json(states: &Value) -> Vec<AlertState> {
    let state = |state: &Value| {
        Some(AlertState {
            alert: Text::copied(state["alert"].as_str()?),
            group: groups_from_json(state["groups"].as_str()?)?,
            since: Timestamp::from_nanos(state["since"].as_i64()?),
            told: state["told"].as_i64().map(Timestamp::from_nanos),
            heard: state["heard"].as_bool()?,
        })
    };
    states.as_array().into_iter().flatten().filter_map(state).collect()
}
