//! The server: reads requests, lets faults happen, keeps the ledger.

use crate::faults::{Dice, Fault};
use crate::tokens::{PrefixCache, count_tokens, truncate};
use crate::wire::{End, Failure, Question, Reply, Tokens};
use crate::{Config, LedgerEntry, agents, gemini, openai};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The largest request that is read.
const MAX_BODY: usize = 1 << 20;

/// The context window that [`Fault::ContextLength`] speaks of.
const WINDOW: u64 = 128_000;

#[derive(Debug)]
pub(crate) struct Shared {
    config: Config,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How often each subject was asked about.
    asked: HashMap<String, u32>,
    cache: PrefixCache,
    ledger: Vec<LedgerEntry>,
    faults: BTreeMap<Fault, u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Gemini,
    OpenAi,
}

/// What goes back, and after how long.
struct Outcome {
    body: Result<Vec<u8>, Failure>,
    wait: Duration,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ledger(&self) -> Vec<LedgerEntry> {
        self.state().ledger.clone()
    }

    pub(crate) fn faults(&self) -> Vec<(Fault, u32)> {
        let state = self.state();
        Fault::ALL.into_iter().map(|fault| (fault, state.faults.get(&fault).copied().unwrap_or(0))).collect()
    }

    fn allows(&self, format: Format, headers: &HeaderMap) -> bool {
        let Some(key) = &self.config.key else { return true };
        let given = match format {
            Format::Gemini => headers.get("x-goog-api-key").and_then(|value| value.to_str().ok()),
            Format::OpenAi => headers
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.strip_prefix("Bearer ")),
        };
        given == Some(key)
    }

    /// Answers a question, or lets a fault happen, without waiting.
    fn answer(&self, format: Format, question: &Question) -> Outcome {
        let understood = agents::understand(&question.system, &question.user);
        let mut state = self.state();
        let asked = state.asked.entry(understood.subject.clone()).or_default();
        let attempt = *asked;
        *asked += 1;
        let fault = self.config.faults.decide(self.config.seed, &understood.subject, attempt);
        if let Some(fault) = fault {
            *state.faults.entry(fault).or_default() += 1;
        }
        let noise = Dice::new(self.config.seed)
            .with("answer")
            .with(&understood.subject)
            .with(&attempt.to_string())
            .value();

        let prompt = question.prompt();
        let failure = match fault {
            Some(Fault::RateLimit) => Some(Failure::RateLimited { after_ms: 60 + noise % 240 }),
            Some(Fault::Unavailable) => Some(Failure::Unavailable),
            Some(Fault::ContextLength) => {
                Some(Failure::ContextLength { tokens: WINDOW + count_tokens(&prompt), limit: WINDOW })
            }
            _ => None,
        };
        if let Some(failure) = failure {
            return Outcome { body: Err(failure), wait: self.wait(fault, 0, noise) };
        }

        // An answer that nobody can read warms no cache: else it would depend on the order of requests whether
        // the ledger misses a cold prompt or a cached one.
        let broken = fault == Some(Fault::BrokenBody);
        let cached = if broken { 0 } else { state.cache.read(&question.model, &prompt) };
        let mut tokens = Tokens { input: count_tokens(&prompt), cached, output: 0, reasoning: 0 };
        let end = if fault == Some(Fault::Refusal) {
            End::Refused
        } else {
            let text = understood.answer.text(question.schema.as_ref());
            let text = if fault == Some(Fault::BrokenContent) { cut(&text) } else { text.as_str() };
            if question.thinks() {
                tokens.reasoning = (24 + noise % 120).min(question.max_tokens.unwrap_or(u64::MAX) / 2);
            }
            let limit = question.max_tokens.map_or(u64::MAX, |limit| limit - tokens.reasoning);
            let (text, long) = truncate(text, limit);
            tokens.output = tokens.reasoning + count_tokens(text);
            if long { End::Length(text.to_owned()) } else { End::Stop(text.to_owned()) }
        };
        let id = match format {
            Format::Gemini => format!("{:016x}", noise.rotate_left(17)),
            Format::OpenAi => format!("chatcmpl-{noise:016x}"),
        };
        let reply = Reply { id, model: question.model.clone(), end, tokens, noise };
        let mut body = match format {
            Format::Gemini => gemini::write(&reply),
            Format::OpenAi => openai::write(&reply),
        }
        .to_string()
        .into_bytes();
        if broken {
            // As when a gateway in between gives up: the first half, and a well-formed HTTP answer around it.
            body.truncate(body.len() / 2);
        } else {
            let Tokens { input, cached, output, reasoning } = tokens;
            let Reply { id: response_id, model, .. } = reply;
            state.ledger.push(LedgerEntry { response_id, model, input, output, cached, reasoning });
        }
        Outcome { body: Ok(body), wait: self.wait(fault, tokens.output, noise) }
    }

    fn wait(&self, fault: Option<Fault>, output: u64, noise: u64) -> Duration {
        let slow = if fault == Some(Fault::Slow) { 300 + noise % 500 } else { 0 };
        let usual = if self.config.latency { 10_000 + 150 * output } else { 0 };
        Duration::from_millis(slow) + Duration::from_micros(usual)
    }
}

/// The first two thirds of a text: JSON that ends too early.
fn cut(text: &str) -> &str {
    text.char_indices().nth(text.chars().count() * 2 / 3).map_or(text, |(at, _)| &text[..at])
}

/// Serves until `stopped` is closed.
pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            // An error says that the handle is gone, and a change cannot be.
            _ = stopped.changed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| handle(Arc::clone(&shared), request));
            // A client that goes away in the middle is the client's affair.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let gemini = path
        .strip_prefix("/v1beta/models/")
        .and_then(|rest| rest.strip_suffix(":generateContent"))
        .filter(|model| !model.is_empty() && !model.contains('/'));
    let format = if path.starts_with("/v1beta/") { Format::Gemini } else { Format::OpenAi };
    if !shared.allows(format, &head.headers) {
        return Ok(refuse(format, Failure::Key));
    }
    match (&head.method, path.as_str(), gemini) {
        (&Method::GET, "/v1/models", _) => return Ok(good(openai::models().to_string().into_bytes())),
        (&Method::POST, "/v1/chat/completions", _) | (&Method::POST, _, Some(_)) => {}
        _ => return Ok(refuse(format, Failure::NotFound)),
    }
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(refuse(format, Failure::Malformed("The request's body could not be read."))),
    };
    let question = match serde_json::from_slice::<Value>(&body) {
        Ok(body) => gemini.map_or_else(|| openai::read(&body), |model| gemini::read(model, &body)),
        Err(_) => Err(Failure::Malformed("Invalid JSON payload received.")),
    };
    let question = match question {
        Ok(question) => question,
        Err(failure) => return Ok(refuse(format, failure)),
    };
    let outcome = shared.answer(format, &question);
    if !outcome.wait.is_zero() {
        tokio::time::sleep(outcome.wait).await;
    }
    Ok(outcome.body.map_or_else(|failure| refuse(format, failure), good))
}

fn good(body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("is a header value"));
    response
}

fn refuse(format: Format, failure: Failure) -> Response<Full<Bytes>> {
    let gemini = format == Format::Gemini;
    let error = if gemini { gemini::error(failure) } else { openai::error(failure) };
    let mut response = good(error.to_string().into_bytes());
    *response.status_mut() = hyper::StatusCode::from_u16(failure.status(gemini)).expect("is a status");
    if let Failure::RateLimited { after_ms } = failure {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, after_ms.div_ceil(1000).into());
        headers.insert("retry-after-ms", after_ms.into());
    }
    response
}
