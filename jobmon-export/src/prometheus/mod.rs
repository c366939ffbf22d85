//! [`Prometheus`]: metrics for whoever comes and reads them, or in a file.

mod page;
mod server;

use jobmon_core::{Batch, ExportError, Exporter, Health};
use page::Page;
use server::Server;
use std::fmt;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the file is written.
const FILE_INTERVAL: Duration = Duration::from_secs(15);

/// Metrics for Prometheus, and for all that reads its formats: a page to scrape, a text file for node exporter's collector,
/// or both.
///
/// Counts and costs are exact whatever the sampling rate. `docs/prometheus.md` lists every metric. The page is at
/// `/metrics`, in OpenMetrics 1.0 with units and exemplars where the reader takes that, else in the classic text format.
/// It is served on a thread of its own.
///
/// ```
/// use jobmon_export::{Monitor, Prometheus};
///
/// let page = Prometheus::listen("127.0.0.1:0")?;
/// let address = page.local_addr();
/// let guard = Monitor::builder().exporter(page).install_local()?;
/// // curl http://{address}/metrics
/// # drop((address, guard));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "an exporter does nothing until a monitor has it"]
pub struct Prometheus {
    listener: Option<TcpListener>,
    address: Option<SocketAddr>,
    file: Option<PathBuf>,
    max_series: usize,
    health: Option<Health>,
    running: Option<Running>,
}

struct Running {
    page: Arc<Mutex<Page>>,
    server: Option<Server>,
    written: Option<Instant>,
}

impl Prometheus {
    fn new() -> Self {
        let max_series = crate::metrics::MOST;
        Self { listener: None, address: None, file: None, max_series, health: None, running: None }
    }

    /// Serves the page at an address, such as `127.0.0.1:9464`; port 0 takes any that is free. Who can reach the address
    /// can read it: there is no password.
    ///
    /// # Errors
    /// When the address is none, or is in use.
    pub fn listen(address: impl ToSocketAddrs + fmt::Display) -> std::io::Result<Self> {
        let told = |error: std::io::Error| {
            std::io::Error::new(error.kind(), format!("cannot listen at {address}: {error}"))
        };
        let listener = TcpListener::bind(&address).map_err(told)?;
        let local = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener: Some(listener), address: Some(local), ..Self::new() })
    }

    /// Writes the page into a file, every 15 seconds and at the end: always whole, for the textfile collector of
    /// [node exporter](https://github.com/prometheus/node_exporter#textfile-collector), which wants a name that ends with
    /// `.prom`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..Self::new() }
    }

    /// Writes the page into a file too.
    pub fn and_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Series of one metric at most; beyond it, further ones are counted together, with the label `otel_metric_overflow`.
    /// Default 2,000.
    pub const fn max_series(mut self, series: usize) -> Self {
        self.max_series = series;
        self
    }

    /// Where the page is.
    pub const fn local_addr(&self) -> Option<SocketAddr> {
        self.address
    }

    fn write(&mut self) -> Result<(), ExportError> {
        let (Some(running), Some(path)) = (&mut self.running, &self.file) else { return Ok(()) };
        running.written = Some(Instant::now());
        let text = lock(&running.page).classic();
        let beside = path.with_extension("prom.new");
        let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
        written.map_err(|error| ExportError::Refused {
            reason: format!("{} cannot be written: {error}", path.display()),
        })
    }
}

fn lock(page: &Mutex<Page>) -> std::sync::MutexGuard<'_, Page> {
    page.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus")
            .field("address", &self.address)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Exporter for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn health(&mut self, health: Health) {
        self.health = Some(health);
    }

    fn start(&mut self) -> Result<(), ExportError> {
        let health = self.health.clone().unwrap_or_else(|| Health::alone("prometheus"));
        let page = Arc::new(Mutex::new(Page::new(self.max_series, health)));
        let server = match self.listener.take() {
            Some(listener) => Some(Server::start(listener, Arc::clone(&page)).map_err(|error| {
                ExportError::Refused { reason: format!("its server cannot start: {error}") }
            })?),
            None => None,
        };
        self.running = Some(Running { page, server, written: None });
        self.write()
    }

    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        if let Some(running) = &self.running {
            lock(&running.page).add(batch);
        }
        Ok(())
    }

    fn tick(&mut self) -> Option<Duration> {
        self.file.as_ref()?;
        let written = self.running.as_ref()?.written?;
        if written.elapsed() >= FILE_INTERVAL
            && let Err(error) = self.write()
            && let Some(health) = &self.health
        {
            health.warn("file", &error.to_string());
        }
        Some(FILE_INTERVAL)
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.write()
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        if let Some(server) = self.running.as_mut().and_then(|running| running.server.take()) {
            server.stop();
        }
        Ok(())
    }
}
