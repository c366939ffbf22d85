//! Events as rows, and rows as events.

use crate::json::read::cost_of;
use crate::json::{self, nanos};
use jobmon_core::{
    CallId, CallRecord, Cost, Event, Fact, Feedback, Label, Late, Outcome, Prompt, Resource, Scope, Score,
    Search, SpanId, Subject, Text, Timestamp, TraceId, Usage, Usd,
};
use rusqlite::types::{FromSql, Type};
use rusqlite::{Row, Statement, named_params};
use std::time::Duration;

/// The empty text stands for "none".
fn or_empty(text: Option<&Text>) -> &str {
    text.map_or("", Text::as_str)
}

fn integer(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

fn unsigned(number: Option<i64>) -> Option<u64> {
    number.and_then(|number| u64::try_from(number).ok())
}

/// What is known of a cost; nothing of one without any price.
pub(super) fn priced(cost: Cost) -> Option<Usd> {
    (cost != Cost::Unpriced).then(|| cost.floor())
}

/// A table that was brought up to date may have its columns in another order than a new one.
pub(super) const INSERT_CALL: &str = "INSERT INTO calls (
    trace_id, span_id, parent_span_id, root_span_id, start, duration, first_token,
    project, service, environment, session, user, feature, strategy,
    operation, name, location, provider, model, prompt, prompt_version, cache_key, ending, category, failure,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
    cost_nanodollars, cost_grade, wasted_nanodollars, prices,
    attempts, usage_missing, tokens_tracked, rest)
    VALUES (
    :trace_id, :span_id, :parent_span_id, :root_span_id, :start, :duration, :first_token,
    :project, :service, :environment, :session, :user, :feature, :strategy,
    :operation, :name, :location, :provider, :model, :prompt, :prompt_version, :cache_key, :ending, :category, :failure,
    :input_tokens, :output_tokens, :cache_read_tokens, :cache_write_tokens, :reasoning_tokens,
    :cost_nanodollars, :cost_grade, :wasted_nanodollars, :prices,
    :attempts, :usage_missing, :tokens_tracked, :rest)";

pub(super) fn insert_call(
    into: &mut Statement<'_>,
    resource: &Resource,
    call: &CallRecord,
) -> rusqlite::Result<()> {
    let usage: Usage = call.usage().unwrap_or_default();
    into.execute(named_params! {
        ":trace_id": call.id.trace.to_bytes(),
        ":span_id": call.id.span.to_bytes(),
        ":parent_span_id": call.parent.map(SpanId::to_bytes),
        ":root_span_id": call.root.to_bytes(),
        ":start": call.start.nanos(),
        ":duration": call.duration.map(nanos),
        ":first_token": call.first_token.map(nanos),
        ":project": or_empty(resource.project_id.as_ref()),
        ":service": or_empty(resource.service_name.as_ref()),
        ":environment": or_empty(resource.environment.as_ref()),
        ":session": or_empty(call.scope.session.as_ref()),
        ":user": or_empty(call.scope.user.as_ref()),
        ":feature": or_empty(call.scope.feature.as_ref()),
        ":strategy": or_empty(call.scope.strategy.as_ref()),
        ":operation": call.operation.name(),
        ":name": call.name.as_str(),
        ":location": call.location.to_string(),
        ":provider": or_empty(call.provider.as_ref()),
        ":model": or_empty(call.model.as_ref()),
        ":prompt": or_empty(call.prompt.as_ref().map(|prompt| &prompt.name)),
        ":prompt_version": or_empty(call.prompt.as_ref().and_then(|prompt| prompt.version.as_ref())),
        ":cache_key": or_empty(call.cache_key.as_ref()),
        ":ending": call.end.name(),
        ":category": call.failure.as_ref().map_or("", |failure| failure.category.name()),
        ":failure": call.failure.as_ref().map(|failure| json::failure(failure).to_string()),
        ":input_tokens": integer(usage.input),
        ":output_tokens": integer(usage.output),
        ":cache_read_tokens": integer(usage.cache_read),
        ":cache_write_tokens": integer(usage.cache_write),
        ":reasoning_tokens": integer(usage.reasoning),
        ":cost_nanodollars": call.cost.and_then(priced).map(Usd::nanos),
        ":cost_grade": call.cost.map_or("", |cost| cost.grade()),
        ":wasted_nanodollars": call.wasted().nanos(),
        ":prices": or_empty(call.prices.as_ref()),
        ":attempts": integer(Some(call.attempt_count())),
        ":usage_missing": call.usage_missing,
        ":tokens_tracked": call.tokens_tracked,
        ":rest": rest(call),
    })?;
    Ok(())
}

