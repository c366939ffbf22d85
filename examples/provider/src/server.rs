//! The server: reads requests, lets faults happen, keeps the ledger.

use crate::body::{Body, event, first_half};
use crate::faults::{Dice, Fault};
use crate::tokens::{PrefixCache, count_tokens, truncate};
use crate::wire::{End, Failure, Question, Reply, Tokens};
use crate::{Config, LedgerEntry, agents, embeddings, gemini, openai, responses};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
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
    Chat,
    Responses,
    Embeddings,
}

/// What goes back, and after how long.
struct Outcome {
    body: Result<Body, Failure>,
    wait: Duration,
    stream: bool,
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
            _ => headers
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
            return Outcome { body: Err(failure), wait: self.wait(fault, 0, noise), stream: false };
        }

        // An answer that nobody can read warms no cache: else it would depend on the order of requests whether
        // the ledger misses a cold prompt or a cached one.
        let broken = matches!(fault, Some(Fault::BrokenBody | Fault::BrokenConnection));
        let embeds = format == Format::Embeddings;
        let cached = if broken || embeds { 0 } else { state.cache.read(&question.model, &prompt) };
        let input = if embeds {
            question.inputs.iter().map(|text| count_tokens(text)).sum()
        } else {
            count_tokens(&prompt)
        };
        let mut tokens = Tokens { input, cached, output: 0, reasoning: 0 };
        let end = if embeds {
            End::Stop(String::new())
        } else if fault == Some(Fault::Refusal) {
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
            Format::Chat => format!("chatcmpl-{noise:016x}"),
            Format::Responses => format!("resp_{noise:016x}"),
            Format::Embeddings => String::new(),
        };
        let reply = Reply { id, model: question.model.clone(), end, tokens, noise };
        let (body, reported) = if question.stream {
            self.stream(format, question, &reply, fault)
        } else {
            let mut body = match format {
                Format::Gemini => gemini::write(&reply),
                Format::Chat => openai::write(&reply),
                Format::Responses => responses::write(&reply),
                Format::Embeddings => embeddings::write(question, tokens),
            }
            .to_string()
            .into_bytes();
            if fault == Some(Fault::BrokenBody) {
                // As when a gateway in between gives up: the first half, and a well-formed HTTP answer around it.
                body.truncate(body.len() / 2);
            }
            (Body::whole(body), (!broken).then_some(tokens))
        };
        let body = if fault == Some(Fault::BrokenConnection) { body.broken() } else { body };
        if let Some(Tokens { input, cached, output, reasoning }) = reported {
            let Reply { id: response_id, model, .. } = reply;
            state.ledger.push(LedgerEntry { response_id, model, input, output, cached, reasoning });
        }
        let at_once = if question.stream { 0 } else { tokens.output };
        Outcome { body: Ok(body), wait: self.wait(fault, at_once, noise), stream: question.stream }
    }

    /// The events of a stream, and the usage that they report before the connection breaks.
    fn stream(
        &self,
        format: Format,
        question: &Question,
        reply: &Reply,
        fault: Option<Fault>,
    ) -> (Body, Option<Tokens>) {
        let breaks = fault == Some(Fault::BrokenConnection);
        let (mut events, mut reported) = match format {
            Format::Gemini => {
                let chunks = gemini::chunks(reply);
                // Each chunk tells what was used so far.
                let last = if breaks { first_half(chunks.len()) } else { chunks.len() } - 1;
                let reported = chunks.get(last).map(|(_, tokens)| *tokens);
                (chunks.iter().map(|(chunk, _)| event(chunk)).collect(), reported)
            }
            Format::Responses => (responses::events(reply), (!breaks).then_some(reply.tokens)),
            Format::Chat | Format::Embeddings => {
                let told = question.stream_usage && !breaks;
                (openai::events(reply, question.stream_usage), told.then_some(reply.tokens))
            }
        };
        if fault == Some(Fault::BrokenBody) {
            events.iter_mut().for_each(|event| {
                event.truncate(event.len() / 2);
                event.extend(b"\n\n");
            });
            reported = None;
        }
        // As much time in all as the whole answer takes.
        let micros = if self.config.latency { 150 * reply.tokens.output / events.len() as u64 } else { 0 };
        (Body::events(events, Duration::from_micros(micros)), reported)
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

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let (format, gemini) = match (path.as_str(), gemini_model(&path)) {
        (_, Some(asked)) => (Format::Gemini, Some(asked)),
        ("/v1/responses", _) => (Format::Responses, None),
        ("/v1/embeddings", _) => (Format::Embeddings, None),
        (path, _) => (if path.starts_with("/v1beta/") { Format::Gemini } else { Format::Chat }, None),
    };
    if !shared.allows(format, &head.headers) {
        return Ok(refuse(format, Failure::Key));
    }
    match (&head.method, path.as_str(), gemini) {
        (&Method::GET, "/v1/models", _) => return Ok(good(openai::models().to_string().into_bytes())),
        (&Method::POST, "/v1/chat/completions" | "/v1/responses" | "/v1/embeddings", _)
        | (&Method::POST, _, Some(_)) => {}
        _ => return Ok(refuse(format, Failure::NotFound)),
    }
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(refuse(format, Failure::Malformed("The request's body could not be read."))),
    };
    let question = match serde_json::from_slice::<Value>(&body) {
        Ok(body) => match (format, gemini) {
            (_, Some((model, stream))) => gemini::read(model, stream, &body),
            (Format::Responses, _) => responses::read(&body),
            (Format::Embeddings, _) => embeddings::read(&body),
            _ => openai::read(&body),
        },
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
    Ok(match outcome.body {
        Ok(body) if outcome.stream => of_type("text/event-stream", body),
        Ok(body) => of_type("application/json", body),
        Err(failure) => refuse(format, failure),
    })
}

/// The model that a path of Gemini's names, and whether a stream is asked for.
fn gemini_model(path: &str) -> Option<(&str, bool)> {
    let (model, method) = path.strip_prefix("/v1beta/models/")?.rsplit_once(':')?;
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        _ => return None,
    };
    (!model.is_empty() && !model.contains('/')).then_some((model, stream))
}

fn good(body: Vec<u8>) -> Response<Body> {
    of_type("application/json", Body::whole(body))
}

fn of_type(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn refuse(format: Format, failure: Failure) -> Response<Body> {
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
