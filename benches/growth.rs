//! What it costs to ask a history, as calls grow: writes one, and asks it.
//!
//! ```text
//! cargo bench -p jobmon-benches --bench growth -- write FILE CALLS
//! cargo bench -p jobmon-benches --bench growth -- ask FILE
//! ```
//!
//! `growth.py` does both for several sizes, and asks DuckDB and chDB the same in the same run. Each line of the answer is a JSON
//! object. CPU time is that of this thread, by `/proc`.

use jobmon::report::{Once, Period, PeriodKind, Report};
use jobmon::{
    Alert, AlertWatch, Answer, Batch, CallId, CallRecord, Cost, End, ErrorCategory, Event, Exporter, Failure,
    History, Measure, Operation, PricedAnswer, Query, Range, Resource, SpanId, Sqlite, Text, Timestamp,
    TraceId, Usage, Usd,
};
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Calls are spread over so many days up to now.
const DAYS: u64 = 90;
const BATCH: usize = 5_000;
const FEATURES: u64 = 8;
const MODELS: [(&str, &str, u64, u64); 12] = [
    // Nanodollars for a token in, and out.
    ("openai", "gpt-4o", 2_500, 10_000),
    ("openai", "gpt-4o-mini", 150, 600),
    ("openai", "gpt-4.1", 2_000, 8_000),
    ("openai", "gpt-4.1-mini", 400, 1_600),
    ("anthropic", "claude-sonnet-4-0", 3_000, 15_000),
    ("anthropic", "claude-3-5-haiku-latest", 800, 4_000),
    ("gcp.gemini", "gemini-2.5-pro", 1_250, 10_000),
    ("gcp.gemini", "gemini-2.5-flash", 300, 2_500),
    ("gcp.gemini", "gemini-2.0-flash", 100, 400),
    ("mistral_ai", "mistral-large-latest", 2_000, 6_000),
    ("deepseek", "deepseek-chat", 270, 1_100),
    ("groq", "llama-3.3-70b-versatile", 590, 790),
];

/// A sequence of numbers that look random (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, most: u64) -> u64 {
        (self.next() >> 11) % most
    }
}

/// A session is some twenty calls, not far from each other.
fn session(numbers: &mut Numbers, n: u64) -> Text {
    Text::from(format!("session-{}", n / 200 * 10 + numbers.below(10)))
}

fn call(numbers: &mut Numbers, n: u64, at: Timestamp) -> CallRecord {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let mut call = CallRecord::new(id, Text::literal("analyze"), Operation::Chat, at);
    // Each feature has two models.
    let feature = numbers.below(FEATURES);
    let model = (feature + 5 * numbers.below(2)) % MODELS.len() as u64;
    let (provider, model, input_price, output_price) = MODELS[usize::try_from(model).unwrap_or(0)];
    call.provider = Some(Text::literal(provider));
    call.model = Some(Text::literal(model));
    call.scope.feature = Some(Text::from(format!("feature-{feature}")));
    call.scope.session = Some(session(numbers, n));
    // From a fifth of a second up to half a minute, most of them short.
    let millis = 200 + numbers.below(800) + (1 << numbers.below(15));
    call.duration = Some(Duration::from_millis(millis));
    call.first_token = Some(Duration::from_millis(100 + numbers.below(400)));
    if numbers.below(40) == 0 {
        call.end = End::Error;
        call.failure = Some(Failure::new(ErrorCategory::Timeout));
        call.cost = Some(Cost::AtLeast(Usd::ZERO));
        return call;
    }
    let (input, output) = (200 + numbers.below(4_000), 20 + numbers.below(800));
    let nanos = i64::try_from(input * input_price + output * output_price).unwrap_or(i64::MAX);
    let cost = Cost::Known(Usd::from_nanos(nanos));
    call.answers = vec![PricedAnswer::new(Answer::from(Usage::new(input, output)), 1, cost)];
    call.cost = Some(cost);
    call.prices = Some(Text::literal("bench"));
    call
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0);
    Duration::from_nanos(nanos)
}

fn tell(what: &str, calls: u64, cpu: Duration, wall: Duration) {
    let mut out = std::io::stdout();
    let _ = writeln!(
        out,
        "{{\"what\": \"{what}\", \"calls\": {calls}, \"cpu_ms\": {:.3}, \"wall_ms\": {:.3}}}",
        cpu.as_secs_f64() * 1e3,
        wall.as_secs_f64() * 1e3
    );
}