/// The JSON column of a call.
pub(super) fn rest(call: &CallRecord) -> String {
    serde_json::Value::Object(json::rest(call)).to_string()
}

/// The JSON column of what came late.
pub(super) fn late_rest(late: &Late) -> String {
    let mut rest = json::late(late);
    json::put(&mut rest, "redactions", json::redactions(late.fact.redactions));
    serde_json::Value::Object(rest).to_string()
}

/// What calls and facts have in common, at the end of their columns.
macro_rules! common {
    () => {
        "prompt, prompt_version, session, user, feature, strategy, project, service, environment"
    };
}

/// Columns of a call in the order in which [`call`] reads them: a table that was brought up to date may have another.
macro_rules! call_columns {
    () => {
        concat!(
            "trace_id, span_id, parent_span_id, root_span_id, start, duration, first_token, operation, name, location, \
             provider, model, cache_key, ending, failure, cost_grade, cost_nanodollars, prices, usage_missing, \
             tokens_tracked, rest, ",
            common!()
        )
    };
}

/// Columns of a fact in the order in which [`fact`] reads them.
macro_rules! fact_columns {
    () => {
        concat!(
            "at, kind, label, number, nanodollars, results, relevant, call_trace_id, call_span_id, key, counterpart, \
             rest, operation, name, provider, model, cache_key, ",
            common!()
        )
    };
}

pub(super) const CALL: &str = call_columns!();
pub(super) const FACT: &str = fact_columns!();

pub(super) const SELECT_CALLS: &str =
    concat!("SELECT ", call_columns!(), " FROM calls WHERE start >= ?1 AND start < ?2 ORDER BY start, rowid");

/// Columns of a row, one after the other: looked for by their names, they take longer than all else.
struct Cells<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl<'r> Cells<'r> {
    const fn of(row: &'r Row<'r>) -> Self {
        Self { row, next: 0 }
    }

    fn get<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    fn str(&mut self) -> rusqlite::Result<&'r str> {
        self.next += 1;
        Ok(self.row.get_ref(self.next - 1)?.as_str()?)
    }

    fn text(&mut self) -> rusqlite::Result<Option<Text>> {
        Ok(Some(self.str()?).filter(|text| !text.is_empty()).map(Text::copied))
    }

    fn json(&mut self) -> rusqlite::Result<Option<serde_json::Value>> {
        self.next += 1;
        let text = self.row.get_ref(self.next - 1)?.as_str_or_null()?;
        Ok(text.and_then(|text| serde_json::from_str(text).ok()))
    }

    fn time(&mut self) -> rusqlite::Result<Option<Duration>> {
        Ok(unsigned(self.get()?).map(Duration::from_nanos))
    }

    fn prompt(&mut self) -> rusqlite::Result<Option<Prompt>> {
        let (name, version) = (self.text()?, self.text()?);
        Ok(name.map(|name| Prompt::new(name, version)))
    }

    fn scope(&mut self) -> rusqlite::Result<Scope> {
        let mut scope = Scope::default();
        scope.session = self.text()?;
        scope.user = self.text()?;
        scope.feature = self.text()?;
        scope.strategy = self.text()?;
        Ok(scope)
    }

    fn resource(&mut self) -> rusqlite::Result<Resource> {
        let mut resource = Resource::default();
        resource.project_id = self.text()?;
        resource.service_name = self.text()?;
        resource.environment = self.text()?;
        Ok(resource)
    }
}

