//! [`Target`]: where requests go and how, from code or from the variables that OpenTelemetry has for it.
//!
//! Names and defaults are those of
//! [the exporter specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/).

use super::deliver::Signal;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How OTLP travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    #[default]
    Http,
    Grpc,
}

/// The way to one address for one signal.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) url: String,
    pub(crate) protocol: Protocol,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) timeout: Duration,
    pub(crate) gzip: bool,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) spool_limit: u64,
    pub(crate) memory_limit: usize,
}

impl Route {
    /// The address as messages show it: without what could be a secret.
    pub(crate) fn shown(&self) -> &str {
        shown(&self.url)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("url", &self.shown()).finish_non_exhaustive()
    }
}

/// An address without user, password and query.
pub(crate) fn shown(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.find("://"), url.find('@')) {
        (Some(_), Some(at)) => &url[at + 1..],
        _ => url,
    }
}

/// What is said about one signal, or about all.
#[derive(Clone, Default)]
pub(crate) struct Said {
    pub(crate) endpoint: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) headers: Option<Vec<(String, String)>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) gzip: Option<bool>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) insecure: Option<bool>,
    /// Whether it is sent at all.
    pub(crate) sent: Option<bool>,
}

impl Said {
    /// This where it says something, else the other.
    fn over(self, other: Self) -> Self {
        Self {
            endpoint: self.endpoint.or(other.endpoint),
            protocol: self.protocol.or(other.protocol),
            headers: self.headers.or(other.headers),
            timeout: self.timeout.or(other.timeout),
            gzip: self.gzip.or(other.gzip),
            certificate: self.certificate.or(other.certificate),
            client_certificate: self.client_certificate.or(other.client_certificate),
            client_key: self.client_key.or(other.client_key),
            insecure: self.insecure.or(other.insecure),
            sent: self.sent.or(other.sent),
        }
    }
}

impl fmt::Debug for Said {
    /// Headers are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.headers.iter().flatten().map(|(name, _)| name).collect::<Vec<_>>();
        let endpoint = self.endpoint.as_deref().map(shown);
        f.debug_struct("Said").field("endpoint", &endpoint).field("headers", &names).finish_non_exhaustive()
    }
}

/// Where requests go and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) all: Said,
    /// By signal, in the order of [`Signal::ALL`].
    pub(crate) each: [Said; 3],
    pub(crate) spool: Option<PathBuf>,
    pub(crate) spool_limit: u64,
    pub(crate) memory_limit: usize,
}

impl Default for Target {
    /// 1 GiB on disk, 64 MiB in memory.
    fn default() -> Self {
        Self {
            all: Said::default(),
            each: Default::default(),
            spool: None,
            spool_limit: 1 << 30,
            memory_limit: 64 << 20,
        }
    }
}

impl Target {
    /// The route of a signal; `None` where it is not sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn route(&self, signal: Signal) -> Result<Option<Route>, String> {
        let [traces, metrics, logs] = &self.each;
        let own = match signal {
            Signal::Traces => traces,
            Signal::Metrics => metrics,
            Signal::Logs => logs,
        };
        let exact = own.endpoint.is_some();
        let said = own.clone().over(self.all.clone());
        if said.sent == Some(false) {
            return Ok(None);
        }
        let protocol = said.protocol.unwrap_or_default();
        let url = match &said.endpoint {
            None if protocol == Protocol::Grpc => "http://localhost:4317".to_owned(),
            None => format!("http://localhost:4318/v1/{}", signal.name()),
            Some(endpoint) => url(endpoint, protocol, signal, exact, said.insecure)?,
        };
        let client_certificate = match (said.client_certificate, said.client_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("a client certificate and its key are needed both".to_owned()),
        };
        Ok(Some(Route {
            url,
            protocol,
            headers: said.headers.unwrap_or_default(),
            timeout: said.timeout.unwrap_or(Duration::from_secs(10)),
            gzip: said.gzip.unwrap_or(false),
            certificate: said.certificate,
            client_certificate,
            spool: self.spool.clone(),
            spool_limit: self.spool_limit,
            memory_limit: self.memory_limit,
        }))
    }
}