fn write(path: &str, calls: u64) -> Result<(), Box<dyn Error>> {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let now = Timestamp::now();
    let step = DAYS * 86_400_000_000_000 / calls.max(1);
    let mut resource = Resource::default();
    resource.service_name = Some(Text::literal("bench"));
    let resource = Arc::new(resource);
    let mut sqlite = Sqlite::open(path)?;
    sqlite.start()?;
    let (mut spent, begun) = (Duration::ZERO, Instant::now());
    let mut written = 0;
    while written < calls {
        let many = (calls - written).min(BATCH as u64);
        let at = |n: u64| now.minus(Duration::from_nanos((calls - n) * step));
        let events: Vec<Event> =
            (written..written + many).map(|n| Event::Call(Box::new(call(&mut numbers, n, at(n))))).collect();
        let batch = Batch { resource: Arc::clone(&resource), events: Arc::new(events) };
        let before = cpu();
        sqlite.export(&batch)?;
        spent += cpu().saturating_sub(before);
        written += many;
    }
    // As a monitor does, from time to time.
    while sqlite.tick().is_some_and(|wait| wait.is_zero()) {}
    sqlite.shutdown()?;
    tell("write", calls, spent, begun.elapsed());
    Ok(())
}

fn measured<T>(
    what: &str,
    calls: u64,
    ask: &mut dyn FnMut() -> Result<T, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    ask()?;
    // The best of some: others use this machine, too.
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..7 {
        let (before, begun) = (cpu(), Instant::now());
        ask()?;
        best = best.min((cpu().saturating_sub(before), begun.elapsed()));
    }
    tell(what, calls, best.0, best.1);
    Ok(())
}

fn ask(path: &str) -> Result<(), Box<dyn Error>> {
    let history = History::open(path)?;
    let all = Query::new([Measure::named("calls")?]).range(Range::ALL).run(&history)?;
    let calls = match all.first().and_then(|row| row.figures[0]) {
        Some(jobmon::Quantity::Count(calls)) => calls,
        _ => 0,
    };
    let month = Period::of(PeriodKind::Monthly, Timestamp::now()).previous();
    measured("monthly report", calls, &mut || Ok(Report::of_period(&History::open(path)?, month)?))?;
    measured("90 days by model", calls, &mut || {
        let range = Range {
            since: Timestamp::now().minus(Duration::from_secs(86_400 * DAYS)).day(),
            until: Timestamp::MAX,
        };
        let names = ["calls", "cost", "p50_latency", "p95_latency", "p99_latency"];
        let measures: Result<Vec<_>, _> = names.iter().map(|name| Measure::named(name)).collect();
        Ok(Query::new(measures?).by([jobmon::Dimension::Model]).range(range).run(&history)?)
    })?;
    let alerts = [
        Alert::new("errors", "error_rate > 5%").window(Duration::from_secs(300)),
        Alert::new("slow", "p95_latency > 30s")
            .window(Duration::from_secs(900))
            .by([jobmon::Dimension::Feature]),
        Alert::new("spend", "cost > $100").window(Duration::from_secs(86_400)),
        Alert::new("unusual", "anomaly(cost) > 4").window(Duration::from_secs(3_600)),
        Alert::new("month", "forecast(cost) > $1000000").window(Duration::from_secs(86_400)),
    ];
    let mut watch = AlertWatch::new(alerts)?;
    measured("alert evaluation", calls, &mut || {
        Ok(watch.look(&Once::as_asked(&History::open(path)?), Timestamp::now())?)
    })?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", path, calls] => write(path, calls.parse()?),
        ["ask", path] => ask(path),
        // With all other benches: a size that takes seconds.
        [] => {
            let folder = std::env::temp_dir().join(format!("jobmon-growth-{}", std::process::id()));
            std::fs::create_dir_all(&folder)?;
            let path = folder.join("h.db").display().to_string();
            let done = write(&path, 100_000).and_then(|()| ask(&path));
            std::fs::remove_dir_all(&folder)?;
            done
        }
        _ => Err("usage: growth write FILE CALLS | growth ask FILE".into()),
    }
}
