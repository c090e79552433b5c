//! The work of a node as spans for an OpenTelemetry collector: from the feed of what happens to batches by OTLP over HTTP. Only with the
//! feature `otel`, and only when the environment names a collector, by the variables that OpenTelemetry defines. Lossy by design, as
//! the feed is: a collector that is away or slow costs spans, never a save or a delivery.
//!
//! A save is a span of its client's trace when the client names one (`traceparent`), and of a trace of its own otherwise. Each message is a
//! trace whose id is the message's, linked with the save: its attempts join it after minutes or days, from another process or another
//! node, without anything having been stored for that. Requests to receivers carry no `traceparent`: their bytes are frozen.

mod collector;
mod span;

pub use collector::{Collector, CollectorError};