/// The address of a signal: the path of OTLP behind that of the endpoint, unless it is the signal's own.
fn url(
    endpoint: &str,
    protocol: Protocol,
    signal: Signal,
    exact: bool,
    insecure: Option<bool>,
) -> Result<String, String> {
    let endpoint = endpoint.trim();
    let lower = endpoint.to_ascii_lowercase();
    let has_scheme = lower.starts_with("http://") || lower.starts_with("https://");
    let with_scheme = match (protocol, endpoint.contains("://")) {
        (_, true) if has_scheme => endpoint.to_owned(),
        (Protocol::Grpc, false) if insecure == Some(true) => format!("http://{endpoint}"),
        (Protocol::Grpc, false) => format!("https://{endpoint}"),
        _ => {
            return Err(format!(
                "endpoint `{}` is no address; expected `http://` or `https://` and a host, such as `http://127.0.0.1:4318`",
                shown(endpoint)
            ));
        }
    };
    let authority = with_scheme.split_once("://").map_or("", |(_, rest)| rest);
    if authority.is_empty()
        || authority.starts_with(['/', ':', '?'])
        || authority.contains(char::is_whitespace)
    {
        return Err(format!("endpoint `{}` has no host", shown(endpoint)));
    }
    if protocol == Protocol::Grpc || exact {
        return Ok(with_scheme);
    }
    let path = format!("/v1/{}", signal.name());
    // A common mistake is the address of one signal.
    let base = Signal::ALL.iter().fold(with_scheme.trim_end_matches('/'), |base, signal| {
        base.strip_suffix(&format!("/v1/{}", signal.name())).unwrap_or(base)
    });
    Ok(format!("{base}{path}"))
}

/// What the variables of OpenTelemetry say.
#[derive(Debug, Default)]
pub(crate) struct FromEnvironment {
    pub(crate) target: Target,
    pub(crate) metric_interval: Option<Duration>,
    pub(crate) delta: bool,
}

/// Reads them.
///
/// # Errors
/// Which variable is wrong, and what is accepted.
pub(crate) fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<FromEnvironment, String> {
    // An empty value is as good as none.
    let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let mut found = FromEnvironment::default();
    found.target.all = said(&get, "OTEL_EXPORTER_OTLP")?;
    if get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        found.target.all.sent = Some(false);
    }
    for (signal, into) in Signal::ALL.into_iter().zip(&mut found.target.each) {
        let name = signal.name().to_ascii_uppercase();
        *into = said(&get, &format!("OTEL_EXPORTER_OTLP_{name}"))?;
        let exporters = get(&format!("OTEL_{name}_EXPORTER"));
        let named = |exporters: &str| exporters.split(',').any(|name| name.trim() == "otlp");
        into.sent = exporters.map(|exporters| named(&exporters)).filter(|sent| !sent);
    }
    if let Some(value) = get("OTEL_METRIC_EXPORT_INTERVAL") {
        found.metric_interval = Some(millis("OTEL_METRIC_EXPORT_INTERVAL", &value)?);
    }
    let preference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    found.delta = match get(preference).map(|value| value.to_ascii_lowercase()).as_deref() {
        None | Some("cumulative") => false,
        Some("delta" | "lowmemory") => true,
        Some(other) => {
            return Err(format!("{preference} is `{other}`; expected cumulative, delta or lowmemory"));
        }
    };
    Ok(found)
}

fn said(get: &impl Fn(&str) -> Option<String>, start: &str) -> Result<Said, String> {
    let named = |end: &str| format!("{start}_{end}");
    let value = |end: &str| get(&named(end));
    let protocol = match value("PROTOCOL").as_deref() {
        None => None,
        Some("grpc") => Some(Protocol::Grpc),
        Some("http/protobuf") => Some(Protocol::Http),
        Some(other) => {
            return Err(format!("{} is `{other}`; expected grpc or http/protobuf", named("PROTOCOL")));
        }
    };
    let gzip = match value("COMPRESSION").as_deref() {
        None => None,
        Some("gzip") => Some(true),
        Some("none") => Some(false),
        Some(other) => return Err(format!("{} is `{other}`; expected gzip or none", named("COMPRESSION"))),
    };
    let timeout = value("TIMEOUT").map(|value| millis(&named("TIMEOUT"), &value)).transpose()?;
    let headers = match value("HEADERS") {
        None => None,
        // The value is a secret.
        Some(text) => Some(headers(&text).ok_or_else(|| {
            format!(
                "{} is not understood; expected `name=value` pairs, separated by commas",
                named("HEADERS")
            )
        })?),
    };
    Ok(Said {
        endpoint: value("ENDPOINT"),
        protocol,
        headers,
        timeout,
        gzip,
        certificate: value("CERTIFICATE").map(PathBuf::from),
        client_certificate: value("CLIENT_CERTIFICATE").map(PathBuf::from),
        client_key: value("CLIENT_KEY").map(PathBuf::from),
        insecure: value("INSECURE").map(|value| value.eq_ignore_ascii_case("true")),
        sent: None,
    })
}

fn millis(name: &str, value: &str) -> Result<Duration, String> {
    let millis = value.parse().ok().filter(|millis| *millis > 0);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{name} is `{value}`; expected milliseconds, more than 0"))
}

