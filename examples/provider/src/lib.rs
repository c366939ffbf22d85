//! A small LLM provider for examples and tests: real HTTP on loopback, the wire formats of Gemini and OpenAI (chat
//! completions, responses, embeddings), whole and as streams, and faults from a fixed seed.
//!
//! It understands the prompts of the `job_search` example and answers them by simple rules, so that a run
//! without any account still shows what an agent's calls look like: tokens that follow from the actual texts,
//! cached prefixes, reasoning, refusals, rate limits with `Retry-After`, slow answers and broken JSON.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use example_provider::{Config, Provider};
//!
//! let provider = Provider::start(Config::default()).await?;
//! assert!(provider.base_url().starts_with("http://127.0.0.1:"));
//! // … point a client at `provider.base_url()` (Gemini) or `provider.openai_url()` …
//! for answer in provider.ledger() {
//!     println!("{} used {} tokens", answer.response_id, answer.input + answer.output);
//! }
//! provider.shutdown().await;
//! # Ok::<(), std::io::Error>(()) }).unwrap();
//! ```
//!
//! # What is reproducible
//!
//! Whether a request fails, and how, follows from the seed, what the prompt is about (which agent, which
//! posting) and how often that was asked before, never from the order in which concurrent requests arrive. So
//! two runs that ask the same questions see the same faults, the same answers and the same ids. Of several
//! requests that share a prefix, the one that arrives first finds no cache: *which* one that is may differ
//! between runs, the sums do not.

mod agents;
mod body;
mod embeddings;
mod faults;
mod gemini;
mod openai;
mod responses;
mod server;
mod tokens;
mod wire;

pub use faults::{Fault, Faults, Rates};
pub use tokens::count_tokens;

use server::Shared;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a [`Provider`] behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides which requests meet which fault, and the ids of answers.
    pub seed: u64,
    /// Which faults to inject.
    pub faults: Faults,
    /// The key that requests must carry; `None` takes any, and none.
    pub key: Option<String>,
    /// Whether answers take a little time, as a model does: some milliseconds, more for longer answers.
    /// Without it only [`Fault::Slow`] waits.
    pub latency: bool,
}

impl Config {
    /// The seed of [`Config::default`]: with it, thirty postings show every kind of fault.
    pub const SEED: u64 = 687;

    /// A provider that never fails and never waits.
    pub fn healthy() -> Self {
        Self { faults: Faults::Off, latency: false, ..Self::default() }
    }

    /// A provider whose every answer shows one fault.
    pub fn always(fault: Fault) -> Self {
        Self { faults: Faults::Always(fault), ..Self::healthy() }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { seed: Self::SEED, faults: Faults::Seeded(Rates::default()), key: None, latency: true }
    }
}

/// The provider; [`start`](Self::start) it.
#[derive(Debug)]
pub struct Provider;

impl Provider {
    /// Listens on a free port of loopback and serves in the background, until [`Handle::shutdown`] or until
    /// the handle is dropped.
    ///
    /// # Errors
    /// When no port of loopback can be bound.
    pub async fn start(config: Config) -> std::io::Result<Handle> {
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config));
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(server::accept(listener, Arc::clone(&shared), stopped));
        Ok(Handle { address, shared, stop, task })
    }
}

/// A running provider.
pub struct Handle {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Dropping the sender stops the server, so a dropped handle stops it too.
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Where Gemini's API is: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where OpenAI's API is: `http://127.0.0.1:PORT/v1`.
    pub fn openai_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every answer so far that reported its usage: what a bill would list, kept apart from any monitor.
    ///
    /// An answer whose usage nobody could read is not in it: its body or connection was broken
    /// ([`Fault::BrokenBody`], [`Fault::BrokenConnection`]), or it is a stream of chat completions that was not asked
    /// to tell. A stream of Gemini that broke off is in it with the usage that it had told until then.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.shared.ledger()
    }

    /// How often each fault was injected so far, in the order of [`Fault::ALL`].
    pub fn faults(&self) -> Vec<(Fault, u32)> {
        self.shared.faults()
    }

    /// Stops serving and waits until the port is closed. Answers on their way are cut off.
    pub async fn shutdown(self) {
        drop(self.stop);
        // The task ends by itself; that it was cancelled or panicked changes nothing for who wants it gone.
        let _ = self.task.await;
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("address", &self.address).finish_non_exhaustive()
    }
}

/// One answer that reported its usage.
///
/// Counts are those of OpenTelemetry: `input` includes `cached`, `output` includes `reasoning`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The id in the answer (`responseId` of Gemini, `id` of OpenAI); empty for embeddings, which have none.
    pub response_id: String,
    /// The model in the answer.
    pub model: String,
    /// All tokens of the prompt.
    pub input: u64,
    /// All tokens of the answer.
    pub output: u64,
    /// Tokens of the prompt that were in the cache.
    pub cached: u64,
    /// Tokens of the answer that were spent on reasoning.
    pub reasoning: u64,
}
