//! Events as rows, and rows as events.

use crate::json::read::cost_of;
use crate::json::{self, nanos};
use jobmon_core::{
    CallId, CallRecord, Cost, Event, Fact, Feedback, Label, Late, Outcome, Prompt, Resource, Scope, Score,
    Search, SpanId, Subject, Text, Timestamp, TraceId, Usage, Usd,
};
use rusqlite::{Row, Statement, named_params};
use std::time::Duration;

/// The empty text stands for "none".
fn or_empty(text: Option<&Text>) -> &str {
    text.map_or("", Text::as_str)
}

fn or_none(text: String) -> Option<Text> {
    (!text.is_empty()).then(|| Text::from(text))
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

pub(super) const SELECT_CALLS: &str =
    "SELECT * FROM calls WHERE start >= ?1 AND start < ?2 ORDER BY start, rowid";

/// A call as it was, and who made it.
pub(super) fn call(row: &Row<'_>) -> rusqlite::Result<(Resource, CallRecord)> {
    let id = |column: &str| {
        Ok::<_, rusqlite::Error>(SpanId::from_bytes(row.get(column)?).unwrap_or_else(SpanId::random))
    };
    let operation: String = row.get("operation")?;
    let span = id("span_id")?;
    let trace = TraceId::from_bytes(row.get("trace_id")?).unwrap_or_else(TraceId::random);
    let mut call = CallRecord::new(
        CallId { trace, span },
        Text::from(row.get::<_, String>("name")?),
        operation.parse().unwrap_or(jobmon_core::Operation::InvokeAgent),
        Timestamp::from_nanos(row.get("start")?),
    );
    let time = |column: &str| Ok::<_, rusqlite::Error>(unsigned(row.get(column)?).map(Duration::from_nanos));
    call.parent = row.get::<_, Option<[u8; 8]>>("parent_span_id")?.and_then(SpanId::from_bytes);
    call.root = id("root_span_id")?;
    let location: String = row.get("location")?;
    if let Some((module, line)) = location.rsplit_once(':') {
        call.location.module = Text::copied(module);
        call.location.line = line.parse().unwrap_or(0);
    }
    call.duration = time("duration")?;
    call.first_token = time("first_token")?;
    call.provider = or_none(row.get("provider")?);
    call.model = or_none(row.get("model")?);
    call.prompt = prompt(row)?;
    call.cache_key = or_none(row.get("cache_key")?);
    call.scope = scope(row)?;
    call.end = row.get::<_, String>("ending")?.parse().unwrap_or(jobmon_core::End::Error);
    let failure: Option<String> = row.get("failure")?;
    call.failure =
        failure.and_then(|json| serde_json::from_str(&json).ok()).map(|json| json::read::failure(&json));
    let grade: String = row.get("cost_grade")?;
    let usd = row.get::<_, Option<i64>>("cost_nanodollars")?.map(Usd::from_nanos);
    call.cost = (!grade.is_empty()).then(|| cost_of(Some(&grade), usd));
    call.prices = or_none(row.get("prices")?);
    call.usage_missing = row.get("usage_missing")?;
    call.tokens_tracked = row.get("tokens_tracked")?;
    let rest: String = row.get("rest")?;
    json::read::rest(&mut call, &serde_json::from_str(&rest).unwrap_or_default());
    Ok((resource(row)?, call))
}

fn resource(row: &Row<'_>) -> rusqlite::Result<Resource> {
    let mut resource = Resource::default();
    resource.project_id = or_none(row.get("project")?);
    resource.service_name = or_none(row.get("service")?);
    resource.environment = or_none(row.get("environment")?);
    Ok(resource)
}

fn prompt(row: &Row<'_>) -> rusqlite::Result<Option<Prompt>> {
    let version = or_none(row.get("prompt_version")?);
    Ok(or_none(row.get("prompt")?).map(|name| Prompt::new(name, version)))
}

fn scope(row: &Row<'_>) -> rusqlite::Result<Scope> {
    let mut scope = Scope::default();
    scope.session = or_none(row.get("session")?);
    scope.user = or_none(row.get("user")?);
    scope.feature = or_none(row.get("feature")?);
    scope.strategy = or_none(row.get("strategy")?);
    Ok(scope)
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

pub(super) const SELECT_FACTS: &str = "SELECT * FROM facts WHERE at >= ?1 AND at < ?2 ORDER BY at, rowid";

pub(super) const SELECT_AT: &str = "SELECT * FROM facts WHERE at = ?1";

pub(super) const SELECT_UNVALUED: &str = "SELECT * FROM facts
    WHERE at >= ?1 AND at < ?2 AND kind = 'outcome' AND nanodollars IS NULL ORDER BY at, rowid";

/// A fact as it was, and who reported it; `None` for a kind that this version does not know.
pub(super) fn fact(row: &Row<'_>) -> rusqlite::Result<Option<(Resource, Event)>> {
    let span = row.get::<_, Option<[u8; 8]>>("call_span_id")?.and_then(SpanId::from_bytes);
    let trace = row.get::<_, Option<[u8; 16]>>("call_trace_id")?.and_then(TraceId::from_bytes);
    let call = trace.zip(span).map(|(trace, span)| CallId { trace, span });
    let mut fact = Fact::new(Timestamp::from_nanos(row.get("at")?), call, scope(row)?);
    let rest: Option<String> = row.get("rest")?;
    let rest: serde_json::Value = rest.and_then(|rest| serde_json::from_str(&rest).ok()).unwrap_or_default();
    fact.redactions = json::read::redactions(&rest["redactions"]);
    let operation: String = row.get("operation")?;
    if let Ok(operation) = operation.parse() {
        let name = Text::from(row.get::<_, String>("name")?);
        let mut subject =
            Subject::new(name, operation, or_none(row.get("provider")?), or_none(row.get("model")?));
        subject.prompt = prompt(row)?;
        subject.cache_key = or_none(row.get("cache_key")?);
        fact.subject = Some(subject);
    }
    let label = Text::from(row.get::<_, String>("label")?);
    let event = match row.get::<_, String>("kind")?.as_str() {
        "score" => Event::Score(Score::new(fact, label, row.get("number")?)),
        "feedback" => {
            let Ok(verdict) = label.parse() else { return Ok(None) };
            Event::Feedback(Feedback::new(fact, verdict))
        }
        "outcome" => {
            let value = row.get::<_, Option<i64>>("nanodollars")?.map(Usd::from_nanos);
            Event::Outcome(Outcome::new(fact, label, value))
        }
        "search" => {
            let mut search = Search::new(fact, label);
            search.results = unsigned(row.get("results")?).unwrap_or(0);
            search.relevant = unsigned(row.get("relevant")?);
            Event::Search(search)
        }
        side @ ("prediction" | "truth") => {
            let Ok(side) = side.parse() else { return Ok(None) };
            let mut told = Label::new(fact, label, side, row.get::<_, f64>("number")? > 0.5);
            told.key = or_none(row.get("key")?);
            told.counterpart = row.get("counterpart")?;
            Event::Label(told)
        }
        "late" => {
            let mut late = Late::new(fact);
            json::read::late(&mut late, &rest);
            Event::Late(Box::new(late))
        }
        _ => return Ok(None),
    };
    Ok(Some((resource(row)?, event)))
}
