//! Tables in ClickHouse and their version.
//!
//! One insert goes to `ingest`, which keeps nothing: materialised views put single events into `events`, and what a batch adds to
//! sums into `hourly` and `daily`, which merge rows of one key. Distributions are counts by bucket (`Sketch`), which a map adds up.

use jobmon_core::{Aggregate, Dimension, Retention, Stored};
use std::time::Duration;

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

/// Columns of ids.
const IDS: [&str; 5] = ["trace_id", "span_id", "parent_span_id", "session", "user"];

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
pub(super) fn statements(database: &str, retention: Retention) -> Vec<String> {
    let dims =
        |kind: &str| dimensions().map(|name| format!("`{name}` {kind}")).collect::<Vec<_>>().join(", ");
    let low = dims("LowCardinality(String)");
    let ids = IDS.map(|name| format!("`{name}` String")).join(", ");
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
        IDS.iter().map(|name| format!("`{name}`")).chain(TYPED.iter().map(|(name, _)| (*name).to_owned()));
    let columns_of_events = columns_of_events.collect::<Vec<_>>().join(", ");
    let columns_of_sums = sums.iter().map(|(name, _, _)| name.clone()).collect::<Vec<_>>().join(", ");
    let ttl = |column: &str, after: Option<Duration>| {
        after.map_or_else(String::new, |after| {
            format!(" TTL toDateTime({column}) + INTERVAL {} SECOND DELETE", after.as_secs())
        })
    };
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
             batch String, {low}, {ids}, {typed}, INDEX by_trace trace_id TYPE bloom_filter GRANULARITY 4)
             ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(at) ORDER BY (toStartOfHour(at), kind, at, trace_id, span_id, cityHash64(event)){}",
            ttl("at", retention.of(Stored::Calls))
        ),
        format!(
            "CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.ingest_to_events TO {database}.events AS
             SELECT fromUnixTimestamp64Nano(at, 'UTC') AS at, {}, {columns_of_events} FROM {database}.ingest WHERE kind != 'sum'",
            names(&["kind", "batch"])
        ),
    ];
    for (table, of, kept) in [
        ("hourly", "toStartOfHour", retention.of(Stored::Hours)),
        ("daily", "toStartOfDay", retention.of(Stored::Days)),
    ] {
        all.push(format!(
            "CREATE TABLE IF NOT EXISTS {database}.{table} (start DateTime('UTC'), {low}, {merged})
             ENGINE = AggregatingMergeTree PARTITION BY toYYYYMM(start) ORDER BY (start, {key}){}",
            ttl("start", kept)
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
