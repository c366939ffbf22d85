//! OTLP over HTTP: [the specification](https://opentelemetry.io/docs/specs/otlp/#otlphttp) says which status means what.

use super::App;
use super::store::Refused;
use crate::otlp::{self, Received, Rejected};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;

/// Bytes of a request, as it comes and when it is unpacked.
pub(super) const MOST_PACKED: usize = 8 * 1024 * 1024;
pub(super) const MOST_UNPACKED: usize = 32 * 1024 * 1024;
/// How long a sender may take for its body.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        match kind.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }

    fn answer(self, json: &Value, protobuf: Vec<u8>) -> Response {
        match self {
            Self::Json => ([(CONTENT_TYPE, "application/json")], json.to_string()).into_response(),
            Self::Protobuf => ([(CONTENT_TYPE, "application/x-protobuf")], protobuf).into_response(),
        }
    }
}

/// What cannot be taken, as `google.rpc.Status`.
fn refuse(encoding: Option<Encoding>, status: StatusCode, problem: &str) -> Response {
    // Field 2 is the message; there is nothing else in it.
    let mut protobuf = Vec::new();
    prost::encoding::string::encode(2, &problem.to_owned(), &mut protobuf);
    let body = match encoding {
        Some(Encoding::Protobuf) => Encoding::Protobuf.answer(&Value::Null, protobuf),
        _ => Encoding::Json.answer(&json!({ "message": problem }), Vec::new()),
    };
    let mut response = (status, body).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The body of a request, unpacked, within the limits.
async fn body(headers: &HeaderMap, body: Body) -> Result<Bytes, (StatusCode, String)> {
    let too_large = |limit: usize, what: &str| {
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {limit} bytes{what}; send smaller batches"),
        )
    };
    let read = tokio::time::timeout(PATIENCE, to_bytes(body, MOST_PACKED)).await;
    let packed = match read {
        Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body did not come in time".to_owned())),
        Ok(Err(error)) if is_limit(&error) => return Err(too_large(MOST_PACKED, "")),
        Ok(Err(_)) => return Err((StatusCode::BAD_REQUEST, "the body did not come whole".to_owned())),
        Ok(Ok(packed)) => packed,
    };
    let encoding = headers.get(CONTENT_ENCODING).map_or("identity", |value| value.to_str().unwrap_or("?"));
    match encoding.trim().to_ascii_lowercase().as_str() {
        "identity" | "" => Ok(packed),
        "gzip" => {
            let mut whole = Vec::new();
            let most = MOST_UNPACKED as u64 + 1;
            let read = flate2::read::MultiGzDecoder::new(&packed[..]).take(most).read_to_end(&mut whole);
            match read {
                Ok(size) if size > MOST_UNPACKED => Err(too_large(MOST_UNPACKED, " when it is unpacked")),
                Ok(_) => Ok(whole.into()),
                Err(error) => Err((StatusCode::BAD_REQUEST, format!("the body is no gzip: {error}"))),
            }
        }
        other => {
            let problem =
                format!("the encoding `{}` is not known; send `gzip` or none", other.escape_debug());
            Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, problem))
        }
    }
}

fn is_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.to_string().contains("length limit") {
            return true;
        }
        source = error.source();
    }
    false
}

/// What a signal is made of.
enum Signal {
    Traces,
    Logs,
    Metrics,
}

pub(super) async fn traces(State(app): State<App>, request: Request) -> Response {
    take(&app, Signal::Traces, request).await
}

pub(super) async fn logs(State(app): State<App>, request: Request) -> Response {
    take(&app, Signal::Logs, request).await
}

pub(super) async fn metrics(State(app): State<App>, request: Request) -> Response {
    take(&app, Signal::Metrics, request).await
}

async fn take(app: &App, signal: Signal, request: Request) -> Response {
    let (parts, whole) = request.into_parts();
    let Some(encoding) = Encoding::of(&parts.headers) else {
        let problem = "the content type has to be `application/x-protobuf` or `application/json`";
        return refuse(None, StatusCode::UNSUPPORTED_MEDIA_TYPE, problem);
    };
    let bytes = match body(&parts.headers, whole).await {
        Ok(bytes) => bytes,
        Err((status, problem)) => return refuse(Some(encoding), status, &problem),
    };
    let (received, rejected) = match read(&signal, encoding, &bytes) {
        Ok(read) => read,
        Err(problem) => return refuse(Some(encoding), StatusCode::BAD_REQUEST, &problem),
    };
    match app.store.take(received).await {
        Ok(_) => success(&signal, encoding, rejected),
        Err(Refused::Busy) => refuse(
            Some(encoding),
            StatusCode::SERVICE_UNAVAILABLE,
            "more is waiting than can be written now; send it again",
        ),
        Err(Refused::Failed(problem)) => refuse(Some(encoding), StatusCode::SERVICE_UNAVAILABLE, &problem),
    }
}

fn read(signal: &Signal, encoding: Encoding, bytes: &Bytes) -> Result<(Vec<Received>, Rejected), String> {
    let decoded = |error: prost::DecodeError| format!("the body is no request of OTLP: {error}");
    match (encoding, signal) {
        (Encoding::Json, signal) => {
            let value: Value = if bytes.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(bytes).map_err(|error| format!("the body is no JSON: {error}"))?
            };
            if !value.is_object() {
                return Err("the body has to be a JSON object, such as {\"resourceSpans\": []}".to_owned());
            }
            Ok(if let Signal::Metrics = signal { Default::default() } else { otlp::json::read(&value) })
        }
        (Encoding::Protobuf, Signal::Traces) => {
            Ok(otlp::proto::traces(ExportTraceServiceRequest::decode(&bytes[..]).map_err(decoded)?))
        }
        (Encoding::Protobuf, Signal::Logs) => {
            let request = ExportLogsServiceRequest::decode(&bytes[..]).map_err(decoded)?;
            Ok((otlp::proto::logs(request), Rejected::default()))
        }
        // Calls say more than their metrics, and would count twice.
        (Encoding::Protobuf, Signal::Metrics) => {
            ExportMetricsServiceRequest::decode(&bytes[..]).map_err(decoded)?;
            Ok(Default::default())
        }
    }
}

fn success(signal: &Signal, encoding: Encoding, rejected: Rejected) -> Response {
    let count = i64::try_from(rejected.0).unwrap_or(i64::MAX);
    let problem = || otlp::proto::WITHOUT_ID.to_owned();
    match signal {
        Signal::Traces => {
            let partial_success = (count > 0)
                .then(|| ExportTracePartialSuccess { rejected_spans: count, error_message: problem() });
            let message = ExportTraceServiceResponse { partial_success };
            encoding.answer(&otlp::json::answer("rejectedSpans", rejected), message.encode_to_vec())
        }
        Signal::Logs => {
            let partial_success = (count > 0)
                .then(|| ExportLogsPartialSuccess { rejected_log_records: count, error_message: problem() });
            let message = ExportLogsServiceResponse { partial_success };
            encoding.answer(&otlp::json::answer("rejectedLogRecords", rejected), message.encode_to_vec())
        }
        Signal::Metrics => {
            encoding.answer(&json!({}), ExportMetricsServiceResponse::default().encode_to_vec())
        }
    }
}
