//! Writes events of any time, described as JSON lines on standard input, into a history and JSON lines.
//!
//! ```text
//! synthetic HISTORY JSONL [CONFIG] < described.jsonl
//! ```
//!
//! They go the way of every event: through the pipeline, which prices them, to the exporters. A description has the
//! names of `docs/jsonl.md`, and in place of costs only what was used: `at` (nanoseconds), `name`, `operation`, `provider`,
//! `model`, `session`, `user`, `feature`, `strategy`, `call`, `duration_nanos`, `end`, `attempts` (each null or the category
//! it failed with), `http_status` and `message` of failed attempts, `answers` (`{"attempt", "model", "input", "output",
//! "cache_read"}`), `root`, `prompt`, `prompt_version`, `cache_key`, `attributes`, `prefix` (as in `request`), `text` (what the user said).

use jobmon::{
    Answer, Attempt, CallId, CallRecord, Content, Cost, End, ErrorCategory, Event, Fact, Failure, Feedback,
    Jsonl, Label, Late, Message, Monitor, Operation, Outcome, Prefix, PricedAnswer, Prompt, Request, Role,
    Scope, Score, Search, Sqlite, Subject, Text, Timestamp, Usage, Usd, testing,
};
use serde_json::Value;
use std::error::Error;
use std::io::BufRead;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(history), Some(lines)) = (arguments.next(), arguments.next()) else {
        return Err("usage: synthetic HISTORY JSONL [CONFIG] < described.jsonl".into());
    };
    let builder = Monitor::builder().queue_capacity(10_000_000).shutdown_timeout(Duration::from_secs(300));
    let builder = match arguments.next() {
        Some(config) => builder.config_file(config),
        None => builder.without_config(),
    };
    let guard = builder.exporter(Sqlite::open(history)?).exporter(Jsonl::open(lines)?).install_local()?;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let described: Value = serde_json::from_str(&line?)?;
        let event = event(&described).ok_or_else(|| format!("line {}: it describes no event", number + 1))?;
        testing::submit(event);
    }
    let delivery = guard.shutdown();
    if delivery.is_complete() { Ok(()) } else { Err(delivery.to_string().into()) }
}

fn text(of: &Value) -> Option<Text> {
    of.as_str().map(|text| Text::from(text.to_owned()))
}

fn event(of: &Value) -> Option<Event> {
    Some(match of["type"].as_str()? {
        "call" => Event::Call(Box::new(call(of)?)),
        "outcome" => {
            let value = of["value_nanodollars"].as_i64().map(Usd::from_nanos);
            Event::Outcome(Outcome::new(fact(of)?, text(&of["kind"])?, value))
        }
        "score" => Event::Score(Score::new(fact(of)?, text(&of["name"])?, of["value"].as_f64()?)),
        "feedback" => Event::Feedback(Feedback::new(fact(of)?, of["verdict"].as_str()?.parse().ok()?)),
        "search" => {
            let mut search = Search::new(fact(of)?, text(&of["query"])?);
            search.results = of["results"].as_u64()?;
            search.relevant = of["relevant"].as_u64();
            Event::Search(search)
        }
        side @ ("prediction" | "truth") => {
            let side = side.parse().ok()?;
            let mut label = Label::new(fact(of)?, text(&of["name"])?, side, of["value"].as_bool()?);
            label.key = text(&of["key"]);
            Event::Label(label)
        }
        "late" => {
            let mut late = Late::new(fact(of)?);
            late.fact.subject = Some(Subject::new(
                text(&of["call_name"])?,
                operation(of)?,
                text(&of["provider"]),
                text(&of["model"]),
            ));
            late.answer = Some(answer(&of["answer"])?);
            late.for_nothing = of["for_nothing"] == true;
            Event::Late(Box::new(late))
        }
        _ => return None,
    })
}

fn at(of: &Value) -> Option<Timestamp> {
    of["at"].as_i64().map(Timestamp::from_nanos)
}

fn operation(of: &Value) -> Option<Operation> {
    of["operation"].as_str()?.parse().ok()
}

fn scope(of: &Value) -> Scope {
    let mut scope = Scope::default();
    scope.session = text(&of["session"]);
    scope.user = text(&of["user"]);
    scope.feature = text(&of["feature"]);
    scope.strategy = text(&of["strategy"]);
    scope
}

fn id(of: &Value) -> Option<CallId> {
    of.as_str()?.parse().ok()
}

fn fact(of: &Value) -> Option<Fact> {
    Some(Fact::new(at(of)?, id(&of["call"]), scope(of)))
}

fn call(of: &Value) -> Option<CallRecord> {
    let mut call = CallRecord::new(id(&of["id"])?, text(&of["name"])?, operation(of)?, at(of)?);
    call.provider = text(&of["provider"]);
    call.model = text(&of["model"]);
    call.scope = scope(of);
    if let Some(root) = id(&of["root"]) {
        (call.root, call.parent) = (root.span, Some(root.span));
    }
    call.prompt = text(&of["prompt"]).map(|name| Prompt::new(name, text(&of["prompt_version"])));
    call.cache_key = text(&of["cache_key"]);
    if let Some(digest) = text(&of["prefix"]["digest"]) {
        let size = |key: &str| of["prefix"][key].as_u64();
        let mut request = Request::default();
        request.prefix = Some(Prefix::new(digest, size("bytes")?, size("of_bytes")?));
        call.request = Some(Box::new(request));
    }
    for (key, value) in of["attributes"].as_object().into_iter().flatten() {
        call.attributes.push((Text::copied(key), attribute(value)?));
    }
    if let Some(text) = text(&of["text"]) {
        let mut content = Content::default();
        content.input.push(Message::text(Role::User, text));
        call.content = Some(Box::new(content));
    }
    call.duration = of["duration_nanos"].as_u64().map(Duration::from_nanos);
    call.end = of["end"].as_str()?.parse().ok()?;
    call.answers = of["answers"].as_array().into_iter().flatten().map(answer).collect::<Option<_>>()?;
    let mut after = Duration::ZERO;
    for (number, failed) in (1..).zip(of["attempts"].as_array().into_iter().flatten()) {
        let failure = match failed.as_str() {
            Some(category) => Some(failure(category, of)?),
            None => None,
        };
        call.attempts.push(Attempt::new(number, after, Duration::from_millis(100), failure));
        after += Duration::from_millis(150);
    }
    if call.end == End::Error {
        call.failure = Some(failure(of["category"].as_str()?, of)?);
    }
    call.usage_missing = call.end == End::Ok && call.is_model_call() && call.answers.is_empty();
    Some(call)
}

fn attribute(of: &Value) -> Option<jobmon::Value> {
    Some(match of {
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_i64()?.into(),
        Value::String(text) => text.clone().into(),
        _ => return None,
    })
}

fn failure(category: &str, of: &Value) -> Option<Failure> {
    let mut failure = Failure::new(category.parse::<ErrorCategory>().ok()?);
    failure.message = text(&of["message"]);
    failure.http_status = of["http_status"].as_u64().and_then(|status| u16::try_from(status).ok());
    Some(failure)
}

fn answer(of: &Value) -> Option<PricedAnswer> {
    let usage = Usage::new(of["input"].as_u64()?, of["output"].as_u64()?);
    let mut answer = Answer::from(usage.with_cache_read(of["cache_read"].as_u64().unwrap_or(0)));
    answer.model = text(&of["model"]);
    Some(PricedAnswer::new(answer, u32::try_from(of["attempt"].as_u64()?).ok()?, Cost::Unpriced))
}
