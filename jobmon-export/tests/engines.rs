//! The same question has the same answer, whoever is asked: live windows, memory, SQLite, ClickHouse, and going through all events one by one.
//!
//! Of ClickHouse where the variable `E2E_CLICKHOUSE` says where one is (`tests/e2e/clickhouse.py` starts one).

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use jobmon_core::{
    Aggregate, Answer, Batch, Bucket, CallId, CallRecord, Cost, Dimension, End, Engine, EngineError,
    ErrorCategory, Event, Exporter, Fact, Failure, Feedback, Filter, Key, Label, Measure, Memory, Operation,
    Outcome, PricedAnswer, Quantity, Query, Range, Recent, Resource, Row, Scope, Score, Search, Side, SpanId,
    Text, Timestamp, TraceId, Usage, Usd, Verdict,
};
use jobmon_export::{History, Sqlite};
use std::sync::Arc;
use std::time::Duration;

const HOUR: i64 = 3_600_000_000_000;
/// 2026-11-20T00:00:00Z.
const START: i64 = 1_795_132_800_000_000_000;
const HOURS: i64 = 24 * 5;
const CALLS: u64 = 3_000;
const QUERIES: u64 = 240;

/// A sequence of numbers that look random (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % most
    }

    fn index(&mut self, most: usize) -> usize {
        usize::try_from(self.below(most as u64)).unwrap()
    }

    fn at(&mut self) -> Timestamp {
        Timestamp::from_nanos(
            START + i64::try_from(self.below(u64::try_from(HOURS * HOUR).unwrap())).unwrap(),
        )
    }

    /// One of so many names, or none.
    fn name(&mut self, what: &str, many: u64) -> Option<Text> {
        let n = self.below(many + 1);
        (n > 0).then(|| Text::from(format!("{what}'{n}\\")))
    }
}

fn call(numbers: &mut Numbers) -> CallRecord {
    let id = CallId { trace: TraceId::random(), span: SpanId::random() };
    let operation = [Operation::Chat, Operation::Embeddings, Operation::ExecuteTool, Operation::InvokeAgent]
        [numbers.index(4)];
    let mut call =
        CallRecord::new(id, numbers.name("name", 4).unwrap_or(Text::literal("ask")), operation, numbers.at());
    call.scope.feature = numbers.name("feature", 3);
    call.scope.strategy = numbers.name("strategy", 2);
    call.scope.session = numbers.name("session", 9);
    call.scope.user = numbers.name("user", 6);
    call.duration = (numbers.below(9) > 0).then(|| Duration::from_nanos(1 + numbers.below(90_000_000_000)));
    if numbers.below(5) == 0 {
        call.end = [End::Error, End::Cancelled, End::Panicked, End::Abandoned][numbers.index(4)];
        call.failure = (call.end == End::Error).then(|| {
            Failure::new(
                [ErrorCategory::RateLimit, ErrorCategory::Timeout, ErrorCategory::Parsing][numbers.index(3)],
            )
        });
    }
    if operation.is_model_call() {
        call.provider = numbers.name("provider", 2);
        call.model = numbers.name("model", 3);
        call.first_token =
            (numbers.below(2) == 0).then(|| Duration::from_nanos(numbers.below(2_000_000_000)));
        let cost = match numbers.below(4) {
            0 => Cost::Unpriced,
            1 => Cost::AtLeast(Usd::from_nanos(i64::try_from(numbers.below(9_000_000)).unwrap())),
            _ => Cost::Known(Usd::from_nanos(i64::try_from(numbers.below(9_000_000)).unwrap())),
        };
        let usage = Usage::new(numbers.below(5_000), numbers.below(900)).with_cache_read(numbers.below(99));
        call.answers = vec![PricedAnswer::new(Answer::from(usage), 1, cost)];
        call.cost = Some(cost);
    }
    call
}

