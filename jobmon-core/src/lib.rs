//! The life of an LLM call, from its first poll to the aggregates that answer questions about it.
//!
//! This crate knows no exporter, no runtime, no HTTP client and no OpenTelemetry type. Users depend on `jobmon`,
//! which re-exports it.
//!
//! Data flows one way: a [`Site`](__private::Site) starts a call, the call ends as one [`Event`], a [`Pipeline`]
//! prices it and hands it to each [`Exporter`], an [`Aggregate`] sums events up, a [`Query`] asks aggregates.

/// Whether feature `disabled` turned everything off. Code asks this, and not `cfg`, so that both ways are compiled.
const DISABLED: bool = cfg!(feature = "disabled");

#[doc(hidden)]
pub mod __private;
mod adapter;
mod aggregate;
mod alert;
mod attempt;
mod attempts;
mod budget;
mod call;
mod capture;
mod category;
mod context;
mod costing;
mod delivery;
mod digest;
mod dimension;
mod event;
mod exporter;
mod facts;
mod failure;
mod foreign;
mod id;
mod insight;
mod intake;
mod labels;
mod lane;
mod late;
mod measure;
mod money;
mod monitor;
mod monitored;
mod observed;
mod operation;
mod origin;
mod prediction;
mod price;
mod probe;
mod pseudonym;
mod query;
mod recorded;
mod redact;
pub mod report;
mod response;
mod retention;
mod retry;
mod rollup;
mod running;
mod sampling;
mod sensitive;
mod setting;
mod settings;
mod site;
mod sketch;
mod stats;
mod streamed;
mod surroundings;
mod table;
pub mod testing;
mod text;
mod time;
mod usage;
mod usage_unit;
mod value;
mod warning;
mod wire;
mod words;
mod worker;

#[cfg(feature = "reqwest-middleware")]
pub use adapter::record_attempts;
#[cfg(feature = "reqwest")]
pub use adapter::{error_for_status, retry_after_from_headers};
pub use aggregate::{Aggregate, Place};
pub use alert::{
    Alert, AlertError, AlertMemory, AlertReplay, AlertState, AlertWatch, Comparator, Comparison, Condition,
    ConditionError, Function, NoData, Notice, NoticeKind, Recent, Threshold,
};
pub use attempt::{Attempted, attempt, attempt_with};
pub use budget::{
    Amount, Budget, BudgetError, BudgetExceeded, BudgetStatus, Budgets, NoAmount, Sharing, Unpriced,
};
pub use capture::{Capture, Captured};
pub use category::ErrorCategory;
pub use context::{Context, InContext, WithContext, continue_trace, feature, session, strategy, user, with};
pub use costing::{reprice, reprice_late};
pub use delivery::{Delivery, ExporterDelivery, Health};
pub use dimension::{Dimension, Key};
pub use event::{
    Attempt, CallRecord, Chunks, Content, DataPlace, End, Event, Fact, Feedback, Gaps, Judged, Label, Late,
    Location, Message, Modality, Original, Outcome, Part, Prefix, PricedAnswer, Pricing, Prompt, Request,
    Role, Rollup, Scope, Score, Search, Side, Subject, Tool, Verdict,
};
pub use exporter::{Batch, ExportError, Exporter, Resource};
pub use facts::{Current, Searched, current, feedback, observe, outcome, score, score_of, search};
pub use failure::{Failure, LlmError, classify, retry_after_from_header};
pub use foreign::{ForeignCall, ForeignSite};
pub use id::{CallId, ParseIdError, SpanId, TraceId};
pub use insight::{Confidence, Insight, InsightKind, InsightOptions, Insights, Monthly, Undecided};
pub use intake::Intake;
pub use jobmon_macros::{LlmError, LlmResponse, instrument_llm};
pub use measure::{Measure, Quantity, Unit};
pub use money::{Cost, CostSum, ParseUsdError, Usd};
pub use monitor::{Guard, Pipeline, StartError};
pub use observed::{Observed, observe_at_end, observe_stream};
pub use operation::Operation;
pub use prediction::{Labelled, prediction, truth};
#[cfg(feature = "prices")]
pub use price::{ListedModel, ModelPrice, Priced, Rate, RateError, Rates, Rule};
pub use price::{PriceRequest, Prices, PricesError, Watch};
pub use probe::ReportsUsage;
pub use pseudonym::UserKey;
pub use query::{Bucket, Engine, EngineError, Filter, Memory, Query, QueryError, Range, Row};
pub use recorded::{RecordAttempts, honour_retry_after};
#[cfg(feature = "redact-patterns")]
pub use redact::PatternError;
pub use redact::{Redacted, Redaction, Redactions};
pub use response::{Answer, LlmResponse};
pub use retention::{Retention, Stored};
pub use retry::{Retry, Sleep, Sleeping, TimedOut, use_sleep};
pub use sampling::Keep;
pub use sensitive::Sensitive;
pub use settings::Settings;
pub use site::Track;
pub use sketch::Sketch;
pub use surroundings::{Around, SpanContext, Surroundings};
pub use table::{Align, Table};
pub use text::Text;
pub use time::Timestamp;
pub use usage::Usage;
pub use usage_unit::UsageUnit;
pub use value::Value;
pub use warning::Warnings;
pub use words::UnknownWord;
