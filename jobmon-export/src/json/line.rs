//! The way back: a line of the `jsonl` exporter as the event that it was.

use super::read::{self, owned};
use jobmon_core::{
    CallId, CallRecord, Event, Fact, Feedback, Label, Late, Outcome, Prompt, Resource, Scope, Score, Search,
    Side, Subject, Text, Timestamp, Usd,
};
use serde_json::Value;
use std::str::FromStr;
use std::time::Duration;

const TYPES: &str = "call, score, feedback, outcome, search, prediction, truth, late";

/// An event of a line of the `jsonl` exporter, and who produced it: what [`event_to_json`](crate::event_to_json) wrote. Keys that
/// are not known are left out.
///
/// ```
/// use jobmon_core::{Event, Fact, Outcome, Resource, Scope, Timestamp};
/// use jobmon_export::{event_from_json, event_to_json};
///
/// let fact = Fact::new(Timestamp::from_nanos(0), None, Scope::default());
/// let event = Event::Outcome(Outcome::new(fact, "application".into(), None));
/// let line = event_to_json(&Resource::default(), &event);
/// assert_eq!(event_from_json(&line), Ok((Resource::default(), event)));
/// assert_eq!(
///     event_from_json(&serde_json::json!({"type": "call"})).unwrap_err(),
///     "a `call` needs `id`: two ids in hex, joined by `-`"
/// );
/// ```
///
/// # Errors
/// Says which key is missing or wrong, and what is accepted.
pub fn event_from_json(line: &Value) -> Result<(Resource, Event), String> {
    let Some(kind) = line["type"].as_str() else {
        return Err(format!("an event needs a `type`, one of: {TYPES}"));
    };
    let line = Line { kind, line };
    let event = match kind {
        "call" => Event::Call(Box::new(line.call()?)),
        "score" => {
            Event::Score(Score::new(line.fact()?, line.text("name")?, line.number("value", Value::as_f64)?))
        }
        "feedback" => {
            Event::Feedback(Feedback::new(line.fact()?, line.word("verdict", "`positive` or `negative`")?))
        }
        "outcome" => {
            let value = line.line["value_nanodollars"].as_i64().map(Usd::from_nanos);
            Event::Outcome(Outcome::new(line.fact()?, line.text("kind")?, value))
        }
        "search" => {
            let mut search = Search::new(line.fact()?, line.text("query")?);
            search.results = line.number("results", Value::as_u64)?;
            search.relevant = line.line["relevant"].as_u64();
            Event::Search(search)
        }
        "prediction" | "truth" => Event::Label(line.label()?),
        "late" => {
            let mut late = Late::new(line.fact()?);
            read::late(&mut late, line.line);
            Event::Late(Box::new(late))
        }
        other => return Err(format!("unknown type of event `{other}`; expected any of: {TYPES}")),
    };
    let mut resource = Resource::default();
    resource.project_id = owned(&line.line["project"]);
    resource.service_name = owned(&line.line["service"]);
    resource.environment = owned(&line.line["environment"]);
    Ok((resource, event))
}

struct Line<'l> {
    kind: &'l str,
    line: &'l Value,
}

