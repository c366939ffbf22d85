//! The libraries compared, each set up as its documentation says, to send to one address.

use crate::work;
use logfire::config::{AdvancedOptions, SendToLogfire};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{MetricExporter, WithExportConfig};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::error::Error;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Names, in the order of the table; the first is what the others are held against.
pub(crate) const NAMES: [&str; 6] =
    ["bare", "jobmon", "opentelemetry", "opentelemetry + metrics", "tracing-opentelemetry", "logfire"];

/// A library that is set up.
pub(crate) struct Library {
    /// Makes so many calls.
    pub(crate) run: fn(usize),
    /// Waits until what was recorded is sent.
    pub(crate) flush: Box<dyn Fn()>,
    /// Sends the rest.
    pub(crate) end: Box<dyn FnOnce()>,
}

fn call<F: Future>(times: usize, make: impl Fn(&'static str) -> F) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        let _ = black_box(pin!(make(black_box("job-0123456789abcdef"))).poll(&mut context));
    }
}

fn provider(address: &str) -> Result<SdkTracerProvider, Box<dyn Error>> {
    let exporter =
        opentelemetry_otlp::SpanExporter::builder().with_http().with_endpoint(format!("{address}/v1/traces"));
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter.build()?).build())
}

pub(crate) fn set_up(name: &str, address: &str) -> Result<Library, Box<dyn Error>> {
    if !matches!(name, "bare" | "jobmon") {
        // Their HTTP client panics without one, even where nothing is encrypted.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    Ok(match name {
        "bare" => {
            Library { run: |times| call(times, work::bare), flush: Box::new(|| ()), end: Box::new(|| ()) }
        }
        "jobmon" => {
            let guard =
                jobmon::Monitor::builder().without_config().exporter(jobmon::Otlp::to(address)).install()?;
            let guard = std::rc::Rc::new(std::cell::RefCell::new(Some(guard)));
            let flushed = std::rc::Rc::clone(&guard);
            Library {
                run: |times| call(times, work::with_jobmon),
                flush: Box::new(move || {
                    if let Some(guard) = &*flushed.borrow() {
                        guard.flush(Duration::from_secs(5));
                    }
                }),
                end: Box::new(move || drop(guard.take().map(jobmon::Guard::shutdown))),
            }
        }
        "opentelemetry" => {
            let provider = provider(address)?;
            let _ = work::TRACER.set(provider.tracer("peers"));
            let ended = provider.clone();
            Library {
                run: |times| call(times, work::with_opentelemetry),
                flush: Box::new(move || drop(provider.force_flush())),
                end: Box::new(move || drop(ended.shutdown())),
            }
        }
        "opentelemetry + metrics" => {
            let provider = provider(address)?;
            let _ = work::TRACER.set(provider.tracer("peers"));
            let exporter =
                MetricExporter::builder().with_http().with_endpoint(format!("{address}/v1/metrics"));
            let metrics = SdkMeterProvider::builder().with_periodic_exporter(exporter.build()?).build();
            let meter = metrics.meter("peers");
            let tokens = |name| meter.u64_histogram(name).with_unit("{token}").build();
            let tokens = [
                tokens("gen_ai.client.operation.input_tokens"),
                tokens("gen_ai.client.operation.output_tokens"),
            ];
            let duration = meter.f64_histogram("gen_ai.client.operation.duration").with_unit("s").build();
            let _ = work::HISTOGRAMS.set((duration, tokens));
            let ended = provider.clone();
            Library {
                run: |times| call(times, work::with_opentelemetry_metrics),
                flush: Box::new(move || drop(provider.force_flush())),
                end: Box::new(move || {
                    let _ = ended.shutdown();
                    drop(metrics.shutdown())
                }),
            }
        }
        "tracing-opentelemetry" => {
            let provider = provider(address)?;
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("peers"));
            tracing_subscriber::registry().with(layer).init();
            let ended = provider.clone();
            Library {
                run: |times| call(times, work::with_tracing),
                flush: Box::new(move || drop(provider.force_flush())),
                end: Box::new(move || drop(ended.shutdown())),
            }
        }
        "logfire" => {
            let logfire = logfire::configure()
                .send_to_logfire(SendToLogfire::Yes)
                .with_token("pylf_v1_local_0000")
                .with_console(None)
                .with_metrics(None)
                .with_install_panic_handler(false)
                .with_advanced_options(AdvancedOptions::default().with_base_url(address))
                .finish()?;
            let ended = logfire.clone();
            Library {
                run: |times| call(times, work::with_logfire),
                flush: Box::new(move || drop(logfire.force_flush())),
                end: Box::new(move || drop(ended.shutdown())),
            }
        }
        _ => return Err(format!("no library {name:?}; there are {}", NAMES.join(", ")).into()),
    })
}
