//! What quality, errors, experience and insights say of small histories whose figures can be worked out by hand.
//! (`tests/e2e/simulation.py` compares all figures of a month.)

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon_core::report::{Only, Report};
use jobmon_core::{
    Answer, Attempt, Batch, CallId, CallRecord, Confidence, Cost, End, ErrorCategory, Event, Exporter, Fact,
    Failure, InsightKind, InsightOptions, Insights, Label, Operation, Outcome, Prefix, PricedAnswer, Prices,
    Prompt, Range, Request, Resource, Scope, Score, Search, Side, SpanId, Subject, Text, Timestamp, TraceId,
    Usage, Usd,
};
use jobmon_export::{History, Sqlite};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// 2026-10-20T00:00:00Z: the list has prices for batches by then.
const START: i64 = 1_792_454_400_000_000_000;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(START + nanos)
}

fn text(text: &str) -> Option<Text> {
    (!text.is_empty()).then(|| Text::copied(text))
}

/// A call to gpt-4o-mini that cost so many nanodollars.
fn call(nanos: i64, name: &str, cost: i64) -> CallRecord {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let mut call = CallRecord::new(id, Text::copied(name), Operation::Chat, at(nanos));
    call.provider = text("openai");
    call.model = text("gpt-4o-mini");
    call.duration = Some(Duration::from_secs(1));
    call.cost = Some(Cost::Known(Usd::from_nanos(cost)));
    call
}

fn fact(nanos: i64, session: &str) -> Fact {
    let mut scope = Scope::default();
    scope.session = text(session);
    Fact::new(at(nanos), None, scope)
}

/// A fact about a call.
fn about(call: &CallRecord, nanos: i64) -> Fact {
    let mut fact = Fact::new(at(nanos), Some(call.id), call.scope.clone());
    let mut subject =
        Subject::new(call.name.clone(), call.operation, call.provider.clone(), call.model.clone());
    subject.cache_key.clone_from(&call.cache_key);
    subject.prompt.clone_from(&call.prompt);
    fact.subject = Some(subject);
    fact
}

struct Kept {
    history: History,
    _folder: tempfile::TempDir,
}

fn kept(events: Vec<Event>) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobmon.db");
    let batch = Batch { resource: Arc::new(Resource::default()), events: Arc::new(events) };
    Sqlite::open(&path).unwrap().export(&batch).unwrap();
    Kept { history: History::open(&path).unwrap(), _folder: folder }
}

fn days(count: i64) -> Range {
    Range { since: at(0), until: at(count * DAY) }
}

fn rows(report: &Report, section: &str) -> Vec<Value> {
    report.to_json()["sections"][section].as_array().cloned().unwrap_or_default()
}

