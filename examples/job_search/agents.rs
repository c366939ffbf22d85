//! The three agents. Each is one annotated function: that is all jobmon asks for. The key `budget` lets budgets stop
//! them: so their error can tell of one.

use crate::client::{self, Client, ClientError, Prompt};
use jobmon::{BudgetExceeded, CallId, ErrorCategory, LlmError, instrument_llm};
use serde_json::Value;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What every agent needs.
pub(crate) struct Agents {
    pub(crate) client: Client,
    pub(crate) profile: Value,
    pub(crate) max_tokens: u32,
    pub(crate) brief: bool,
    /// How many questions were answered so far.
    pub(crate) answers: AtomicU64,
}

/// What an analysis says of a posting, and the call that said it.
pub(crate) struct Analysis {
    pub(crate) score: f64,
    pub(crate) is_match: bool,
    pub(crate) call: Option<CallId>,
}

/// Why an agent did not do its work.
#[derive(Debug, LlmError)]
pub(crate) enum AgentError {
    /// There is no answer, or none to use.
    Client(#[llm(source)] ClientError),
    /// A budget stopped it before it asked.
    Budget(#[llm(source)] BudgetExceeded),
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => error.fmt(f),
            Self::Budget(exceeded) => exceeded.fmt(f),
        }
    }
}

impl From<ClientError> for AgentError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<BudgetExceeded> for AgentError {
    fn from(exceeded: BudgetExceeded) -> Self {
        Self::Budget(exceeded)
    }
}

impl Agents {
    /// The ids of postings that fit a query.
    #[instrument_llm(
        provider = self.client.target().provider(),
        api_url = self.client.target().base_url(),
        capture(input, output),
        model = self.client.target().model(),
        feature = "job_search",
        budget,
        fields(postings = postings.len()),
    )]
    pub(crate) async fn search(&self, postings: &[Value], query: &str) -> Result<Vec<String>, AgentError> {
        let prompt = Prompt::search(postings, query);
        let ids = self.ask(&prompt, |answer| {
            let ids = client::json(answer)?;
            let ids =
                ids.as_array().ok_or_else(|| ClientError::BadJson("expected a list of ids".to_owned()))?;
            Ok(ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect())
        });
        Ok(ids.await?)
    }

    /// How well a posting fits the candidate.
    #[instrument_llm(
        provider = self.client.target().provider(),
        api_url = self.client.target().base_url(),
        capture(input, output),
        model = self.client.target().model(),
        feature = "job_analysis",
        budget,
        prompt(name = "match-job", version = if self.brief { "brief" } else { "full" }),
        cache_key = posting["id"],
        fields(job.id = %posting["id"].as_str().unwrap_or_default()),
    )]
    pub(crate) async fn analyze(&self, posting: &Value) -> Result<Analysis, AgentError> {
        let prompt = Prompt::analyze(&self.profile, posting, self.brief);
        let analysis = self.ask(&prompt, |answer| {
            let answer = client::json(answer)?;
            let score = answer["score"].as_f64();
            let score = score.ok_or_else(|| ClientError::BadJson("expected a score".to_owned()))?;
            let is_match = answer["verdict"].as_str().map_or(score >= 60.0, |verdict| verdict == "match");
            Ok(Analysis { score, is_match, call: jobmon::current().id() })
        });
        let analysis = analysis.await?;
        jobmon::score("match", analysis.score);
        jobmon::prediction("match", analysis.is_match);
        Ok(analysis)
    }

    /// A cover letter.
    #[instrument_llm(
        provider = self.client.target().provider(),
        api_url = self.client.target().base_url(),
        capture(input, output),
        model = self.client.target().model(),
        feature = "documents",
        budget,
        fields(job.id = %posting["id"].as_str().unwrap_or_default()),
    )]
    pub(crate) async fn write_documents(&self, posting: &Value) -> Result<String, AgentError> {
        let prompt = Prompt::write_documents(&self.profile, posting, self.brief);
        Ok(self.ask(&prompt, client::text).await?)
    }

    /// Asks until there is an answer that can be read, at most four times. Each attempt is recorded: what it cost,
    /// how long it took, why it failed.
    async fn ask<T>(
        &self,
        prompt: &Prompt,
        read: impl Fn(&Value) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut pause = Duration::from_millis(100);
        for _ in 1..4 {
            match self.ask_once(prompt, &read).await {
                Err(error) if self.is_worth_retrying(&error) => {
                    tokio::time::sleep(error.retry_after().unwrap_or(pause)).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
        self.ask_once(prompt, &read).await
    }

    async fn ask_once<T>(
        &self,
        prompt: &Prompt,
        read: impl Fn(&Value) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        jobmon::attempt(async {
            // Observed before it is read: an answer that turns out to be broken is paid for all the same.
            let answer = jobmon::observe(self.client.complete(prompt, self.max_tokens).await?);
            let read = read(&answer)?;
            self.answers.fetch_add(1, Relaxed);
            Ok(read)
        })
        .await
    }

    fn is_worth_retrying(&self, error: &ClientError) -> bool {
        match error.category() {
            // A tiny model that broke off its JSON at the limit will do so again.
            ErrorCategory::Parsing => !self.brief,
            ErrorCategory::RateLimit
            | ErrorCategory::Server
            | ErrorCategory::Network
            | ErrorCategory::Timeout => true,
            _ => false,
        }
    }
}
