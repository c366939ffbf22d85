//! [`Otlp`]: how an exporter is set up.

use super::deliver::{Delivery, Signal};
use super::encode::Encoder;
use super::metrics::Reader;
use super::target::{self, Protocol, Target};
use super::{Pending, Running};
use crate::attributes::{Limit, Profile, Shown};
use crate::base64;
use crate::metrics::{MOST, Series};
use jobmon_core::{Health, Text};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where content goes that a program captures; without anything captured there is none.
///
/// The values of `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentPlacement {
    /// Nowhere.
    None,
    /// On spans, as JSON.
    #[default]
    Spans,
    /// In log events of their own, `gen_ai.client.inference.operation.details`.
    Events,
    /// Both.
    SpansAndEvents,
}

impl ContentPlacement {
    /// The one that the variable names so, in capitals or not.
    ///
    /// # Errors
    /// What is accepted.
    pub fn named(name: &str) -> Result<Self, String> {
        match name.to_ascii_uppercase().as_str() {
            "NO_CONTENT" | "NONE" => Ok(Self::None),
            "SPAN_ONLY" | "SPANS" => Ok(Self::Spans),
            "EVENT_ONLY" | "EVENTS" => Ok(Self::Events),
            "SPAN_AND_EVENT" | "SPANS_AND_EVENTS" => Ok(Self::SpansAndEvents),
            _ => Err(format!(
                "`{name}` says nothing about content; expected any of: NO_CONTENT, SPAN_ONLY, EVENT_ONLY, SPAN_AND_EVENT"
            )),
        }
    }
}

/// Sends spans, metrics and log events to an OpenTelemetry backend: Jaeger, Tempo, Phoenix, Langfuse, Logfire, a
/// collector, or anything else that takes OTLP.
///
/// Everything is made and sent on a thread of its own. What a backend does not take is kept, in memory or, with a
/// [`spool`](Self::spool), on disk, and delivered when it is back. Several exporters, each with its own
/// [`name`](Self::name), send to several backends, each in its own dialect ([`profile`](Self::profile)).
///
/// ```
/// use jobmon_export::{Monitor, Otlp, Profile};
///
/// let guard = Monitor::builder()
///     .service_name("job-search")
///     .exporter(Otlp::to("http://127.0.0.1:4318"))
///     .exporter(
///         Otlp::to("http://127.0.0.1:6006").name("phoenix").profile(Profile::OpenInference).only_traces(),
///     )
///     .install_local()?;
/// # Ok::<(), jobmon_export::SetupError>(())
/// ```
///
/// # Delivery
/// A request that is not answered, or by 429, 502, 503 or 504 (in gRPC: `UNAVAILABLE` and its like), is sent again,
/// after what `Retry-After` says or else 1 to 30 seconds. Requests are sent oldest first. A request whose answer is lost
/// may arrive twice; with a spool, after a kill, at most one for each signal does. What is rejected for good is counted as
/// dropped, and told once.
#[must_use = "an exporter does nothing until a monitor has it"]
pub struct Otlp {
    name: Text,
    pub(super) target: Target,
    profile: Profile,
    content: ContentPlacement,
    content_limit: usize,
    metric_interval: Duration,
    delta: bool,
    max_series: usize,
    max_request_bytes: usize,
    batch_delay: Duration,
    wrong: Option<String>,
    pub(super) health: Option<Health>,
    pub(super) running: Option<Box<Running>>,
}

impl Otlp {
    fn new(target: Target) -> Self {
        Self {
            name: Text::literal("otlp"),
            target,
            profile: Profile::Otel,
            content: ContentPlacement::default(),
            content_limit: Limit::default().0,
            metric_interval: Duration::from_secs(60),
            delta: false,
            max_series: MOST,
            max_request_bytes: 4 << 20,
            batch_delay: Duration::from_secs(1),
            wrong: None,
            health: None,
            running: None,
        }
    }

    /// To the address of a backend, such as `http://127.0.0.1:4318`, by HTTP unless [`grpc`](Self::grpc) is said. Over
    /// HTTP, `/v1/traces` and its like are put behind it. The variables of OpenTelemetry are not looked at. What is wrong
    /// with it is told when a monitor starts.
    pub fn to(endpoint: impl Into<String>) -> Self {
        let mut target = Target::default();
        target.all.endpoint = Some(endpoint.into());
        Self::new(target)
    }

