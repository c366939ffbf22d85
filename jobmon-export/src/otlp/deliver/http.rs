//! OTLP over HTTP, as binary Protocol Buffers.

use super::super::target::Route;
use super::reply::{self, MOST_READ, Reply};
use crate::http::{Trouble, words};
use flate2::Compression;
use flate2::write::GzEncoder;
use jobmon_core::retry_after_from_header;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderName, HeaderValue, StatusCode};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts};
use ureq::{Agent, Body, http};

/// A client with connections that it keeps.
pub(super) struct Http {
    agent: Agent,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    gzip: bool,
    /// What is compressed; used again.
    buffer: Vec<u8>,
}

/// The content of a file, for messages that name it.
pub(super) fn file(what: &str, path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{what} {} cannot be read: {error}", path.display()))
}

impl Http {
    pub(super) fn open(route: &Route) -> Result<Self, String> {
        let roots = match &route.certificate {
            None => RootCerts::PlatformVerifier,
            Some(path) => {
                let pem = file("certificate", path)?;
                let all = ureq::tls::parse_pem(&pem).filter_map(|item| match item {
                    Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                });
                let all: Vec<Certificate<'static>> = all.collect();
                if all.is_empty() {
                    return Err(format!("certificate {} has no certificate in PEM", path.display()));
                }
                RootCerts::Specific(Arc::new(all))
            }
        };
        let client = match &route.client_certificate {
            None => None,
            Some((certificate, key)) => {
                let wrong = |path: &Path| format!("{} has nothing of the kind in PEM", path.display());
                let pem = file("client certificate", certificate)?;
                let parsed = Certificate::from_pem(&pem).map_err(|_| wrong(certificate))?;
                let pem = file("client key", key)?;
                let key = PrivateKey::from_pem(&pem).map_err(|_| wrong(key))?;
                Some(ClientCert::new_with_certs(&[parsed], key))
            }
        };
        let agent = crate::http::agent(roots, client);
        let header = |(name, value): &(String, String)| {
            let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
            match parsed {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    Ok((name, value))
                }
                // The value may be a secret.
                _ => Err(format!(
                    "header `{}` cannot be sent: its name or value has characters that HTTP forbids",
                    name.escape_debug()
                )),
            }
        };
        let headers = route.headers.iter().map(header).collect::<Result<_, _>>()?;
        let url = route.url.clone();
        Ok(Self { agent, url, headers, gzip: route.gzip, buffer: Vec::new() })
    }

    pub(super) fn send(&mut self, body: &[u8], timeout: Duration) -> Reply {
        let mut request = self.agent.post(&self.url).header("content-type", "application/x-protobuf");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.config().timeout_global(Some(timeout)).build();
        let sent = if self.gzip {
            self.buffer.clear();
            // The first level takes a fifth of the time of the default one, for a few bytes more.
            let mut encoder = GzEncoder::new(std::mem::take(&mut self.buffer), Compression::fast());
            let written = encoder.write_all(body).and_then(|()| encoder.finish());
            match written {
                Ok(compressed) => self.buffer = compressed,
                Err(error) => return Reply::Refused(format!("it cannot be compressed: {error}")),
            }
            request.header("content-encoding", "gzip").send(&self.buffer[..])
        } else {
            request.send(body)
        };
        match sent {
            Ok(response) => read(response),
            Err(error) => failed(&error),
        }
    }
}

/// What a request that got no answer means.
fn failed(error: &ureq::Error) -> Reply {
    match crate::http::trouble(error) {
        Trouble::Wrong(words) => Reply::Refused(words),
        Trouble::Away(words) => Reply::away(words),
    }
}

fn read(response: http::Response<Body>) -> Reply {
    let (parts, body) = response.into_parts();
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = header("content-type").to_ascii_lowercase();
    let mut bytes = Vec::new();
    // The time for the whole request bounds this too, however slowly it comes.
    let whole = body.into_with_config().limit(u64::MAX).reader().take(MOST_READ).read_to_end(&mut bytes);
    let status = parts.status;
    if status.is_success() {
        return match whole {
            Err(_) => Reply::away("its answer does not come to an end"),
            Ok(_) if content_type.starts_with("application/json") && !bytes.is_empty() => json(&bytes),
            Ok(_) if content_type.starts_with("text/html") => Reply::Refused(format!(
                "it answered {} with `text/html`, not OTLP: is this the right address?",
                status.as_u16()
            )),
            // Some receivers answer in plain words where they should answer with nothing.
            Ok(_) => reply::response(&bytes).unwrap_or(Reply::Taken { rejected: 0, message: String::new() }),
        };
    }
    let words = reply::status(&bytes, &content_type);
    let reason = if words.is_empty() { status.to_string() } else { format!("{}: {words}", status.as_u16()) };
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            Reply::Away { reason, after: retry_after_from_header(header("retry-after")) }
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Reply::Refused(format!("{reason} (a smaller `max_request_bytes` may help)"))
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Reply::Refused(format!("{reason} (are the headers right?)"))
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            Reply::Refused(format!("{reason} (is this the right address?)"))
        }
        _ => Reply::Refused(reason),
    }
}

/// The answer of a receiver that writes JSON whatever it was asked in.
fn json(bytes: &[u8]) -> Reply {
    let answer: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let count = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"].iter().find_map(|name| {
        let count = &partial[*name];
        count.as_u64().or_else(|| count.as_str()?.parse().ok())
    });
    let message = partial["errorMessage"].as_str().filter(|text| !text.is_empty()).map(words);
    Reply::Taken { rejected: count.unwrap_or(0), message: message.unwrap_or_default() }
}
