//! Tables in ClickHouse and their version.
//!
//! One insert goes to `ingest`, which keeps nothing: materialised views put single events into `events`, and what a batch adds to
//! sums into `hourly` and `daily`, which merge rows of one key. Distributions are counts by bucket (`Sketch`), which a map adds up.

use jobmon_core::{Aggregate, Dimension, Retention, Stored};

/// Version of the tables below.
pub(super) const VERSION: u32 = 1;

/// Typed columns of single events beside the dimensions, with their types.
pub(super) const TYPED: [(&str, &str); 15] = [
    ("ending", "LowCardinality(String)"),
    ("duration_nanos", "Nullable(Int64)"),
    ("first_token_nanos", "Nullable(Int64)"),
    ("input_tokens", "Nullable(Int64)"),
    ("output_tokens", "Nullable(Int64)"),
    ("cache_read_tokens", "Nullable(Int64)"),
    ("cache_write_tokens", "Nullable(Int64)"),
    ("reasoning_tokens", "Nullable(Int64)"),
    ("cost_nanodollars", "Nullable(Int64)"),
    ("cost_grade", "LowCardinality(String)"),
    ("wasted_nanodollars", "Int64"),
    ("attempts", "UInt32"),
    ("value", "Nullable(Float64)"),
    ("value_nanodollars", "Nullable(Int64)"),
    ("event", "String"),
];

/// Fifty years, in seconds.
const LONGEST: u64 = 50 * 365 * 86_400;

/// Columns of ids.
const IDS: [&str; 4] = ["trace_id", "span_id", "parent_span_id", "session"];

/// Columns that may be kept for a shorter time than the event that they are of.
pub(super) const APART: [(&str, Stored); 2] = [("user", Stored::Users), ("content", Stored::Content)];

/// A single event as JSON, put together again.
pub(super) const EVENT: &str = "concat(substring(event, 1, length(event) - 1),
    if(user = '', '', concat(',\"user\":', toJSONString(user))), if(content = '', '', concat(',\"content\":', content)), '}')";

pub(super) fn dimensions() -> impl Iterator<Item = &'static str> {
    Dimension::ROLLUP.iter().map(|dimension| dimension.name())
}

/// Columns of a distribution: how many numbers each bucket has, and what is exact.
pub(super) fn of_sketch(name: &str) -> [(String, &'static str, &'static str); 4] {
    [
        (format!("{name}_buckets"), "Map(Int32, UInt64)", "sumMap"),
        (format!("{name}_sum"), "Int128", "sum"),
        (format!("{name}_min"), "Int64", "min"),
        (format!("{name}_max"), "Int64", "max"),
    ]
}

fn sums() -> Vec<(String, &'static str, &'static str)> {
    let numbers = Aggregate::NUMBERS.iter().map(|name| (format!("sum_{name}"), "Int64", "sum"));
    numbers.chain(Aggregate::SKETCHES.iter().flat_map(|name| of_sketch(name))).collect()
}