    /// As the variables of OpenTelemetry say: `OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS`, `_PROTOCOL`, `_COMPRESSION`,
    /// `_TIMEOUT`, `_CERTIFICATE`, `_CLIENT_CERTIFICATE`, `_CLIENT_KEY`, `_INSECURE`, the same for each signal
    /// (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, ..), `OTEL_TRACES_EXPORTER` and its like, `OTEL_SDK_DISABLED`,
    /// `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` and
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`. Without any: `http://localhost:4318`.
    ///
    /// # Errors
    /// Which variable is wrong, and what is accepted.
    pub fn from_env() -> Result<Self, OtlpError> {
        let found = target::from_environment(variable).map_err(OtlpError)?;
        let mut otlp = Self::new(found.target);
        otlp.metric_interval = found.metric_interval.unwrap_or(otlp.metric_interval);
        otlp.delta = found.delta;
        let capture = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
        if let Some(value) = variable(capture).filter(|value| !value.is_empty()) {
            // As other instrumentations do: what is not understood captures nothing.
            otlp.content = ContentPlacement::named(&value).unwrap_or(ContentPlacement::None);
        }
        Ok(otlp)
    }

    /// Its name in counts and messages, by default `otlp`. Of several exporters, each should have its own.
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }

    /// By gRPC instead of HTTP. Needs the feature `otlp-grpc`.
    pub fn grpc(mut self) -> Self {
        self.target.all.protocol = Some(Protocol::Grpc);
        self
    }

    /// Adds a header to every request, such as `authorization`. Its value is never shown.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.target.all.headers.get_or_insert_default().push((name.into(), value.into()));
        self
    }

    /// How long a request may take. Default 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.target.all.timeout = Some(timeout);
        self
    }

    /// Whether requests are compressed, by gzip. Default false: on the way to a collector nearby it costs more than it
    /// saves.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.target.all.gzip = Some(gzip);
        self
    }

    /// Trusts the certificates in this file (PEM) instead of those of the system.
    pub fn certificate(mut self, file: impl Into<PathBuf>) -> Self {
        self.target.all.certificate = Some(file.into());
        self
    }

    /// Shows this certificate, with its key, to the backend (both PEM).
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.target.all.client_certificate = Some(certificate.into());
        self.target.all.client_key = Some(key.into());
        self
    }

    /// The dialect of the backend. Default [`Profile::Otel`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Keeps what a backend does not take in this folder, which is made if need be, instead of in memory. What a process
    /// leaves behind, killed or ended, the next one with the same folder delivers. Several processes may share it.
    pub fn spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.target.spool = Some(folder.into());
        self
    }

    /// Bytes that the spool may have, compressed, for each of traces and logs. Beyond it the newest are dropped. Default
    /// 1 GiB.
    pub fn spool_limit(mut self, bytes: u64) -> Self {
        self.target.spool_limit = bytes;
        self
    }

    /// Bytes that wait in memory at most, for each signal. Beyond it the newest are dropped. Default 64 MiB.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.target.memory_limit = bytes;
        self
    }

    /// Bytes of a request, about. Default 4 MiB, which gRPC servers take.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes;
        self
    }

    /// How long spans and log events are collected for one request. Default 1 s.
    pub fn batch_delay(mut self, delay: Duration) -> Self {
        self.batch_delay = delay;
        self
    }

    /// How often metrics are sent. Default 60 s.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = interval;
        self
    }

    /// Metrics as differences since the last ones, instead of as sums since the start.
    pub fn delta(mut self, delta: bool) -> Self {
        self.delta = delta;
        self
    }

    /// Series of one metric at most; what is beyond has one together. Default 2,000.
    pub fn max_series(mut self, series: usize) -> Self {
        self.max_series = series;
        self
    }

    /// Where captured content goes. Default [`ContentPlacement::Spans`].
    pub fn content(mut self, content: ContentPlacement) -> Self {
        self.content = content;
        self
    }

    /// Bytes of content in one attribute; what is longer is cut so that its JSON stays valid, and
    /// `jobmon.content.truncated` says so. Default 64 KiB.
    pub fn content_limit(mut self, bytes: usize) -> Self {
        self.content_limit = bytes;
        self
    }

    /// Which signals are sent. Default all three.
    pub fn signals(mut self, traces: bool, metrics: bool, logs: bool) -> Self {
        for (said, sent) in self.target.each.iter_mut().zip([traces, metrics, logs]) {
            said.sent = Some(sent);
        }
        self
    }

    /// Sends no metrics and no log events: for backends that take none.
    pub fn only_traces(self) -> Self {
        self.signals(true, false, false)
    }

    /// To Pydantic Logfire, with its dialect: a write token, and `us` or `eu`
    /// ([documentation](https://logfire.pydantic.dev/docs/how-to-guides/alternative-clients/)).
    pub fn logfire(token: &str, region: &str) -> Self {
        let mut otlp = Self::to(format!("https://logfire-{region}.pydantic.dev")).name("logfire");
        if !matches!(region, "us" | "eu") {
            otlp.wrong = Some(format!("Logfire has no region `{region}`; expected us or eu"));
        }
        otlp.header("authorization", token).profile(Profile::Logfire).gzip(true)
    }

    /// To Langfuse, with its dialect: its host, such as `https://cloud.langfuse.com`, and the public and the secret key of
    /// a project ([documentation](https://langfuse.com/integrations/native/opentelemetry)). It takes traces only.
    pub fn langfuse(host: &str, public_key: &str, secret_key: &str) -> Self {
        let endpoint = format!("{}/api/public/otel", host.trim_end_matches('/'));
        let credentials = base64::encode(format!("{public_key}:{secret_key}").as_bytes());
        Self::to(endpoint)
            .name("langfuse")
            .header("authorization", format!("Basic {credentials}"))
            .header("x-langfuse-ingestion-version", "4")
            .profile(Profile::Langfuse)
            .only_traces()
    }

    pub(super) fn exporter_name(&self) -> &str {
        &self.name
    }

    /// Opens everything; nothing is sent yet.
    pub(super) fn open(&self) -> Result<Running, String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        for (name, zero) in [
            ("max_request_bytes", self.max_request_bytes < 1_024),
            ("batch_delay", self.batch_delay.is_zero()),
            ("metric_interval", self.metric_interval.is_zero()),
            ("max_series", self.max_series == 0),
        ] {
            if zero {
                return Err(format!("`{name}` is too small"));
            }
        }
        let health = self.health.clone().unwrap_or_else(|| Health::alone(&self.name));
        let delivery = |signal| {
            let route = self.target.route(signal)?;
            route.map(|route| Delivery::open(signal, route, self.delta, health.clone())).transpose()
        };
        let [traces, metrics, logs] =
            [delivery(Signal::Traces)?, delivery(Signal::Metrics)?, delivery(Signal::Logs)?];
        let content = matches!(self.content, ContentPlacement::Spans | ContentPlacement::SpansAndEvents);
        let details = matches!(self.content, ContentPlacement::Events | ContentPlacement::SpansAndEvents);
        let shown = Shown { content, limit: Limit(self.content_limit) };
        let series = || Series::new(self.max_series, self.profile.has_old_names());
        let often = (self.metric_interval, self.delta);
        Ok(Running {
            encoder: Encoder::new(self.profile, shown, details, target::resource(variable)),
            resource: Arc::default(),
            traces,
            logs,
            metrics: metrics.map(|delivery| {
                Reader::new(series(), delivery, health.clone(), often, self.max_request_bytes)
            }),
            health,
            spans: Pending::default(),
            records: Pending::default(),
            most: self.max_request_bytes,
            delay: self.batch_delay,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl fmt::Debug for Otlp {
    /// Without headers, which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp")
            .field("name", &self.name)
            .field("target", &self.target)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// A variable of OpenTelemetry is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpError(String);

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OtlpError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_told_at_the_start_and_secrets_never() {
        for (otlp, problem) in [
            (Otlp::to("127.0.0.1:4318"), "expected `http://` or `https://` and a host"),
            (Otlp::to("http://h").header("na me", "secret"), "header `na me` cannot be sent"),
            (Otlp::to("http://h").header("x", "secret\n"), "header `x` cannot be sent"),
            (Otlp::to("https://h").certificate("/nowhere.pem"), "certificate /nowhere.pem cannot be read"),
            (Otlp::logfire("secret", "mars"), "no region `mars`; expected us or eu"),
            (Otlp::to("http://h").max_request_bytes(1), "`max_request_bytes` is too small"),
            (Otlp::to("http://h").spool("/dev/null/x"), "spool /dev/null/x cannot be used"),
        ] {
            let error = otlp.open().map(|_| ()).expect_err(problem);
            assert!(error.contains(problem) && !error.contains("secret"), "{error}");
            assert!(!format!("{otlp:?}").contains("secret"));
        }
        let langfuse = Otlp::langfuse("https://cloud.langfuse.com/", "pk", "sk");
        let routes = Signal::ALL.map(|signal| langfuse.target.route(signal).expect("correct"));
        let [Some(traces), None, None] = &routes else { panic!("{routes:?}") };
        assert_eq!(traces.url, "https://cloud.langfuse.com/api/public/otel/v1/traces");
        assert_eq!(traces.headers[0], ("authorization".to_owned(), "Basic cGs6c2s=".to_owned()));
    }
}