/// A call as it was, and who made it: of a row that begins with the columns of [`CALL`].
pub(super) fn call(row: &Row<'_>) -> rusqlite::Result<(Resource, CallRecord)> {
    let mut cells = Cells::of(row);
    let trace = TraceId::from_bytes(cells.get()?).unwrap_or_else(TraceId::random);
    let span = SpanId::from_bytes(cells.get()?).unwrap_or_else(SpanId::random);
    let parent = cells.get::<Option<[u8; 8]>>()?.and_then(SpanId::from_bytes);
    let root = SpanId::from_bytes(cells.get()?).unwrap_or_else(SpanId::random);
    let start = Timestamp::from_nanos(cells.get()?);
    let (duration, first_token) = (cells.time()?, cells.time()?);
    let operation = cells.str()?.parse().unwrap_or(jobmon_core::Operation::InvokeAgent);
    let mut call = CallRecord::new(CallId { trace, span }, Text::copied(cells.str()?), operation, start);
    (call.parent, call.root, call.duration, call.first_token) = (parent, root, duration, first_token);
    if let Some((module, line)) = cells.str()?.rsplit_once(':') {
        call.location.module = Text::copied(module);
        call.location.line = line.parse().unwrap_or(0);
    }
    call.provider = cells.text()?;
    call.model = cells.text()?;
    call.cache_key = cells.text()?;
    call.end = cells.str()?.parse().unwrap_or(jobmon_core::End::Error);
    call.failure = cells.json()?.map(|json| json::read::failure(&json));
    let grade = cells.str()?;
    let usd = cells.get::<Option<i64>>()?.map(Usd::from_nanos);
    call.cost = (!grade.is_empty()).then(|| cost_of(Some(grade), usd));
    call.prices = cells.text()?;
    call.usage_missing = cells.get()?;
    call.tokens_tracked = cells.get()?;
    json::read::rest(&mut call, &cells.json()?.unwrap_or_default());
    call.prompt = cells.prompt()?;
    call.scope = cells.scope()?;
    Ok((cells.resource()?, call))
}

pub(super) const INSERT_FACT: &str = "INSERT INTO facts (
    at, kind, label, number, nanodollars, results, relevant, call_trace_id, call_span_id,
    project, service, environment, session, user, feature, strategy,
    operation, name, provider, model, prompt, prompt_version, cache_key, key, counterpart, rest)
    VALUES (
    :at, :kind, :label, :number, :nanodollars, :results, :relevant, :call_trace_id, :call_span_id,
    :project, :service, :environment, :session, :user, :feature, :strategy,
    :operation, :name, :provider, :model, :prompt, :prompt_version, :cache_key, :key, :counterpart, :rest)";

pub(super) fn insert_fact(
    into: &mut Statement<'_>,
    resource: &Resource,
    event: &Event,
) -> rusqlite::Result<()> {
    let Some(fact) = event.fact() else { return Ok(()) };
    let (kind, label) = match event {
        Event::Score(score) => ("score", score.name.as_str()),
        Event::Feedback(feedback) => ("feedback", feedback.verdict.name()),
        Event::Outcome(outcome) => ("outcome", outcome.kind.as_str()),
        Event::Search(search) => ("search", search.query.as_str()),
        Event::Label(label) => (label.side.name(), label.name.as_str()),
        Event::Late(_) => ("late", ""),
        _ => return Ok(()),
    };
    let label_of = if let Event::Label(label) = event { Some(label) } else { None };
    let number = match event {
        Event::Score(score) => Some(score.value),
        Event::Label(label) => Some(f64::from(u8::from(label.value))),
        _ => None,
    };
    let money = match event {
        Event::Outcome(outcome) => outcome.value,
        Event::Late(late) => late.cost().and_then(priced),
        _ => None,
    };
    let rest = match event {
        Event::Late(late) => Some(late_rest(late)),
        _ => json::redactions(fact.redactions)
            .map(|found| serde_json::json!({"redactions": found}).to_string()),
    };
    let search = if let Event::Search(search) = event { Some(search) } else { None };
    let subject = fact.subject.as_ref();
    into.execute(named_params! {
        ":at": fact.at.nanos(),
        ":kind": kind,
        ":label": label,
        ":number": number,
        ":nanodollars": money.map(Usd::nanos),
        ":results": integer(search.map(|search| search.results)),
        ":relevant": integer(search.and_then(|search| search.relevant)),
        ":call_trace_id": fact.call.map(|call| call.trace.to_bytes()),
        ":call_span_id": fact.call.map(|call| call.span.to_bytes()),
        ":project": or_empty(resource.project_id.as_ref()),
        ":service": or_empty(resource.service_name.as_ref()),
        ":environment": or_empty(resource.environment.as_ref()),
        ":session": or_empty(fact.scope.session.as_ref()),
        ":user": or_empty(fact.scope.user.as_ref()),
        ":feature": or_empty(fact.scope.feature.as_ref()),
        ":strategy": or_empty(fact.scope.strategy.as_ref()),
        ":operation": subject.map_or("", |subject| subject.operation.name()),
        ":name": or_empty(subject.map(|subject| &subject.name)),
        ":provider": or_empty(subject.and_then(|subject| subject.provider.as_ref())),
        ":model": or_empty(subject.and_then(|subject| subject.model.as_ref())),
        ":prompt": or_empty(subject.and_then(|subject| subject.prompt.as_ref()).map(|prompt| &prompt.name)),
        ":prompt_version": or_empty(
            subject.and_then(|subject| subject.prompt.as_ref()).and_then(|prompt| prompt.version.as_ref()),
        ),
        ":cache_key": or_empty(subject.and_then(|subject| subject.cache_key.as_ref())),
        ":key": or_empty(label_of.and_then(|label| label.key.as_ref())),
        ":counterpart": label_of.and_then(|label| label.counterpart),
        ":rest": rest,
    })?;
    Ok(())
}