fn fact(numbers: &mut Numbers, calls: &[CallRecord]) -> Event {
    let about = &calls[numbers.index(calls.len())];
    let mut scope = Scope::default();
    scope.clone_from(&about.scope);
    let mut fact = Fact::new(numbers.at(), Some(about.id), scope);
    let (provider, model) = (about.provider.clone(), about.model_name().cloned());
    fact.subject = Some(jobmon_core::Subject::new(about.name.clone(), about.operation, provider, model));
    #[expect(clippy::cast_precision_loss, reason = "small")]
    match numbers.below(5) {
        0 => Event::Score(Score::new(
            fact,
            numbers.name("score", 2).unwrap_or(Text::literal("s")),
            numbers.below(1_000) as f64 / 999.0,
        )),
        1 => Event::Feedback(Feedback::new(fact, [Verdict::Positive, Verdict::Negative][numbers.index(2)])),
        2 => {
            let value =
                (numbers.below(2) == 0).then(|| Usd::from_dollars(i64::try_from(numbers.below(50)).unwrap()));
            Event::Outcome(Outcome::new(
                fact,
                numbers.name("outcome", 2).unwrap_or(Text::literal("o")),
                value,
            ))
        }
        3 => {
            let mut search = Search::new(fact, Text::literal("rust"));
            (search.results, search.relevant) = (numbers.below(30), Some(numbers.below(10)));
            Event::Search(search)
        }
        _ => {
            let side = [Side::Prediction, Side::Truth][numbers.index(2)];
            Event::Label(Label::new(fact, Text::literal("match"), side, numbers.below(2) == 0))
        }
    }
}

/// All events one by one.
struct Naive(Vec<(Resource, Event)>);

impl Engine for Naive {
    fn scan(
        &self,
        query: &Query,
        visit: &mut dyn FnMut(Timestamp, &Key, &Aggregate),
    ) -> Result<(), EngineError> {
        for (resource, event) in self.0.iter().filter(|(_, event)| query.range.contains(event.at())) {
            Aggregate::sum_up(resource, event, &mut |key, add| {
                let mut one = Aggregate::default();
                add(&mut one);
                visit(event.at(), &key, &one);
            });
        }
        Ok(())
    }
}

fn query(numbers: &mut Numbers) -> Query {
    let measures =
        (0..=numbers.below(4)).map(|_| &Measure::ALL[numbers.index(Measure::ALL.len())]).collect::<Vec<_>>();
    let mut by: Vec<Dimension> = Vec::new();
    for _ in 0..numbers.below(3) {
        let dimension = Dimension::ALL[numbers.index(Dimension::ALL.len())];
        let is_second_fact = dimension.is_of_facts() && by.iter().any(|one| one.is_of_facts());
        if !by.contains(&dimension) && !is_second_fact {
            by.push(dimension);
        }
    }
    let mut since =
        START - HOUR + i64::try_from(numbers.below(u64::try_from(HOURS * HOUR).unwrap())).unwrap();
    let mut until = since + 1 + i64::try_from(numbers.below(u64::try_from(HOURS * HOUR).unwrap())).unwrap();
    if numbers.below(2) == 0 {
        (since, until) = (since / HOUR * HOUR, until / HOUR * HOUR + HOUR);
    }
    let range = if numbers.below(6) == 0 {
        Range::ALL
    } else {
        Range { since: Timestamp::from_nanos(since), until: Timestamp::from_nanos(until) }
    };
    let mut query = Query::new(measures).by(by).range(range);
    query.bucket = [None, Some(Bucket::Hour), Some(Bucket::Day)][numbers.index(3)];
    for _ in 0..numbers.below(3) {
        let dimension = Dimension::ALL[numbers.index(Dimension::ALL.len())];
        let what = dimension.name();
        let values = (0..=numbers.below(2)).map(|_| numbers.name(what, 3)).collect();
        query.filters.push(Filter { dimension, negated: numbers.below(3) == 0, values });
    }
    query
}

