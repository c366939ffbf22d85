//! [`Server`]: the page over HTTP.

use super::lock;
use super::page::Page;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Readers at once; further ones wait.
const CONNECTIONS: usize = 32;
/// How long a reader may take to say what it wants, and to take it.
const PATIENCE: Duration = Duration::from_secs(10);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A server on a thread of its own.
#[derive(Debug)]
pub(super) struct Server {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(listener: TcpListener, page: Arc<Mutex<Page>>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("jobmon-scrape".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, page) => {}
                    _ = stopped => {}
                }
            });
            // Whoever still reads is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends it.
    pub(super) fn stop(self) {
        // Should it have ended, nobody hears this.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

async fn serve(listener: TcpListener, page: Arc<Mutex<Page>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, as a rule: that passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let page = Arc::clone(&page);
        tokio::spawn(async move {
            let _permit = permit;
            let service = service_fn(move |request| {
                let page = Arc::clone(&page);
                async move { Ok::<_, Infallible>(answer(&request, &page)) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service);
            // One that takes too long is cut off; of one that fails nobody needs to hear.
            let _ = tokio::time::timeout(PATIENCE * 6, connection).await;
        });
    }
}

fn answer(request: &Request<Incoming>, page: &Mutex<Page>) -> Response<Full<Bytes>> {
    let said = |status: StatusCode, content_type: &'static str, text: String| {
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
        response
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, CLASSIC, "only GET and HEAD\n".to_owned());
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/metrics" => {
            let accepted = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
            let open = accepted.flat_map(|value| value.split(',')).any(|kind| {
                let kind = kind.trim();
                kind.starts_with("application/openmetrics-text") && !kind.contains("version=0.0.1")
            });
            let mut page = lock(page);
            if open {
                said(StatusCode::OK, OPEN_METRICS, page.open_metrics())
            } else {
                said(StatusCode::OK, CLASSIC, page.classic())
            }
        }
        "/" => said(StatusCode::OK, CLASSIC, "jobmon: the metrics are at /metrics\n".to_owned()),
        _ => said(StatusCode::NOT_FOUND, CLASSIC, "the metrics are at /metrics\n".to_owned()),
    }
}