pub(super) const SELECT_FACTS: &str =
    concat!("SELECT ", fact_columns!(), " FROM facts WHERE at >= ?1 AND at < ?2 ORDER BY at, rowid");

pub(super) const SELECT_AT: &str = concat!("SELECT ", fact_columns!(), " FROM facts WHERE at = ?1");

pub(super) const SELECT_UNVALUED: &str = concat!(
    "SELECT ",
    fact_columns!(),
    " FROM facts WHERE at >= ?1 AND at < ?2 AND kind = 'outcome' AND nanodollars IS NULL ORDER BY at, rowid"
);

/// A fact as it was, and who reported it; `None` for a kind that this version does not know. Of a row that begins with the
/// columns of [`FACT`].
pub(super) fn fact(row: &Row<'_>) -> rusqlite::Result<Option<(Resource, Event)>> {
    let mut cells = Cells::of(row);
    let at = Timestamp::from_nanos(cells.get()?);
    let (kind, label) = (cells.str()?, Text::copied(cells.str()?));
    let number: Option<f64> = cells.get()?;
    let value = cells.get::<Option<i64>>()?.map(Usd::from_nanos);
    let (results, relevant) = (unsigned(cells.get()?), unsigned(cells.get()?));
    let trace = cells.get::<Option<[u8; 16]>>()?.and_then(TraceId::from_bytes);
    let span = cells.get::<Option<[u8; 8]>>()?.and_then(SpanId::from_bytes);
    let call = trace.zip(span).map(|(trace, span)| CallId { trace, span });
    let (key, counterpart) = (cells.text()?, cells.get()?);
    let rest = cells.json()?.unwrap_or_default();
    let operation = cells.str()?.parse();
    let (name, provider, model, cache_key) = (cells.str()?, cells.text()?, cells.text()?, cells.text()?);
    let prompt = cells.prompt()?;
    let mut fact = Fact::new(at, call, cells.scope()?);
    let resource = cells.resource()?;
    fact.redactions = json::read::redactions(&rest["redactions"]);
    if let Ok(operation) = operation {
        let mut subject = Subject::new(Text::copied(name), operation, provider, model);
        (subject.prompt, subject.cache_key) = (prompt, cache_key);
        fact.subject = Some(subject);
    }
    let figure = || number.ok_or_else(|| rusqlite::Error::InvalidColumnType(3, "number".into(), Type::Null));
    let event = match kind {
        "score" => Event::Score(Score::new(fact, label, figure()?)),
        "feedback" => {
            let Ok(verdict) = label.parse() else { return Ok(None) };
            Event::Feedback(Feedback::new(fact, verdict))
        }
        "outcome" => Event::Outcome(Outcome::new(fact, label, value)),
        "search" => {
            let mut search = Search::new(fact, label);
            search.results = results.unwrap_or(0);
            search.relevant = relevant;
            Event::Search(search)
        }
        side @ ("prediction" | "truth") => {
            let Ok(side) = side.parse() else { return Ok(None) };
            let mut told = Label::new(fact, label, side, figure()? > 0.5);
            (told.key, told.counterpart) = (key, counterpart);
            Event::Label(told)
        }
        "late" => {
            let mut late = Late::new(fact);
            json::read::late(&mut late, &rest);
            Event::Late(Box::new(late))
        }
        _ => return Ok(None),
    };
    Ok(Some((resource, event)))
}