#[test]
fn searches_are_told_by_what_they_led_to_and_repeated_analyses_by_how_they_agree() {
    let mut events = Vec::new();
    let mut search = |nanos, session: &str, query: &str, results, relevant| {
        let mut search = Search::new(fact(nanos, session), Text::copied(query));
        (search.results, search.relevant) = (results, relevant);
        events.push(Event::Search(search));
    };
    search(1, "a", "rust", 10, Some(5));
    search(3, "a", "python", 40, Some(4));
    search(5, "b", "rust", 10, None);
    let value = Some(Usd::from_dollars(20));
    for (nanos, session) in [(2, "a"), (4, "a"), (6, "b"), (0, "b"), (7, "")] {
        events.push(Event::Outcome(Outcome::new(fact(nanos, session), Text::literal("application"), value)));
    }
    for (n, (key, score, predicted)) in [
        ("k", 80.0, true),
        ("k", 84.0, true),
        ("k", 85.0, false),
        ("l", 50.0, true),
        ("m", 20.0, false),
        ("m", 20.0, false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut analysis = call(i64::try_from(n).unwrap(), "analyze", 1);
        analysis.cache_key = text(key);
        events.push(Event::Score(Score::new(about(&analysis, 9), Text::literal("match"), score)));
        let label = Label::new(about(&analysis, 9), Text::literal("fits"), Side::Prediction, predicted);
        events.push(Event::Label(label));
        events.push(Event::Call(Box::new(analysis)));
    }
    let kept = kept(events);
    let report = Report::quality(&kept.history, days(1)).unwrap();
    let searches = rows(&report, "searches");
    assert_eq!(searches[0]["query"], "rust");
    assert_eq!((&searches[0]["outcomes"], &searches[0]["outcomes_per_search"]), (&json!(2), &json!(1.0)));
    assert_eq!((&searches[0]["results"], &searches[0]["relevance"]), (&json!(20), &json!(0.5)));
    assert_eq!((&searches[1]["query"], &searches[1]["relevance"]), (&json!("python"), &json!(0.1)));
    assert_eq!(searches[1]["outcome_value"], json!({"nanodollars": 20_000_000_000_i64}));
    assert!(report.to_text().contains("2 outcomes had no search before them in their session"));

    // Of k: mean 83, squares 9 + 1 + 4; of m: none. 5 results of 2 inputs leave 3 degrees of freedom.
    let consistency = rows(&report, "consistency");
    let scores = consistency.iter().find(|row| row["what"] == "match").unwrap();
    assert_eq!((&scores["inputs"], &scores["repeats"]), (&json!(2), &json!(5)));
    assert!((scores["score_deviation"].as_f64().unwrap() - (14.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(scores["largest_spread"], 5.0);
    // Of the pairs of k one of three agrees, of m the only one.
    let labels = consistency.iter().find(|row| row["what"] == "fits").unwrap();
    assert_eq!(labels["agreement"], 0.5);
    assert_eq!(rows(&report, "score_ranges").len(), 7, "20 to 90, by ten");

    let none =
        Report::quality(&Only::new(&kept.history, vec!["name=other".parse().unwrap()]), days(1)).unwrap();
    assert!(none.is_empty(), "{}", none.to_text());
}

#[test]
fn scores_that_drift_are_told_from_those_that_do_not() {
    let mut events = Vec::new();
    for day in 0..35 {
        for n in 0..5 {
            let analysis = call(day * DAY + n * HOUR, "analyze", 1);
            let drifting = if day < 28 { 70 } else { 60 } + n;
            for (name, value) in [("match", drifting), ("style", 50 + n)] {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let score =
                    Score::new(about(&analysis, day * DAY + n * HOUR), Text::literal(name), value as f64);
                events.push(Event::Score(score));
            }
        }
    }
    let report = Report::quality(&kept(events).history, days(35)).unwrap();
    let drift = rows(&report, "drift");
    let of = |name: &str| drift.iter().find(|row| row["score"] == name).unwrap();
    assert_eq!((&of("match")["scores_before"], &of("match")["scores"]), (&json!(140), &json!(35)));
    assert_eq!((&of("match")["mean_before"], &of("match")["mean_score"]), (&json!(72.0), &json!(62.0)));
    assert_eq!(of("match")["superiority"], 0.0, "none of now is above any of before");
    assert!(of("match")["p_value"].as_f64().unwrap() < 1e-10);
    assert_eq!(of("style")["superiority"], 0.5);
    assert!(of("style")["p_value"].as_f64().unwrap() > 0.99);
}

#[test]
fn failures_are_told_by_pattern_by_what_helped_and_by_whom_they_hurt() {
    let failure = |category, message: &str| {
        let mut failure = Failure::new(category);
        failure.message = text(message);
        failure
    };
    let mut events = Vec::new();
    // Forty sessions that go well, each with an application; thirty in which an analysis fails, ten of them with one.
    for session in 0..70_i64 {
        let name = format!("s{session}");
        let mut analysis = call(session * 60 * SECOND, "analyze", 7);
        analysis.scope.session = text(&name);
        analysis.scope.user = text(if session % 2 == 0 { "ann" } else { "ben" });
        if session >= 40 {
            analysis.end = End::Error;
            analysis.failure = Some(failure(ErrorCategory::Parsing, &format!("bad JSON at line {session}")));
            analysis.answers = vec![PricedAnswer::new(Answer::default(), 1, Cost::Known(Usd::from_nanos(7)))];
        } else if session < 10 {
            let refused = failure(ErrorCategory::RateLimit, "slow down (req_1)");
            let mut second = Attempt::new(2, Duration::ZERO, Duration::ZERO, None);
            second.backoff = Duration::from_secs(2);
            analysis.attempts = vec![Attempt::new(1, Duration::ZERO, Duration::ZERO, Some(refused)), second];
        }
        events.push(Event::Call(Box::new(analysis)));
        if session < 50 {
            let (kind, value) = (Text::literal("application"), Some(Usd::from_dollars(25)));
            events.push(Event::Outcome(Outcome::new(fact(DAY / 2, &name), kind, value)));
        }
    }
    let report = Report::errors(&kept(events).history, days(1)).unwrap();
    let patterns = rows(&report, "patterns");
    assert_eq!(patterns[0]["pattern"], "bad JSON at line #");
    assert_eq!((&patterns[0]["failures"], &patterns[0]["calls"]), (&json!(30), &json!(30)));
    assert_eq!((&patterns[1]["pattern"], &patterns[1]["failures"]), (&json!("slow down (#)"), &json!(10)));
    assert_eq!(patterns[0]["first"], at(40 * 60 * SECOND).to_string());
    assert_eq!(patterns[0]["change"], -1.0, "all in the first half of the day");
    let recovery = rows(&report, "recovery");
    assert_eq!((recovery.len(), &recovery[0]["recovery_rate"]), (1, &json!(1.0)));
    assert_eq!(recovery[0]["backoff_time"], 20.0);
    let impact = rows(&report, "impact");
    assert_eq!((&impact[0]["category"], &impact[0]["sessions"]), (&Value::Null, &json!(30)));
    assert_eq!((&impact[0]["users"], &impact[0]["wasted_cost"]), (&json!(2), &json!({"nanodollars": 210})));
    // 30 sessions × 40 / 40 applications, less the 10 that they had, at $25.
    assert_eq!(impact[0]["lost_outcomes"], 20.0);
    assert_eq!(impact[1]["lost_value"]["nanodollars"], 500_000_000_000_i64);
}

#[test]
fn experience_is_that_of_whole_sessions() {
    let mut events = Vec::new();
    for session in 0..4_i64 {
        for step in 0..=session {
            let mut search = call(session * DAY / 4 + step * 60 * SECOND, "search", 1);
            search.scope.session = Some(Text::from(format!("s{session}")));
            search.scope.feature = text("job_search");
            search.duration = Some(Duration::from_secs(u64::try_from(session * 10 + step + 1).unwrap()));
            search.attributes = vec![(Text::literal("remote"), (step == 0).into())];
            search.end = if step == 3 { End::Cancelled } else { End::Ok };
            let mut inside = call(search.start.nanos() - START + 1, "ask", 1);
            inside.scope = search.scope.clone();
            (inside.root, inside.parent) = (search.id.span, Some(search.id.span));
            inside.attributes = vec![(Text::literal("id"), (session * 10 + step).into())];
            events.extend([search, inside].map(|call| Event::Call(Box::new(call))));
        }
    }
    events.push(Event::Outcome(Outcome::new(fact(DAY - 1, "s2"), Text::literal("application"), None)));
    let report = Report::experience(&kept(events).history, days(1)).unwrap();
    let end_to_end = rows(&report, "end_to_end");
    assert_eq!((end_to_end.len(), &end_to_end[0]["calls"]), (1, &json!(10)), "calls inside are no steps");
    assert_eq!((&end_to_end[0]["p50_latency"], &end_to_end[0]["max_latency"]), (&json!(22.0), &json!(34.0)));
    let sessions = &rows(&report, "sessions")[0];
    assert_eq!((&sessions["sessions"], &sessions["steps_per_session"]), (&json!(4), &json!(2.5)));
    assert_eq!((&sessions["one_step_sessions"], &sessions["conversion_rate"]), (&json!(1), &json!(0.25)));
    assert_eq!((&sessions["abandoned_sessions"], &sessions["p95_session_time"]), (&json!(1), &json!(214.0)));
    let parameters = rows(&report, "parameters");
    let remote = parameters.iter().find(|row| row["setting"] == "true").unwrap();
    assert_eq!(
        (&remote["calls"], &remote["share"], &remote["success_rate"]),
        (&json!(4), &json!(0.4), &json!(1.0))
    );
}

/// A month with something to say of each kind.
fn wasteful() -> Vec<Event> {
    let mut events = Vec::new();
    let mut add = |call: CallRecord| events.push(Event::Call(Box::new(call)));
    for day in 0..30 {
        let day = day * DAY;
        // Three of the same each day, and one of its own: two are repeats.
        for n in 0..4 {
            let mut repeated = call(day + n * HOUR, "cached", 1_000);
            let key = if n < 3 { format!("day {day}") } else { format!("own {day}") };
            repeated.cache_key = Some(Text::from(key));
            add(repeated);
        }
        // Two at once each day that begin alike: 2,000 of 4,000 tokens, of which the second could have been read.
        for n in 0..2 {
            let mut prefixed = call(day + n * 60 * SECOND, "prefixed", 600_000);
            let mut request = Request::default();
            request.prefix = Some(Prefix::new(Text::literal("p"), 500, 1_000));
            prefixed.request = Some(Box::new(request));
            prefixed.answers = vec![PricedAnswer::new(
                Answer::from(Usage::new(4_000, 0)),
                1,
                Cost::Known(Usd::from_nanos(600_000)),
            )];
            add(prefixed);
        }
        // A burst of twenty, and one of nineteen.
        for n in 0..39 {
            let start = if n < 20 { n * SECOND } else { HOUR + n * SECOND };
            let mut burst = call(day + start, "burst", 150_000);
            burst.answers = vec![PricedAnswer::new(
                Answer::from(Usage::new(1_000, 0)),
                1,
                Cost::Known(Usd::from_nanos(150_000)),
            )];
            add(burst);
        }
        // Retried for nothing, twice for each.
        for n in 0..2 {
            let mut retried = call(day + n * HOUR, "retried", 300);
            retried.end = End::Error;
            let failed = |number| {
                let failure = Some(Failure::new(ErrorCategory::Parsing));
                Attempt::new(number, Duration::ZERO, Duration::ZERO, failure)
            };
            retried.attempts = vec![failed(1), failed(2), failed(3)];
            retried.answers = (1..=3)
                .map(|attempt| {
                    PricedAnswer::new(Answer::default(), attempt, Cost::Known(Usd::from_nanos(100)))
                })
                .collect();
            retried.failure = Some(Failure::new(ErrorCategory::Parsing));
            add(retried);
        }
    }
    events
}

fn insights(events: Vec<Event>) -> Insights {
    let options = InsightOptions::new(Prices::bundled());
    Insights::of(&kept(events).history, days(30), &options).unwrap()
}

#[test]
fn each_insight_is_what_would_have_been_saved() {
    let found = insights(wasteful());
    let of = |kind| found.found.iter().find(|insight| insight.kind == kind).unwrap();
    let saves = |kind| (of(kind).affected, of(kind).saving, of(kind).confidence);
    let known = |nanos| Cost::Known(Usd::from_nanos(nanos));
    assert_eq!(saves(InsightKind::Cache), (60, known(60_000), Confidence::High));
    // gpt-4o-mini: $0.15 for a million tokens of input, half of that from the cache.
    assert_eq!(saves(InsightKind::PrefixCache), (30, known(30 * 2_000 * 75), Confidence::High));
    // In a batch half of it.
    assert_eq!(saves(InsightKind::Batch), (600, known(600 * 75_000), Confidence::High));
    assert_eq!(saves(InsightKind::WastedRetries), (60, known(60 * 200), Confidence::High));
    assert_eq!(found.found.len(), 4, "{}", found.to_text());
    assert_eq!(of(InsightKind::Cache).month.usd, Usd::from_nanos(60_000));
    assert_eq!(found.found[0].kind, InsightKind::Batch, "what saves most is first");
    let json = found.to_json();
    assert_eq!(json["insights"][0]["saving"], json!({"nanodollars": 45_000_000, "grade": "known"}));
    assert!(found.to_text().contains("60 of 120 calls with a cache key repeat one"), "{}", found.to_text());
}

#[test]
fn a_few_days_are_not_enough() {
    let few = wasteful().into_iter().filter(|event| event.at() < at(6 * DAY)).collect();
    let found = insights(few);
    assert_eq!(found.found, []);
    // Of so few retries nobody knows how many recover.
    assert_eq!(found.not_enough.len(), 3, "{}", found.to_text());
}

#[test]
fn a_cheaper_model_and_a_shorter_prompt_are_told_only_where_they_are_as_good() {
    let mut events = Vec::new();
    for n in 0..400_i64 {
        let nanos = n * 30 * DAY / 400;
        let mut use_model = |name: &str, model: &str, score: i64, version: &str, input: u64, cost: i64| {
            let mut used = call(nanos, name, cost);
            used.model = text(model);
            used.prompt = text(version).map(|version| Prompt::new(Text::literal("fit"), Some(version)));
            let answer = Answer::from(Usage::new(input, 0));
            used.answers = vec![PricedAnswer::new(answer, 1, Cost::Known(Usd::from_nanos(cost)))];
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let score = Score::new(about(&used, nanos), Text::literal("match"), (score + n % 5) as f64);
            events.extend([Event::Call(Box::new(used)), Event::Score(score)]);
        };
        // gpt-4o costs $2.50 for a million tokens of input, gpt-4o-mini $0.15, gpt-4.1-nano $0.10.
        use_model("analyze", "gpt-4o", 80, "", 1_000, 2_500_000);
        use_model("analyze", "gpt-4o-mini", 80, "", 1_000, 150_000);
        use_model("analyze", "gpt-4.1-nano", 60, "", 1_000, 100_000);
        use_model("write", "gpt-4o", 70, "long", 2_000, 5_000_000);
        use_model("write", "gpt-4o", 70, "short", 1_000, 2_500_000);
        use_model("write", "gpt-4o", 50, "terse", 500, 1_250_000);
    }
    let found = insights(events);
    let told: Vec<_> = found
        .found
        .iter()
        .map(|insight| {
            let value = |at: usize| insight.subject[at].1.as_deref().unwrap_or_default().to_owned();
            let last = insight.subject.len() - 1;
            (insight.kind, value(last - 1), value(last), insight.affected, insight.saving)
        })
        .collect();
    let known = |nanos| Cost::Known(Usd::from_nanos(nanos));
    let openai = |model: &str| format!("openai {model}");
    assert_eq!(
        told,
        [
            (InsightKind::ShorterPrompt, "long".to_owned(), "short".to_owned(), 400, known(400 * 2_500_000)),
            (InsightKind::CheaperModel, openai("gpt-4o"), openai("gpt-4o-mini"), 400, known(400 * 2_350_000)),
        ]
    );
    let ruled_out: Vec<_> = found.ruled_out.iter().map(|one| one.kind).collect();
    // The nano model for either of the others, the terse prompt for either.
    let (model, prompt) = (InsightKind::CheaperModel, InsightKind::ShorterPrompt);
    assert_eq!(ruled_out, [model, model, prompt, prompt], "{}", found.to_text());
    assert!(
        found.ruled_out[0].reason.starts_with("score `match`: 62.00 against 82.00"),
        "{:?}",
        found.ruled_out
    );
}
