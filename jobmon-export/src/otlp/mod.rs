//! OTLP.

mod encode;
mod proto;
