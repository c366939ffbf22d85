//! [`Delivery`]: requests on their way to one address, kept while it is away.

#[cfg(feature = "otlp-grpc")]
mod grpc;
mod http;
mod reply;
mod spool;

use super::target::{Protocol, Route};
use jobmon_core::Health;
use reply::Reply;
use spool::{Spool, Stored};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, unless the backend asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a backend may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// What is left of the time to shut down, for keeping what could not be delivered.
const MARGIN: Duration = Duration::from_millis(100);

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// An encoded request, and how many events it settles.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) body: Vec<u8>,
    pub(crate) events: u64,
}

/// How requests travel.
enum Transport {
    Http(http::Http),
    #[cfg(feature = "otlp-grpc")]
    Grpc(grpc::Grpc),
}

impl Transport {
    fn send(&mut self, body: &[u8], timeout: Duration) -> Reply {
        match self {
            Self::Http(http) => http.send(body, timeout),
            #[cfg(feature = "otlp-grpc")]
            Self::Grpc(grpc) => grpc.send(body, timeout),
        }
    }
}

/// Requests of one signal on their way to one address.
///
/// While the address is away they are kept, on disk if there is a folder for it, and delivered oldest first. Nothing here
/// waits longer than one request may take.
pub(crate) struct Delivery {
    signal: Signal,
    route: Route,
    transport: Transport,
    health: Health,
    /// Whether a request says all that those before it said.
    replaces: bool,
    /// Requests in memory, oldest first, and their bytes.
    waiting: VecDeque<Request>,
    bytes: usize,
    spool: Option<Spool>,
    /// When the next try is due, after so many failures in a row.
    next_try: Option<Instant>,
    failures: u32,
}

impl Delivery {
    /// Prepares everything; nothing is sent yet. Metrics are sums or differences.
    ///
    /// # Errors
    /// Why it cannot work: a certificate that cannot be read, a spool that cannot be made.
    pub(crate) fn open(signal: Signal, route: Route, delta: bool, health: Health) -> Result<Self, String> {
        let transport = match route.protocol {
            Protocol::Http => Transport::Http(http::Http::open(&route)?),
            #[cfg(feature = "otlp-grpc")]
            Protocol::Grpc => Transport::Grpc(grpc::Grpc::open(signal, &route)?),
            #[cfg(not(feature = "otlp-grpc"))]
            Protocol::Grpc => return Err("gRPC needs the feature `otlp-grpc` of jobmon".to_owned()),
        };
        // A later request of metrics says all that an earlier one did.
        let spool = match &route.spool {
            Some(folder) if signal != Signal::Metrics => {
                Some(Spool::open(folder, signal, route.spool_limit, health.clone())?)
            }
            _ => None,
        };
        let (waiting, bytes) = (VecDeque::new(), 0);
        let replaces = signal == Signal::Metrics && !delta;
        Ok(Self {
            signal,
            route,
            transport,
            health,
            replaces,
            waiting,
            bytes,
            spool,
            next_try: None,
            failures: 0,
        })
    }

    /// Takes a request: sends it at once if nothing waits, else keeps it.
    pub(crate) fn take(&mut self, request: Request) {
        if self.is_idle() && self.is_due() {
            if let Some(request) = self.try_now(request, self.route.timeout) {
                self.keep(request);
            }
        } else {
            self.keep(request);
        }
    }