/// Exact percentiles, for what sketches say of them.
fn exact(events: &[(Resource, Event)], q: f64) -> Option<f64> {
    let mut times: Vec<f64> = events
        .iter()
        .filter_map(|(_, event)| if let Event::Call(call) = event { call.duration } else { None })
        .map(|time| time.as_secs_f64())
        .collect();
    times.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "small"
    )]
    let rank = (q * times.len() as f64).ceil() as usize;
    times.get(rank.checked_sub(1)?).copied()
}

#[test]
fn every_engine_gives_the_same_answers() {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut resource = Resource::default();
    resource.service_name = Some(Text::literal("engines"));
    let calls: Vec<CallRecord> = (0..CALLS).map(|_| call(&mut numbers)).collect();
    let mut events: Vec<Event> = calls.iter().cloned().map(|call| Event::Call(Box::new(call))).collect();
    events.extend((0..CALLS).map(|_| fact(&mut numbers, &calls)));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("h.db");
    let mut exporters: Vec<Box<dyn Exporter>> = vec![Box::new(Sqlite::open(&path).unwrap())];
    let clickhouse = std::env::var("E2E_CLICKHOUSE").ok();
    #[cfg(feature = "clickhouse")]
    if let Some(url) = &clickhouse {
        exporters.push(Box::new(jobmon_export::ClickHouse::to(url).unwrap()));
    }
    for exporter in &mut exporters {
        exporter.start().unwrap();
        for part in events.chunks(700) {
            let batch = Batch { resource: Arc::new(resource.clone()), events: Arc::new(part.to_vec()) };
            exporter.export(&batch).unwrap();
        }
    }
    // What a history knows more of a fact than who told it, such as the other side of a label, others are to know, too.
    let history = History::open(&path).unwrap();
    let mut all = Vec::new();
    history.events(Range::ALL, &mut |resource, event| all.push((resource.clone(), event.clone()))).unwrap();
    let mut memory = Memory::default();
    let mut recent = Recent::default();
    for (resource, event) in &all {
        memory.add(resource, event);
        recent.add(resource, event);
    }
    let naive = Naive(all);
    #[cfg(feature = "clickhouse")]
    let from_clickhouse =
        clickhouse.as_deref().map(|url| jobmon_export::ClickHouseHistory::open(url).unwrap());

    let (mut rows, mut asked) = (0, [0_u32; 3]);
    for number in 0..QUERIES {
        let query = query(&mut numbers);
        let wanted: Vec<Row> = query.run(&naive).unwrap();
        rows += wanted.len();
        let same = |name: &str, engine: &dyn Engine| {
            let found = query.run(engine).unwrap_or_else(|error| panic!("{name}: {error} at {query:?}"));
            assert_eq!(found, wanted, "{name}, query {number}: {query:?}");
        };
        same("SQLite", &history);
        asked[0] += 1;
        let is_whole = query.range == Range::ALL
            || (query.range.since == query.range.since.hour()
                && query.range.until == query.range.until.hour());
        if is_whole && !query.needs_events() {
            same("memory", &memory);
            same("live windows", &recent);
            asked[1] += 1;
        }
        #[cfg(feature = "clickhouse")]
        if let Some(engine) = &from_clickhouse {
            same("ClickHouse", engine);
            asked[2] += 1;
        }
    }
    assert!(rows > 1_000 && asked[0] >= 200 && asked[1] >= 40, "{rows} rows, {asked:?}");
    assert!(clickhouse.is_none() || asked[2] >= 200, "{asked:?}");
    for (name, q) in [("p50_latency", 0.5), ("p95_latency", 0.95), ("p99_latency", 0.99)] {
        let told = Query::new([Measure::named(name).unwrap()]).run(&history).unwrap()[0].figures[0].unwrap();
        let Quantity::Duration(told) = told else { panic!("{told:?}") };
        let exact = exact(&naive.0, q).unwrap();
        assert!((told.as_secs_f64() / exact - 1.0).abs() <= 1.0 / 128.0, "{name}: {told:?} for {exact}");
    }
}
