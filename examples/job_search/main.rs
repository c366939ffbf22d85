//! An AI job search, monitored: searches postings, scores them, writes applications, and reports what that cost
//! and brought.
//!
//! ```text
//! cargo run --example job_search --features sqlite
//! ```

mod agents;
mod client;
mod options;

use agents::{Agents, Analysis};
use client::{Client, ClientError, Target};
use example_provider::{Config, Provider};
use jobmon::report::Report;
use jobmon::{
    Console, History, InContext, Monitor, MonitorBuilder, Range, Sqlite, Timestamp, Usd, Verdict,
    instrument_llm,
};
use options::Options;
use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Analyses under way at once.
const AT_ONCE: usize = 4;
/// What an interview is worth to the candidate; an example has to say something.
const INTERVIEW: Usd = Usd::from_dollars(20);

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return say(std::io::stdout(), options::USAGE, 0),
        Err(mistake) => return say(std::io::stderr(), &format!("{mistake}\n"), 2),
    };
    match run(&options).await {
        Ok(text) => say(std::io::stdout(), &text, 0),
        Err(error) => say(std::io::stderr(), &format!("job_search: {error}\n"), 1),
    }
}

fn say(mut out: impl Write, text: &str, code: u8) -> ExitCode {
    // A reader that has gone away needs no answer.
    let _ = out.write_all(text.as_bytes());
    ExitCode::from(code)
}

async fn run(options: &Options) -> Result<String, Box<dyn Error>> {
    let began = Timestamp::now();
    let builder = Monitor::builder()
        .project_id("jobsearch-ai")
        .service_name("job-search")
        .environment("example")
        .exporter(Console::stderr().with_lines(!options.quiet).with_summary(false))
        .exporter(Sqlite::open(&options.db)?);
    let guard = with_jsonl(builder, options)?.install()?;

    let (target, provider) = match options.outside() {
        Some(target) => (target, None),
        None => {
            let provider = Provider::start(Config::default()).await?;
            let model = options.model.clone().unwrap_or_else(|| "gemini-2.5-flash".to_owned());
            let (base_url, key) = (provider.base_url(), "example".to_owned());
            (Target::Gemini { base_url, key, model }, Some(provider))
        }
    };
    let timeout = Duration::from_secs(if provider.is_some() { 10 } else { 120 });
    let data: Value = serde_json::from_str(include_str!("postings.json"))?;
    let agents = Agents {
        client: Client::new(target, timeout)?,
        profile: data["profile"].clone(),
        max_tokens: options.max_tokens,
        brief: options.brief(),
    };
    let list = |key: &str| data[key].as_array().cloned().unwrap_or_default();
    let mut postings = list("postings");
    postings.truncate(options.postings);

    let session = format!("search-{}", began.nanos() / 1_000_000);
    let searches = list("searches");
    let searching = job_search(Arc::new(agents), &searches, &postings);
    jobmon::session(session, jobmon::user("candidate-1", searching)).await;

    // Delivers what is queued; from here on the history is complete.
    let delivery = guard.shutdown();
    if let Some(provider) = provider {
        provider.shutdown().await;
    }
    let history = History::open(&options.db)?;
    let report = Report::of(&history, Range { since: began, until: Timestamp::MAX })?;
    let db = options.db.display();
    Ok(format!(
        "{}\nDelivery: {delivery}\nThe history is {db}. Ask it more:\n  \
         cargo run -p jobmon-cli -- report --db {db} --since 24h\n  \
         cargo run -p jobmon-cli -- query --db {db} --measures cost,p95_latency --by feature,model\n",
        report.to_text()
    ))
}

#[cfg(feature = "jsonl")]
fn with_jsonl(builder: MonitorBuilder, options: &Options) -> std::io::Result<MonitorBuilder> {
    Ok(match &options.jsonl {
        Some(path) => builder.exporter(jobmon::Jsonl::open(path)?),
        None => builder,
    })
}

#[cfg(not(feature = "jsonl"))]
fn with_jsonl(builder: MonitorBuilder, options: &Options) -> Result<MonitorBuilder, String> {
    match &options.jsonl {
        Some(path) => Err(format!("--jsonl {} needs --features jsonl", path.display())),
        None => Ok(builder),
    }
}

/// The whole story: three searches, an analysis of what each found and then of the rest, applications for what
/// matches.
#[instrument_llm(operation = invoke_workflow)]
async fn job_search(agents: Arc<Agents>, searches: &[Value], postings: &[Value]) {
    let mut seen = BTreeSet::new();
    for search in searches {
        let strategy = search["strategy"].as_str().unwrap_or_default().to_owned();
        let one = try_strategy(&agents, search, postings, &mut seen);
        jobmon::strategy(strategy, one).await;
    }
    // What no search has found: does it fit all the same?
    let rest = postings.iter().filter(|posting| !seen.contains(id(posting))).cloned().collect();
    jobmon::strategy("everything_else", apply_to_matches(&agents, rest)).await;
}

fn id(posting: &Value) -> &str {
    posting["id"].as_str().unwrap_or_default()
}

async fn try_strategy(agents: &Arc<Agents>, search: &Value, postings: &[Value], seen: &mut BTreeSet<String>) {
    let query = search["query"].as_str().unwrap_or_default();
    // A search that fails is in the report; the others go on.
    let Ok(found) = agents.search(postings, query).await else { return };
    let is_new =
        |posting: &&Value| found.iter().any(|found| found == id(posting)) && !seen.contains(id(posting));
    let new: Vec<_> = postings.iter().filter(is_new).cloned().collect();
    seen.extend(new.iter().map(|posting| id(posting).to_owned()));
    let results = new.len() as u64;
    let relevant = apply_to_matches(agents, new).await;
    jobmon::search(query.to_owned()).results(results).relevant(relevant);
}

/// Analyses postings, a few at once, and applies where they match. Returns how many did.
async fn apply_to_matches(agents: &Arc<Agents>, postings: Vec<Value>) -> u64 {
    let mut matches = 0;
    let mut waiting = postings.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE {
            let Some(posting) = waiting.next() else { break };
            let agents = Arc::clone(agents);
            // The adapter keeps calls in the task children of this one, in the same session and strategy.
            running.spawn(async move { consider(&agents, &posting).await }.in_current_context());
        }
        match running.join_next().await {
            Some(Ok(Ok(matched))) => matches += u64::from(matched),
            // Failed analyses are in the report.
            Some(_) => {}
            None => return matches,
        }
    }
}

async fn consider(agents: &Agents, posting: &Value) -> Result<bool, ClientError> {
    let Analysis { is_match, call, .. } = agents.analyze(posting).await?;
    if !is_match {
        return Ok(false);
    }
    agents.write_documents(posting).await?;
    jobmon::outcome(call, "application", None);
    // What came of it is known days later, by the id of the analysis; here the data knows it already.
    match posting["outcome_truth"].as_str() {
        Some("interview") => {
            jobmon::outcome(call, "interview", INTERVIEW);
            jobmon::feedback(call, Verdict::Positive);
        }
        Some("irrelevant") => jobmon::feedback(call, Verdict::Negative),
        Some(other) => jobmon::outcome(call, other.to_owned(), None),
        None => {}
    }
    Ok(true)
}
