//! OTLP over gRPC.

use super::guard::Token;
use super::ingest::MOST_UNPACKED;
use super::store::{Refused, Store};
use crate::otlp::{self, Received};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use std::future::Future;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

#[derive(Clone, Debug)]
struct Service {
    store: Store,
}

impl Service {
    async fn take(&self, received: Vec<Received>) -> Result<(), Status> {
        match self.store.take(received).await {
            Ok(_) => Ok(()),
            Err(Refused::Busy) => {
                Err(Status::unavailable("more is waiting than can be written now; send it again"))
            }
            Err(Refused::Failed(problem)) => Err(Status::unavailable(problem)),
        }
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (received, rejected) = otlp::proto::traces(request.into_inner());
        self.take(received).await?;
        let partial_success = (rejected.0 > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: i64::try_from(rejected.0).unwrap_or(i64::MAX),
            error_message: otlp::proto::WITHOUT_ID.to_owned(),
        });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.take(otlp::proto::logs(request.into_inner())).await?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        _: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// Serves until `end` is there and what runs has ended.
pub(super) async fn serve(
    listener: TcpListener,
    store: Store,
    token: Option<Token>,
    end: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let service = Service { store };
    macro_rules! limited {
        ($server:ident) => {{
            let token = token.clone();
            let server = $server::new(service.clone())
                .max_decoding_message_size(MOST_UNPACKED)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip);
            tonic::service::interceptor::InterceptedService::new(server, move |request: Request<()>| {
                let told = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
                match &token {
                    Some(token) if !token.is_told(told) => {
                        Err(Status::unauthenticated("send the token: `authorization: Bearer ..`"))
                    }
                    _ => Ok(request),
                }
            })
        }};
    }
    tonic::transport::Server::builder()
        .add_service(limited!(TraceServiceServer))
        .add_service(limited!(LogsServiceServer))
        .add_service(limited!(MetricsServiceServer))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), end)
        .await
}
