//! Where spans go: a collector that takes OTLP over HTTP. Spans leave in batches, and what a collector does not take is counted and left out.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

use super::span::Spans;
use crate::activity::{Activity, Event, Feed};
use crate::egress::PlainClient;

/// Spans of one request to the collector.
const BATCH: usize = 512;
/// How long a span waits for others.
const COMPANY: Duration = Duration::from_secs(1);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A collector that the environment names.
#[derive(Debug)]
pub struct Collector {
    exporter: SpanExporter,
    events: broadcast::Receiver<Event>,
    /// Whether the collector took the last batch.
    well: bool,
}

/// The environment names a collector that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be sent to a collector: {0}")]
pub struct CollectorError(String);

impl Collector {
    /// The collector, if the environment names one; it hears of everything in `feed` from now on.
    ///
    /// # Errors
    /// When what the environment says cannot be used.
    pub fn of_environment(feed: &Feed) -> Result<Option<Self>, CollectorError> {
        let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !named(OTEL_EXPORTER_OTLP_ENDPOINT) && !named(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) {
            return Ok(None);
        }
        let client = PlainClient::new().map_err(|error| CollectorError(error.to_string()))?;
        let built = SpanExporter::builder().with_http().with_http_client(Client(client)).build();
        let mut exporter = built.map_err(|error| CollectorError(error.to_string()))?;
        exporter.set_resource(&resource());
        Ok(Some(Self { exporter, events: feed.watch(), well: true }))
    }

    /// Sends spans until the node stops, and then what is left.
    pub async fn run(mut self) {
        let (mut spans, mut ended) = (Spans::new(), Vec::new());
        let mut due = Instant::now() + COMPANY;
        loop {
            let event = tokio::select! {
                event = self.events.recv() => Some(event),
                () = sleep_until(due), if !ended.is_empty() => None,
            };
            let stops = match event {
                None => false,
                Some(Ok(event)) => {
                    let stops = matches!(event.what, Activity::Stopping);
                    if ended.is_empty() {
                        due = Instant::now() + COMPANY;
                    }
                    spans.of(event, &mut ended);
                    stops
                }
                Some(Err(RecvError::Lagged(missed))) => {
                    tracing::warn!(missed, "more happened than could be made into spans");
                    spans.forget();
                    false
                }
                Some(Err(RecvError::Closed)) => true,
            };
            if stops || ended.len() >= BATCH || Instant::now() >= due {
                self.send(std::mem::take(&mut ended)).await;
            }
            if stops {
                return;
            }
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        if batch.is_empty() {
            return;
        }
        let spans = batch.len();
        let sent = match timeout(PATIENCE, self.exporter.export(batch)).await {
            Ok(sent) => sent.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        match &sent {
            Ok(()) if !self.well => tracing::info!("the collector takes spans again"),
            Ok(()) => {}
            // Said once, not with each batch.
            Err(error) if self.well => tracing::warn!(%error, spans, "the collector did not take spans; they are left out until it does"),
            Err(error) => tracing::debug!(%error, spans, "the collector did not take spans"),
        }
        self.well = sent.is_ok();
    }
}

/// Who speaks: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, and what they leave open.
fn resource() -> Resource {
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|attributes| attributes.contains("service.name="));
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if named { resource.build() } else { resource.with_service_name(env!("CARGO_PKG_NAME")).build() }
}

/// The node's own HTTP client as the exporter's.
#[derive(Debug)]
struct Client(PlainClient);

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let url = request.uri().to_string();
            Ok(self.0.exchange(&url, request).await?)
        })
    }
}
