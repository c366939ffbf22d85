//! OTLP over gRPC.

use super::super::target::Route;
use super::Signal;
use super::http::file;
use super::reply::{self, MOST_READ, Reply};
use crate::http::words;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataKey, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};

/// A channel, and the runtime that it runs on: one of its own, on the exporter's thread, so that it can meet no other.
pub(super) struct Grpc {
    runtime: Runtime,
    channel: Channel,
    path: ureq::http::uri::PathAndQuery,
    headers: Vec<(MetadataKey<Ascii>, MetadataValue<Ascii>)>,
    gzip: bool,
}

impl Grpc {
    pub(super) fn open(signal: Signal, route: &Route) -> Result<Self, String> {
        let wrong = |error: tonic::transport::Error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            format!("{}: {}", route.shown(), words(&source.unwrap_or_else(|| error.to_string())))
        };
        let mut endpoint =
            Endpoint::from_shared(route.url.clone()).map_err(wrong)?.connect_timeout(route.timeout);
        if route.url.starts_with("https:") {
            let mut tls = ClientTlsConfig::new();
            tls = match &route.certificate {
                Some(path) => tls.ca_certificate(Certificate::from_pem(file("certificate", path)?)),
                None => tls.with_native_roots(),
            };
            if let Some((certificate, key)) = &route.client_certificate {
                let (certificate, key) = (file("client certificate", certificate)?, file("client key", key)?);
                tls = tls.identity(Identity::from_pem(certificate, key));
            }
            endpoint = endpoint.tls_config(tls).map_err(wrong)?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("its runtime cannot start: {error}"))?;
        let channel = {
            let _entered = runtime.enter();
            endpoint.connect_lazy()
        };
        let header = |(name, value): &(String, String)| {
            let parsed = (name.to_ascii_lowercase().parse(), value.parse::<MetadataValue<Ascii>>());
            match parsed {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(true);
                    Ok((name, value))
                }
                _ => Err(format!(
                    "header `{}` cannot be sent: its name or value has characters that gRPC forbids",
                    name.escape_debug()
                )),
            }
        };
        let headers = route.headers.iter().map(header).collect::<Result<_, _>>()?;
        let path = match signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        };
        let path = ureq::http::uri::PathAndQuery::from_static(path);
        Ok(Self { runtime, channel, path, headers, gzip: route.gzip })
    }

    pub(super) fn send(&mut self, body: &[u8], timeout: Duration) -> Reply {
        let mut client = tonic::client::Grpc::new(self.channel.clone())
            .max_decoding_message_size(usize::try_from(MOST_READ).unwrap_or(usize::MAX))
            .accept_compressed(CompressionEncoding::Gzip);
        if self.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        let mut request = tonic::Request::new(body.to_vec());
        for (name, value) in &self.headers {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        request.set_timeout(timeout);
        let path = self.path.clone();
        let sent = self.runtime.block_on(async move {
            let exchange = async {
                client.ready().await.map_err(|error| Status::from_error(error.into()))?;
                client.unary(request, path, Raw).await
            };
            match tokio::time::timeout(timeout, exchange).await {
                Ok(answer) => answer,
                Err(_) => Err(Status::deadline_exceeded("it does not answer in time")),
            }
        });
        match sent {
            Ok(answer) => reply::response(&answer.into_inner()).unwrap_or_else(|| {
                Reply::Refused("its answer is not OTLP: is this the right address?".to_owned())
            }),
            Err(status) => failed(&status),
        }
    }
}

/// What a status means, by the table of the specification.
fn failed(status: &Status) -> Reply {
    let after = reply::retry_info(status.details());
    let said = source(status).map_or_else(|| words(status.message()), |said| words(&said));
    let reason = format!("{:?}: {said}", status.code());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Reply::Away { reason, after },
        Code::ResourceExhausted if after.is_some() => Reply::Away { reason, after },
        Code::ResourceExhausted => {
            Reply::Refused(format!("{reason} (a smaller `max_request_bytes` may help)"))
        }
        Code::Unauthenticated | Code::PermissionDenied => {
            Reply::Refused(format!("{reason} (are the headers right?)"))
        }
        Code::Unimplemented => Reply::Refused(format!("{reason} (is this the right address?)")),
        // A connection that breaks is told as an error of an unknown kind.
        Code::Unknown if source(status).is_some() => Reply::Away { reason, after },
        _ => Reply::Refused(reason),
    }
}

/// The innermost reason for an error of the connection.
fn source(status: &Status) -> Option<String> {
    let mut source = std::error::Error::source(status)?;
    while let Some(inner) = source.source() {
        source = inner;
    }
    Some(source.to_string())
}

/// Messages as bytes: they are encoded already.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(into, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; bytes::Buf::remaining(from)];
        bytes::Buf::copy_to_slice(from, &mut item);
        Ok(Some(item))
    }
}
