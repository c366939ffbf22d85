//! An AI job search, monitored: searches postings, scores them, writes applications, and reports what that cost
//! and brought. Where a budget is used up, it ends with what it has.
//!
//! ```text
//! cargo run --example job_search --features sqlite -- --budget '$0.01'
//! ```

mod agents;
mod budgets;
mod client;
mod exporters;
mod options;

use agents::{AgentError, Agents, Analysis};
use client::{Client, Target};
use example_provider::{Config, Provider};
use jobmon::report::Report;
use jobmon::{
    BudgetExceeded, CallId, Console, History, InContext, Monitor, Range, Sqlite, Timestamp, Usd, Verdict,
    instrument_llm,
};
use options::Options;
use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
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
        Ok((text, code)) => say(std::io::stdout(), &text, code),
        Err(error) => say(std::io::stderr(), &format!("job_search: {error}\n"), 1),
    }
}

fn say(mut out: impl Write, text: &str, code: u8) -> ExitCode {
    // A reader that has gone away needs no answer.
    let _ = out.write_all(text.as_bytes());
    ExitCode::from(code)
}

/// What it prints in the end, and its exit code.
async fn run(options: &Options) -> Result<(String, u8), Box<dyn Error>> {
    let began = Timestamp::now();
    let mut builder = Monitor::builder()
        .project_id("jobsearch-ai")
        .service_name("job-search")
        .environment("example")
        .capture_content(options.capture)
        .exporter(Console::stderr().with_lines(!options.quiet).with_summary(false))
        .exporter(Sqlite::open(&options.db)?);
    if let Some(budget) = options.budget() {
        builder = builder.budget(budget);
    }
    let guard = exporters::add(builder, options)?.install()?;

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
    let agents = Arc::new(Agents {
        client: Client::new(target, timeout)?,
        profile: data["profile"].clone(),
        max_tokens: options.max_tokens,
        brief: options.brief(),
        answers: AtomicU64::new(0),
    });
    let list = |key: &str| data[key].as_array().cloned().unwrap_or_default();
    let mut postings = list("postings");
    postings.truncate(options.postings);

    let session = format!("search-{}", began.nanos() / 1_000_000);
    let searches = list("searches");
    let searching = job_search(&agents, &searches, &postings);
    let searched = jobmon::session(session, jobmon::user(options.user.clone(), searching)).await;

    let budgets = budgets::to_text(&guard.budgets(), searched.as_ref().err());
    let could_do_nothing = searched.is_err() && agents.answers.load(Relaxed) == 0;
    exporters::stay(options);
    // Delivers what is queued; from here on the history is complete.
    let delivery = guard.shutdown();
    if let Some(provider) = provider {
        provider.shutdown().await;
    }
    let history = History::open(&options.db)?;
    let report = Report::of(&history, Range { since: began, until: Timestamp::MAX })?;
    let db = options.db.display();
    let text = format!(
        "{}\n{budgets}Delivery: {delivery}\nThe history is {db}. Ask it more:\n  \
         cargo run -p jobmon-cli -- report --db {db} --since 24h\n  \
         cargo run -p jobmon-cli -- query --db {db} --measures cost,p95_latency --by feature,model\n  \
         cargo run -p jobmon-cli -- quality --db {db}      (or errors, experience, insights)\n",
        report.to_text()
    );
    Ok((text, if could_do_nothing { 3 } else { 0 }))
}

/// The whole story: three searches, an analysis of what each found and then of the rest, applications for what
/// matches. Ends where a budget is used up.
#[instrument_llm(operation = invoke_workflow)]
async fn job_search(
    agents: &Arc<Agents>,
    searches: &[Value],
    postings: &[Value],
) -> Result<(), BudgetExceeded> {
    let mut seen = BTreeSet::new();
    for search in searches {
        let strategy = search["strategy"].as_str().unwrap_or_default().to_owned();
        let one = try_strategy(agents, search, postings, &mut seen);
        jobmon::strategy(strategy, one).await?;
    }
    // What no search has found: does it fit all the same?
    let rest = postings.iter().filter(|posting| !seen.contains(id(posting))).cloned().collect();
    jobmon::strategy("everything_else", apply_to_matches(agents, rest)).await.1
}

fn id(posting: &Value) -> &str {
    posting["id"].as_str().unwrap_or_default()
}

async fn try_strategy(
    agents: &Arc<Agents>,
    search: &Value,
    postings: &[Value],
    seen: &mut BTreeSet<String>,
) -> Result<(), BudgetExceeded> {
    let query = search["query"].as_str().unwrap_or_default();
    let found = match agents.search(postings, query).await {
        Ok(found) => found,
        Err(AgentError::Budget(exceeded)) => return Err(exceeded),
        // A search that fails is in the report; the others go on.
        Err(AgentError::Client(_)) => return Ok(()),
    };
    let is_new =
        |posting: &&Value| found.iter().any(|found| found == id(posting)) && !seen.contains(id(posting));
    let new: Vec<_> = postings.iter().filter(is_new).cloned().collect();
    seen.extend(new.iter().map(|posting| id(posting).to_owned()));
    let results = new.len() as u64;
    let (relevant, ended) = apply_to_matches(agents, new).await;
    jobmon::search(query.to_owned()).results(results).relevant(relevant);
    ended
}

/// Analyses postings, a few at once, and applies where they match. Returns how many did, and whether a budget ended it:
/// then it begins no more, and waits for those that are under way.
async fn apply_to_matches(agents: &Arc<Agents>, postings: Vec<Value>) -> (u64, Result<(), BudgetExceeded>) {
    let (mut matches, mut ended) = (0, Ok(()));
    let mut waiting = postings.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE && ended.is_ok() {
            let Some(posting) = waiting.next() else { break };
            let agents = Arc::clone(agents);
            // The adapter keeps calls in the task children of this one, in the same session and strategy.
            running.spawn(async move { consider(&agents, &posting).await }.in_current_context());
        }
        match running.join_next().await {
            Some(Ok(Ok(matched))) => matches += u64::from(matched),
            Some(Ok(Err(AgentError::Budget(exceeded)))) => ended = ended.and(Err(exceeded)),
            // Failed analyses are in the report.
            Some(_) => {}
            None => return (matches, ended),
        }
    }
}

/// Whether it was right to call a posting a match.
fn tell_truth(analysis: Option<CallId>, is_match: bool) {
    if let Some(call) = analysis {
        jobmon::truth("match", is_match).call(call);
    }
}

async fn consider(agents: &Agents, posting: &Value) -> Result<bool, AgentError> {
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
            tell_truth(call, true);
        }
        Some("irrelevant") => {
            jobmon::feedback(call, Verdict::Negative);
            tell_truth(call, false);
        }
        Some(other) => jobmon::outcome(call, other.to_owned(), None),
        None => {}
    }
    Ok(true)
}