    /// Whether nothing waits.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.spool.as_ref().is_none_or(Spool::is_empty)
    }

    fn is_due(&self) -> bool {
        self.next_try.is_none_or(|at| at <= Instant::now())
    }

    /// Keeps a request for later: on disk, else in memory, within bounds.
    fn keep(&mut self, request: Request) {
        let request = match &mut self.spool {
            Some(spool) => match spool.push(request) {
                Ok(()) => return,
                Err(spool::Refusal::Full(request)) => {
                    self.lose(request.events, "its spool is full", "spool_limit");
                    return;
                }
                Err(spool::Refusal::Failed(request)) => request,
            },
            None => request,
        };
        if self.replaces {
            self.waiting.clear();
            self.bytes = 0;
        }
        if self.bytes + request.body.len() > self.route.memory_limit {
            self.lose(request.events, "too much waits for it in memory", "memory_limit");
            return;
        }
        self.bytes += request.body.len();
        self.waiting.push_back(request);
    }

    fn lose(&self, events: u64, why: &str, setting: &str) {
        self.health.dropped(events);
        let name = self.signal.name();
        self.health.warn(setting, &format!("{name} are lost from now on, since {why} (`{setting}`)"));
    }

    /// Sends the oldest request if that is due, and says when to call again.
    pub(crate) fn pump(&mut self) -> Option<Duration> {
        if self.is_idle() {
            return None;
        }
        if let Some(at) = self.next_try
            && let Some(left) = at.checked_duration_since(Instant::now())
            && !left.is_zero()
        {
            return Some(left);
        }
        self.send_oldest(self.route.timeout);
        if self.is_idle() {
            return None;
        }
        Some(self.next_try.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now())))
    }

    /// Tries to deliver the oldest request that waits; false when it still does.
    fn send_oldest(&mut self, timeout: Duration) -> bool {
        // What is on disk is older than what found no room there.
        if let Some(spool) = self.spool.as_mut().filter(|spool| !spool.is_empty()) {
            let Some(Stored { body, events, own }) = spool.oldest() else { return true };
            let reply = self.transport.send(&body, timeout);
            self.health.retried(events);
            let settled = self.settle(&reply, events, own);
            if settled && let Some(spool) = &mut self.spool {
                spool.remove_oldest();
            }
            return settled;
        }
        let Some(request) = self.waiting.pop_front() else { return true };
        self.bytes = self.bytes.saturating_sub(request.body.len());
        self.health.retried(request.events);
        match self.try_now(request, timeout) {
            None => true,
            Some(request) => {
                self.bytes += request.body.len();
                self.waiting.push_front(request);
                false
            }
        }
    }

    /// Sends a request; gives it back when it is to be sent again.
    fn try_now(&mut self, request: Request, timeout: Duration) -> Option<Request> {
        let reply = self.transport.send(&request.body, timeout);
        if self.settle(&reply, request.events, true) { None } else { Some(request) }
    }

    /// Draws the consequences of a reply; false when the request is to be sent again.
    fn settle(&mut self, reply: &Reply, events: u64, own: bool) -> bool {
        let signal = self.signal.name();
        match reply {
            Reply::Taken { rejected, message } => {
                if self.failures > 0 {
                    self.health.warn("back", &format!("{} takes {signal} again", self.route.shown()));
                }
                (self.failures, self.next_try) = (0, None);
                // Of metrics, data points are rejected, and no events.
                let lost = if self.signal == Signal::Metrics { 0 } else { (*rejected).min(events) };
                if *rejected > 0 || !message.is_empty() {
                    self.health.warn(
                        "partial",
                        &format!("{} rejected {rejected} of the {signal}: {message}", self.route.shown()),
                    );
                }
                if own {
                    self.health.exported(events - lost);
                    self.health.dropped(lost);
                } else {
                    self.health.recovered(events - lost);
                }
                true
            }
            Reply::Refused(reason) => {
                self.failures = 0;
                self.next_try = None;
                if own {
                    self.health.dropped(events);
                }
                self.health.warn(
                    kind(reason),
                    &format!("{} refuses {signal}, which are lost: {reason}", self.route.shown()),
                );
                true
            }
            Reply::Away { reason, after } => {
                self.failures = self.failures.saturating_add(1);
                let pause = after.map_or_else(|| pause(self.failures), |after| after.min(LONGEST_ASKED));
                self.next_try = Instant::now().checked_add(pause);
                let kept = if self.spool.is_some() { "on disk" } else { "in memory" };
                self.health.warn(
                    kind(reason),
                    &format!(
                        "{} does not take {signal}, which are kept {kept}: {reason}",
                        self.route.shown()
                    ),
                );
                false
            }
        }
    }

    /// Delivers what it can until whoever waits stops waiting. What is safe on disk, or would be said again, is tried
    /// once; events in memory again and again.
    pub(crate) fn flush(&mut self) {
        let default = Instant::now() + self.route.timeout;
        let deadline = self.health.deadline().unwrap_or(default);
        let left = || deadline.saturating_duration_since(Instant::now()).saturating_sub(MARGIN);
        while !self.is_idle() {
            if left().is_zero() {
                return;
            }
            if !self.send_oldest(self.route.timeout.min(left())) {
                let insists = self.spool.is_none() && self.signal != Signal::Metrics;
                let pause =
                    self.next_try.map_or(FIRST_PAUSE, |at| at.saturating_duration_since(Instant::now()));
                if !insists || pause >= left() {
                    return;
                }
                std::thread::sleep(pause);
            }
        }
    }

    /// Keeps what could not be delivered for a later run, or gives it up.
    pub(crate) fn close(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let mut lost = 0;
        for request in waiting {
            let events = request.events;
            match self.spool.as_mut().map(|spool| spool.push(request)) {
                Some(Ok(())) => {}
                _ => lost += events,
            }
        }
        if lost > 0 {
            self.lose(lost, "it ends, and they have not been taken", "spool");
        }
    }
}

/// What of a reason is the same each time, so that one line tells of all of them.
fn kind(reason: &str) -> &str {
    reason.split(':').next().unwrap_or(reason)
}

/// The pause after so many failures in a row: twice as long each time, and not the same for everybody.
fn pause(failures: u32) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(5)).min(LONGEST_PAUSE);
    let random = jobmon_core::SpanId::random().to_bytes()[0];
    full.mul_f64(0.5 + f64::from(random) / 510.0)
}