/// Makes what is not there.
pub(super) fn statements(database: &str) -> Vec<String> {
    let dims =
        |kind: &str| dimensions().map(|name| format!("`{name}` {kind}")).collect::<Vec<_>>().join(", ");
    let low = dims("LowCardinality(String)");
    let ids = IDS.iter().copied().chain(APART.map(|(name, _)| name));
    let ids = ids.map(|name| format!("`{name}` String")).collect::<Vec<_>>().join(", ");
    let typed = TYPED.map(|(name, kind)| format!("{name} {kind}")).join(", ");
    let sums = sums();
    let plain = sums.iter().map(|(name, kind, function)| {
        // What a row does not say changes neither the least nor the greatest.
        let neutral = match *function {
            "min" => format!(" DEFAULT {}", i64::MAX),
            "max" => format!(" DEFAULT {}", i64::MIN),
            _ => String::new(),
        };
        format!("{name} {kind}{neutral}")
    });
    let plain = plain.collect::<Vec<_>>().join(", ");
    let merged = sums
        .iter()
        .map(|(name, kind, function)| format!("{name} SimpleAggregateFunction({function}, {kind})"));
    let merged = merged.collect::<Vec<_>>().join(", ");
    let names = |extra: &[&str]| {
        let all =
            extra.iter().map(|name| (*name).to_owned()).chain(dimensions().map(|name| format!("`{name}`")));
        all.collect::<Vec<_>>().join(", ")
    };
    let columns_of_events =
        IDS.iter().copied().chain(APART.map(|(name, _)| name)).chain(TYPED.map(|(name, _)| name));
    let columns_of_events = columns_of_events.map(|name| format!("`{name}`"));
    let columns_of_events = columns_of_events.collect::<Vec<_>>().join(", ");
    let columns_of_sums = sums.iter().map(|(name, _, _)| name.clone()).collect::<Vec<_>>().join(", ");
    let key = dimensions().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut all = vec![
        format!("CREATE DATABASE IF NOT EXISTS {database}"),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.jobmon_schema (version UInt32, at DateTime DEFAULT now())
             ENGINE = ReplacingMergeTree ORDER BY version"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.ingest (kind LowCardinality(String), batch String, at Int64, {low}, {ids}, {typed}, {plain})
             ENGINE = Null"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.events (at DateTime64(9, 'UTC') CODEC(Delta, ZSTD), kind LowCardinality(String),
             {low}, {ids}, {typed}, added DateTime64(9, 'UTC') DEFAULT now64(9),
             INDEX by_trace trace_id TYPE bloom_filter GRANULARITY 4, INDEX by_added added TYPE minmax GRANULARITY 1)
             ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (toStartOfHour(at), kind, at, trace_id, span_id, cityHash64(event))"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.alert_states (project String, service String, environment String, kept Int64, states String)
             ENGINE = ReplacingMergeTree(kept) ORDER BY (project, service, environment)"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.alert_changes (at Int64, project String, service String, environment String,
             alert String, groups String, kind LowCardinality(String), since Int64, silent Bool)
             ENGINE = MergeTree ORDER BY at"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.silences (alert String, until Int64, said Int64) ENGINE = ReplacingMergeTree(said) ORDER BY alert"
        ),
        format!(
            "CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.ingest_to_events TO {database}.events AS
             SELECT fromUnixTimestamp64Nano(at, 'UTC') AS at, {}, {columns_of_events} FROM {database}.ingest WHERE kind != 'sum'",
            names(&["kind"])
        ),
    ];
    all.push(format!(
        "CREATE TABLE IF NOT EXISTS {database}.batches (batch String, written DateTime DEFAULT now())
         ENGINE = ReplacingMergeTree ORDER BY batch TTL written + INTERVAL 1 DAY DELETE"
    ));
    all.push(format!(
        "CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.ingest_to_batches TO {database}.batches AS
         SELECT DISTINCT batch FROM {database}.ingest"
    ));
    for (table, of) in [("hourly", "toStartOfHour"), ("daily", "toStartOfDay")] {
        all.push(format!(
            "CREATE TABLE IF NOT EXISTS {database}.{table} (start DateTime('UTC'), {low}, {merged})
             ENGINE = AggregatingMergeTree PARTITION BY toYYYYMM(start) ORDER BY (start, {key})"
        ));
        all.push(format!(
            "CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.ingest_to_{table} TO {database}.{table} AS
             SELECT {of}(toDateTime(intDiv(at, 1000000000), 'UTC')) AS start, {}, {columns_of_sums} FROM {database}.ingest WHERE kind = 'sum'",
            names(&[])
        ));
    }
    all.push(format!(
        "INSERT INTO {database}.jobmon_schema (version) SELECT {VERSION} WHERE {VERSION} NOT IN (SELECT version FROM {database}.jobmon_schema)"
    ));
    all
}

/// How long rows and columns are kept, as far as a configuration says so: to be said where it is not so yet. A statement, the table
/// that it changes, and what the table's own statement has when it is done.
pub(super) fn keeping(database: &str, retention: Retention) -> Vec<(String, &'static str, String)> {
    // What is kept for longer than a date reaches is kept for ever.
    let after = |what: Stored| {
        retention.of(what).map(|time| time.as_secs().max(1)).filter(|seconds| *seconds < LONGEST)
    };
    let ttl = |column: &str, seconds: u64| format!("toDateTime({column}) + toIntervalSecond({seconds})");
    let alter = |table: &'static str, change: String, done: String| {
        (
            format!("ALTER TABLE {database}.{table} {change} SETTINGS materialize_ttl_after_modify = 0"),
            table,
            done,
        )
    };
    let mut all = Vec::new();
    for (column, what) in APART {
        if let Some(seconds) = after(what) {
            let ttl = ttl("at", seconds);
            all.push(alter(
                "events",
                format!("MODIFY COLUMN `{column}` String TTL {ttl}"),
                format!("`{column}` String TTL {ttl}"),
            ));
        }
    }
    let of_rows = [("call", Stored::Calls), ("fact", Stored::Facts)].map(|(kind, what)| {
        after(what).map(|seconds| format!("{} WHERE kind = '{kind}'", ttl("at", seconds)))
    });
    let of_rows = of_rows.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !of_rows.is_empty() {
        all.push(alter("events", format!("MODIFY TTL {of_rows}"), format!("TTL {of_rows}")));
    }
    for (table, what) in [("hourly", Stored::Hours), ("daily", Stored::Days)] {
        if let Some(seconds) = after(what) {
            let ttl = ttl("start", seconds);
            all.push(alter(table, format!("MODIFY TTL {ttl}"), format!("TTL {ttl}")));
        }
    }
    all
}
