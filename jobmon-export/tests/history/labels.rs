//! Predictions and truths find each other, whoever tells them, and whenever.

use super::whole::full_call;
use super::{DAY, HOUR, batch, fact, write};
use jobmon_core::{Batch, Dimension, Event, Exporter, Label, Measure, Query, Resource, Side, Text};
use jobmon_export::{History, Sqlite};
use std::path::Path;
use std::sync::Arc;

const FIGURES: [&str; 5] =
    ["predictions", "true_positives", "false_positives", "true_negatives", "false_negatives"];

fn label(side: Side, at: i64, key: &str, value: bool) -> Label {
    let mut label = Label::new(fact(at), Text::from("match"), side, value);
    label.key = (!key.is_empty()).then(|| Text::copied(key));
    label
}

fn figures(path: &Path, by: Dimension, group: Option<&str>) -> Vec<String> {
    let history = History::open(path).unwrap();
    assert_eq!(history.check().unwrap(), []);
    let query = Query::new(FIGURES.map(|name| Measure::named(name).unwrap())).by([by]);
    let rows = query.run(&history).unwrap();
    let row = rows.iter().find(|row| row.group[0].as_deref() == group);
    row.map(|row| row.figures.iter().map(|figure| figure.unwrap().to_string()).collect()).unwrap_or_default()
}

#[test]
fn a_truth_counts_for_the_call_that_predicted_days_before_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let call = full_call();
    let mut of_call = label(Side::Prediction, DAY, "", false);
    of_call.fact.call = Some(call.id);
    let mut by_key = label(Side::Prediction, DAY, "job-1", true);
    by_key.fact.call = Some(call.id);
    by_key.name = Text::from("fit");
    write(&path, vec![Event::Call(Box::new(call.clone())), Event::Label(of_call), Event::Label(by_key)]);

    let mut truth = label(Side::Truth, DAY + 100 * HOUR, "", true);
    truth.fact.call = Some(call.id);
    let mut with_key = label(Side::Truth, DAY + 200 * HOUR, "job-1", false);
    with_key.name = Text::from("fit");
    write(&path, vec![Event::Label(truth), Event::Label(with_key)]);
    assert_eq!(figures(&path, Dimension::Model, Some("gemini-2.5-flash")), ["2", "0", "1", "0", "1"]);
    assert_eq!(figures(&path, Dimension::Feature, Some("job_analysis")), ["2", "0", "1", "0", "1"]);
    assert_eq!(figures(&path, Dimension::Label, Some("fit")), ["1", "0", "1", "0", "0"]);
}

#[test]
fn the_last_prediction_is_judged_and_one_that_comes_after_the_truth_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let told = |labels: Vec<Label>| write(&path, labels.into_iter().map(Event::Label).collect());
    told(vec![label(Side::Prediction, DAY, "a", true), label(Side::Prediction, DAY + HOUR, "a", false)]);
    told(vec![label(Side::Truth, DAY + 2 * HOUR, "a", false), label(Side::Truth, DAY, "b", true)]);
    // Nothing is known of this one, and this one is about nothing.
    told(vec![label(Side::Truth, DAY, "c", true), label(Side::Truth, DAY, "", true)]);
    told(vec![label(Side::Prediction, DAY + 3 * HOUR, "b", true), label(Side::Prediction, DAY, "", true)]);
    assert_eq!(figures(&path, Dimension::Label, Some("match")), ["4", "1", "0", "1", "0"]);
}

#[test]
fn projects_do_not_judge_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    write(&path, vec![Event::Label(label(Side::Prediction, DAY, "a", true))]);
    let mut resource = Resource::default();
    resource.project_id = Some(Text::from("another"));
    let events = batch(vec![Event::Label(label(Side::Truth, DAY, "a", true))]).events;
    let batch = Batch { resource: Arc::new(resource), events };
    Sqlite::open(&path).unwrap().export(&batch).unwrap();
    assert_eq!(figures(&path, Dimension::Label, Some("match")), ["1", "0", "0", "0", "0"]);
}