/// `name=value` pairs, percent-encoded as in W3C Baggage.
pub(crate) fn headers(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let name = decoded(name.trim())?;
        (!name.is_empty()).then_some((name, decoded(value.trim())?))
    };
    pairs.map(pair).collect()
}

/// `key=value` pairs of `OTEL_RESOURCE_ATTRIBUTES`, and `OTEL_SERVICE_NAME`, which goes before them.
pub(crate) fn resource(get: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    // The specification wants a value that is wrong to be left out whole.
    let mut found = get("OTEL_RESOURCE_ATTRIBUTES").and_then(|text| headers(&text)).unwrap_or_default();
    if let Some(name) = get("OTEL_SERVICE_NAME").filter(|name| !name.trim().is_empty()) {
        found.retain(|(key, _)| key != crate::semconv::key::SERVICE_NAME);
        found.push((crate::semconv::key::SERVICE_NAME.to_owned(), name));
    }
    found
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?.to_owned();
            bytes.push(u8::from_str_radix(&digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Result<FromEnvironment, String> {
        from_environment(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn urls(pairs: &[(&str, &str)]) -> Vec<String> {
        let target = environment(pairs).expect("correct").target;
        let route = |signal| target.route(signal).expect("correct");
        Signal::ALL.into_iter().filter_map(|signal| route(signal).map(|route| route.url)).collect()
    }

    #[test]
    fn addresses_are_made_as_the_specification_says() {
        let all = |base: &str| ["traces", "metrics", "logs"].map(|name| format!("{base}/v1/{name}")).to_vec();
        assert_eq!(urls(&[]), all("http://localhost:4318"));
        assert_eq!(urls(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://h/otlp/")]), all("https://h/otlp"));
        assert_eq!(urls(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1/v1/traces")]), all("http://h:1"));
        let own = [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/x"), ("OTEL_METRICS_EXPORTER", "none")];
        assert_eq!(urls(&own), ["http://t:1/x", "http://localhost:4318/v1/logs"]);
        let grpc = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert_eq!(urls(&grpc), ["http://localhost:4317"; 3]);
        let plain =
            [grpc[0], ("OTEL_EXPORTER_OTLP_ENDPOINT", "h:4317"), ("OTEL_EXPORTER_OTLP_INSECURE", "true")];
        assert_eq!(urls(&plain), ["http://h:4317"; 3]);
        assert_eq!(urls(&plain[..2]), ["https://h:4317"; 3]);
        assert!(urls(&[("OTEL_SDK_DISABLED", "true")]).is_empty());
    }

    #[test]
    fn each_signal_can_have_its_own() {
        let found = environment(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1"),
            ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "api-key=c"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "DELTA"),
        ]);
        let found = found.expect("correct");
        let route = |signal| found.target.route(signal).expect("correct").expect("sent");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(route(Signal::Traces).headers, [pair("api-key", "a b"), pair("x", "1")]);
        assert_eq!(route(Signal::Logs).headers, [pair("api-key", "c")]);
        assert_eq!(route(Signal::Logs).timeout, Duration::from_millis(2_500));
        assert!(route(Signal::Metrics).gzip && found.delta);
        assert!(!format!("{found:?}").contains("a b"), "headers are secrets");
    }

    #[test]
    fn what_is_wrong_is_named_without_secrets() {
        for (name, value, problem) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "is `http/json`; expected grpc or http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zip", "is `zip`; expected gzip or none"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "is `10s`; expected milliseconds"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "expected `name=value` pairs"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                "x",
                "expected cumulative, delta or lowmemory",
            ),
        ] {
            let error = environment(&[(name, value)]).expect_err(name);
            assert!(error.starts_with(name) && error.contains(problem), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        for (endpoint, problem) in [
            ("localhost:4318", "expected `http://` or `https://` and a host"),
            ("ftp://h", "expected `http://` or `https://` and a host"),
            ("http://", "has no host"),
            ("https://user:password@", "has no host"),
        ] {
            let mut target = Target::default();
            target.all.endpoint = Some(endpoint.to_owned());
            let found = target.route(Signal::Traces);
            assert!(
                matches!(&found, Err(error) if error.contains(problem)) || endpoint.contains('@'),
                "{found:?}"
            );
        }
        assert_eq!(shown("https://user:password@h:1/x?key=secret"), "h:1/x");
    }

    #[test]
    fn resources_are_read_and_wrong_ones_left_out() {
        let get = |text: &'static str| {
            move |name: &str| (name == "OTEL_RESOURCE_ATTRIBUTES").then(|| text.to_owned())
        };
        assert_eq!(resource(get("a=b,c=%2Cd")).len(), 2);
        assert!(resource(get("nonsense")).is_empty());
    }
}