impl Line<'_> {
    fn needs(&self, key: &str, what: &str) -> String {
        format!("a `{}` needs `{key}`: {what}", self.kind)
    }

    fn text(&self, key: &str) -> Result<Text, String> {
        owned(&self.line[key]).ok_or_else(|| self.needs(key, "a text"))
    }

    fn number<N>(&self, key: &str, read: fn(&Value) -> Option<N>) -> Result<N, String> {
        read(&self.line[key]).ok_or_else(|| self.needs(key, "a number"))
    }

    fn word<W: FromStr>(&self, key: &str, what: &str) -> Result<W, String> {
        let word = self.line[key].as_str().and_then(|word| word.parse().ok());
        word.ok_or_else(|| self.needs(key, what))
    }

    fn moment(&self, key: &str) -> Result<Timestamp, String> {
        let nanos = self.line[key].as_i64();
        nanos.map(Timestamp::from_nanos).ok_or_else(|| self.needs(key, "nanoseconds since 1970"))
    }

    fn scope(&self) -> Scope {
        let mut scope = Scope::default();
        scope.session = owned(&self.line["session"]);
        scope.user = owned(&self.line["user"]);
        scope.feature = owned(&self.line["feature"]);
        scope.strategy = owned(&self.line["strategy"]);
        scope
    }

    fn prompt(&self) -> Option<Prompt> {
        let name = owned(&self.line["prompt"])?;
        Some(Prompt::new(name, owned(&self.line["prompt_version"])))
    }

    fn fact(&self) -> Result<Fact, String> {
        let call = match &self.line["call"] {
            Value::Null => None,
            _ => Some(self.word("call", CALL_ID)?),
        };
        let mut fact = Fact::new(self.moment("at_unix_nanos")?, call, self.scope());
        if let (Some(name), Some(operation)) =
            (owned(&self.line["call_name"]), self.line["operation"].as_str())
        {
            let operation = operation.parse().map_err(|error: jobmon_core::UnknownWord| error.to_string())?;
            let (provider, model) = (owned(&self.line["provider"]), owned(&self.line["model"]));
            let mut subject = Subject::new(name, operation, provider, model);
            subject.prompt = self.prompt();
            subject.cache_key = owned(&self.line["cache_key"]);
            fact.subject = Some(subject);
        }
        fact.redactions = read::redactions(&self.line["redactions"]);
        Ok(fact)
    }

    fn label(&self) -> Result<Label, String> {
        let side: Side = self.word("type", "`prediction` or `truth`")?;
        let value =
            self.number("value", Value::as_bool).map_err(|_| self.needs("value", "`true` or `false`"))?;
        let mut label = Label::new(self.fact()?, self.text("name")?, side, value);
        label.key = owned(&self.line["key"]);
        // What the other side says follows from how both are judged.
        label.counterpart = match self.line["judged"].as_str() {
            Some("true_positive" | "true_negative") => Some(value),
            Some("false_positive" | "false_negative") => Some(!value),
            _ => None,
        };
        Ok(label)
    }

    fn call(&self) -> Result<CallRecord, String> {
        let line = self.line;
        let id: CallId = self.word("id", CALL_ID)?;
        let operation = self.text("operation")?;
        let operation = operation.parse().map_err(|error: jobmon_core::UnknownWord| error.to_string())?;
        let mut call = CallRecord::new(id, self.text("name")?, operation, self.moment("start_unix_nanos")?);
        let nanos = |key: &str| line[key].as_u64().map(Duration::from_nanos);
        let span = |key: &str| line[key].as_str().and_then(|span| span.parse().ok());
        call.parent = span("parent_span_id");
        call.root = span("root_span_id").unwrap_or(id.span);
        if let Some((module, number)) = line["location"].as_str().and_then(|at| at.rsplit_once(':')) {
            call.location.module = Text::copied(module);
            call.location.line = number.parse().unwrap_or(0);
        }
        call.duration = nanos("duration_nanos");
        call.first_token = nanos("first_token_nanos");
        call.provider = owned(&line["provider"]);
        call.model = owned(&line["model"]);
        call.prompt = self.prompt();
        call.cache_key = owned(&line["cache_key"]);
        call.scope = self.scope();
        call.end = self.word("end", "`ok`, `error`, `cancelled`, `panicked` or `abandoned`")?;
        call.failure = line["error"].is_object().then(|| read::failure(&line["error"]));
        call.cost = line["cost"].is_object().then(|| read::cost(&line["cost"]));
        call.prices = owned(&line["prices"]);
        call.usage_missing = line["usage_missing"] == true;
        read::rest(&mut call, line);
        Ok(call)
    }
}

const CALL_ID: &str = "two ids in hex, joined by `-`";
