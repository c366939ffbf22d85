//! `jobmon serve`: takes OTLP of any program into the history, and shows it.

mod duties;
mod grpc;
mod guard;
mod ingest;
mod pages;
mod panels;
mod schedule;
mod store;

use crate::args::Source;
use crate::commands::{Answer, Message, message};
use crate::place::{Archive, Place};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use clap::Args as Group;
use duties::Duties;
use guard::{Hosts, Token};
use jobmon_core::{Alert, Intake, Settings, Timestamp};
use panels::Folder;
use schedule::Schedule;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long what runs has to end.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Group)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    source: Source,
    /// Where pages, API and OTLP/HTTP (`/v1/traces`, `/v1/logs`, `/v1/metrics`) are
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4320")]
    listen: SocketAddr,
    /// Where OTLP/gRPC is; `off` for nowhere
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4317")]
    grpc: GrpcAddress,
    /// What requests have to tell (`Authorization: Bearer ..`), and browsers at `/login`; needed to listen beyond this machine
    #[arg(long, value_name = "SECRET", env = "JOBMON_SERVE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A name under which the server is reached, beside addresses and `localhost`; can be repeated
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// The folder of dashboards of your own, each a TOML file
    #[arg(long, value_name = "FOLDER", default_value = "dashboards")]
    dashboards: PathBuf,
    /// The configuration with prices, redaction, `user_key`, budgets and alerts; default: `JOBMON_CONFIG`, else `jobmon.toml`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// An address, or none.
#[derive(Clone, Copy, Debug)]
struct GrpcAddress(Option<SocketAddr>);

impl FromStr for GrpcAddress {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let address = text.parse().map(|address| Self(Some(address)));
        address.map_err(|_| "expected an address such as `127.0.0.1:4317`, or `off`".to_owned())
    }
}

/// What all requests share.
#[derive(Clone, Debug)]
struct App {
    store: Store,
    place: Arc<Place>,
    settings: Arc<Settings>,
    alerts: Arc<Vec<Alert>>,
    folder: Arc<Folder>,
    token: Option<Token>,
    hosts: Arc<Hosts>,
}

impl App {
    /// Reads the history, on a thread that may wait.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Archive) -> Result<T, Message> + Send + 'static,
    ) -> Result<T, Message> {
        let place = Arc::clone(&self.place);
        let read = move || place.read(read);
        tokio::task::spawn_blocking(read).await.map_err(message)?
    }
}

pub(crate) fn run(args: ServeArgs) -> Result<Answer, Message> {
    let token = args.token.as_deref().filter(|token| !token.is_empty()).map(Token::new).transpose()?;
    for address in [Some(args.listen), args.grpc.0].into_iter().flatten() {
        if !address.ip().is_loopback() && token.is_none() {
            return Err(format!(
                "{address} can be reached from other machines, and without a token anybody could read and write the \
                 history: set JOBMON_SERVE_TOKEN or --token, or listen on 127.0.0.1"
            ));
        }
    }
    let settings = jobmon_export::settings(args.config.as_deref()).map_err(message)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(message)?.block_on(serve(args, token, settings))
}

async fn serve(args: ServeArgs, token: Option<Token>, settings: Settings) -> Result<Answer, Message> {
    let pages = listen(args.listen, "--listen").await?;
    let grpc = match args.grpc.0 {
        Some(address) => Some(listen(address, "--grpc, or `--grpc off`").await?),
        None => None,
    };
    let alerts = jobmon_export::alerts(args.config.as_deref()).map_err(message)?;
    let reports = schedule::read(args.config.as_deref())?;
    // Asking a ClickHouse waits.
    let (source, of_place) = (args.source.clone(), settings.clone());
    let opened = move || {
        let place = source.place(|| Ok(of_place))?;
        let keep = place.writer()?;
        Ok::<_, Message>((place, keep))
    };
    let (place, keep) = tokio::task::spawn_blocking(opened).await.map_err(message)??;
    let place = Arc::new(place);
    let (store, writer) = Store::open(keep, Intake::new(settings.clone()))?;
    let app = App {
        store: store.clone(),
        place: Arc::clone(&place),
        settings: Arc::new(settings),
        alerts: Arc::new(alerts),
        folder: Arc::new(Folder(args.dashboards)),
        token: token.clone(),
        hosts: Arc::new(Hosts(args.hosts)),
    };
    let channels = if reports.is_empty() {
        Vec::new()
    } else {
        jobmon_export::channels(args.config.as_deref()).map_err(message)?
    };
    let schedule =
        Schedule::new(reports, channels, Arc::clone(&place), app.settings.prices.clone(), Timestamp::now())?;
    let watched = place.alerts(args.config.as_deref()).map_err(message)?;
    let duties = Duties::start(watched, schedule, app.settings.retention, &place)?;
    let listens = |listener: &TcpListener| listener.local_addr().map_err(message);
    let mut told = format!("jobmon: pages and OTLP/HTTP at http://{}", listens(&pages)?);
    if let Some(grpc) = &grpc {
        told.push_str(&format!(", OTLP/gRPC at {}", listens(grpc)?));
    }
    // Standard error may be closed: then nobody wants to know.
    let _ = writeln!(std::io::stderr(), "{told}; the history is {place}");

    let (end, ending) = watch::channel(false);
    let when = |mut ending: watch::Receiver<bool>| async move {
        let _ = ending.wait_for(|end| *end).await;
    };
    let served = axum::serve(pages, router(app)).with_graceful_shutdown(when(ending.clone()));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { served.await.map_err(message) });
    if let Some(listener) = grpc {
        let served = grpc::serve(listener, store.clone(), token, when(ending));
        tasks.spawn(async move { served.await.map_err(message) });
    }
    let stopped = tokio::select! {
        () = asked_to_stop() => Ok(()),
        Some(ended) = tasks.join_next() => ended.map_err(message)?,
    };
    let _ = end.send(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    let in_time = tokio::time::timeout(GRACE, all).await.is_ok();
    tasks.abort_all();
    drop(tasks);
    let counts = Arc::clone(store.counts());
    drop(store);
    // What was taken is written to its end, and what is being told is told.
    let end = move || {
        let _ = writer.join();
        if let Some(duties) = duties {
            duties.end();
        }
    };
    let _ = tokio::time::timeout(GRACE, tokio::task::spawn_blocking(end)).await;
    stopped?;
    let (written, known) = (counts.written.load(Ordering::Relaxed), counts.known.load(Ordering::Relaxed));
    let refused = counts.refused.load(Ordering::Relaxed);
    let cut = if in_time { "" } else { "; some requests did not end in time" };
    let text =
        format!("{written} events written, {known} were there already, {refused} requests refused{cut}\n");
    Ok(text.into())
}

async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, Message> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("cannot listen on {address}: {error}; choose another with {option}"))
}

fn router(app: App) -> Router {
    Router::new()
        .route("/v1/traces", post(ingest::traces))
        .route("/v1/logs", post(ingest::logs))
        .route("/v1/metrics", post(ingest::metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(pages::router())
        .layer(DefaultBodyLimit::max(ingest::MOST_PACKED))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}

/// Until somebody presses Ctrl-C, or the system wants it to end.
async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut ended) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            let _ = interrupted.await;
            return;
        };
        tokio::select! {
            _ = interrupted => {}
            _ = ended.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupted.await;
}
