//! What happened as spans. The ids of a message's span follow from the message's, so that every attempt finds its parent.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{
    Config, IdGenerator as _, RandomIdGenerator, SamplingDecision, ShouldSample, SpanData, SpanEvents, SpanLinks,
};

use crate::activity::{Activity, Event};
use crate::ids::{DeliveryId, MessageId};
use crate::telemetry::Parent;

/// Attempts under way that are remembered. More than are under way at once by default; of those beyond it there are no spans.
const UNDER_WAY: usize = 4096;

/// Makes spans of events.
#[derive(Debug)]
pub(super) struct Spans {
    /// What `OTEL_TRACES_SAMPLER` says; by default everything that the client's own trace does not leave out.
    sampler: Box<dyn ShouldSample>,
    ids: RandomIdGenerator,
    scope: InstrumentationScope,
    under_way: HashMap<DeliveryId, Begun>,
}

/// An attempt that has begun.
#[derive(Debug)]
struct Begun {
    at: SystemTime,
    method: String,
    attributes: Vec<KeyValue>,
}

/// What a span is made of.
struct Draft {
    context: SpanContext,
    parent: Option<SpanContext>,
    kind: SpanKind,
    name: String,
    start: SystemTime,
    took: Duration,
    attributes: Vec<KeyValue>,
    links: Vec<Link>,
    status: Status,
}

impl Spans {
    pub(super) fn new() -> Self {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build();
        Self { sampler: Config::default().sampler, ids: RandomIdGenerator::default(), scope, under_way: HashMap::new() }
    }

    /// Events were missed: which attempts are under way is not known any more.
    pub(super) fn forget(&mut self) {
        self.under_way.clear();
    }

    /// The spans that an event ends.
    pub(super) fn of(&mut self, event: Event, ended: &mut Vec<SpanData>) {
        let at = SystemTime::from(event.at);
        match event.what {
            Activity::Saved { tenant, model, object, operation, sequence, decisions, messages, took, parent } => {
                let tenant = KeyValue::new("webhookc.tenant", tenant.as_str().to_owned());
                let attributes = vec![
                    tenant.clone(),
                    KeyValue::new("webhookc.model", model.to_string()),
                    KeyValue::new("webhookc.object", object.to_string()),
                    KeyValue::new("webhookc.operation", operation),
                    KeyValue::new("webhookc.sequence", sequence.to_string()),
                    KeyValue::new("webhookc.webhooks", count(decisions.len())),
                    KeyValue::new("webhookc.messages", count(messages.len())),
                ];
                let parent = parent.map(context_of);
                let trace = parent.as_ref().map_or_else(|| self.ids.new_trace_id(), SpanContext::trace_id);
                let links = messages.iter().map(|(message, _)| Link::with_context(context_of_message(*message))).collect();
                let name = format!("{operation} {model}");
                let (kind, status) = (SpanKind::Server, Status::Unset);
                let save = Draft { context: self.context(trace), parent, kind, name, start: at, took, attributes, links, status };
                for (message, webhook) in messages {
                    self.end(created(message, &webhook, &tenant, &save), ended);
                }
                self.end(save, ended);
            }
            Activity::Sending { tenant, delivery, message, endpoint, method, url, attempt } => {
                let attributes = vec![
                    KeyValue::new("webhookc.tenant", tenant.as_str().to_owned()),
                    KeyValue::new("webhookc.message", message.to_string()),
                    KeyValue::new("webhookc.delivery", delivery.to_string()),
                    KeyValue::new("webhookc.endpoint", endpoint.to_string()),
                    KeyValue::new("http.request.method", method.to_string()),
                    KeyValue::new("http.request.resend_count", i64::from(attempt.saturating_sub(1))),
                    KeyValue::new("url.full", url.to_string()),
                ];
                if self.under_way.len() < UNDER_WAY {
                    self.under_way.insert(delivery, Begun { at, method: method.to_string(), attributes });
                }
            }
            Activity::Answered { delivery, status, took, note, .. } => {
                let Some(begun) = self.under_way.remove(&delivery) else { return };
                let parent = context_of_message(delivery.message());
                let context = self.context(parent.trace_id());
                self.end(attempted(begun, (context, parent), (status, &note), took), ended);
            }
            Activity::Reloaded { .. } | Activity::Source { .. } | Activity::Begun | Activity::Stopping => {}
        }
    }

    /// A new span of a trace.
    fn context(&self, trace: TraceId) -> SpanContext {
        SpanContext::new(trace, self.ids.new_span_id(), TraceFlags::SAMPLED, false, TraceState::NONE)
    }

    /// Keeps a span, unless its trace is left out.
    fn end(&self, draft: Draft, ended: &mut Vec<SpanData>) {
        let Draft { context, parent, kind, name, start, took, attributes, links, status } = draft;
        let of_client =
            parent.as_ref().filter(|parent| parent.is_remote()).map(|parent| Context::new().with_remote_span_context(parent.clone()));
        let sampled = self.sampler.should_sample(of_client.as_ref(), context.trace_id(), &name, &kind, &attributes, &links);
        if sampled.decision != SamplingDecision::RecordAndSample {
            return;
        }
        let mut kept = SpanLinks::default();
        kept.links = links;
        ended.push(SpanData {
            span_context: context,
            parent_span_id: parent.as_ref().map_or(SpanId::INVALID, SpanContext::span_id),
            parent_span_is_remote: of_client.is_some(),
            span_kind: kind,
            name: name.into(),
            start_time: start,
            end_time: start + took,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: kept,
            status,
            instrumentation_scope: self.scope.clone(),
        });
    }
}

/// The span of a message that a save made.
fn created(message: MessageId, webhook: &str, tenant: &KeyValue, save: &Draft) -> Draft {
    Draft {
        context: context_of_message(message),
        parent: None,
        kind: SpanKind::Producer,
        name: format!("create {webhook}"),
        start: save.start,
        took: save.took,
        attributes: vec![
            tenant.clone(),
            KeyValue::new("webhookc.webhook", webhook.to_owned()),
            KeyValue::new("webhookc.message", message.to_string()),
        ],
        links: vec![Link::with_context(save.context.clone())],
        status: Status::Unset,
    }
}

/// The span of an attempt that has ended. Its name is what the conventions give to a request: the method.
fn attempted(begun: Begun, (context, parent): (SpanContext, SpanContext), (status, note): (Option<u16>, &str), took: Duration) -> Draft {
    let Begun { at, method, mut attributes } = begun;
    attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
    let mut ended = Status::Unset;
    if !matches!(status, Some(200..=299)) {
        attributes.push(KeyValue::new("error.type", status.map_or_else(|| "no answer".to_owned(), |status| status.to_string())));
        ended = Status::error(note.to_owned());
    }
    let (parent, links) = (Some(parent), Vec::new());
    Draft { context, parent, kind: SpanKind::Client, name: method, start: at, took, attributes, links, status: ended }
}

/// The span of a message, the root of its trace.
fn context_of_message(message: MessageId) -> SpanContext {
    let id = message.0.as_u128();
    // The lower half of an id of this kind is random and never zero.
    let span = SpanId::from_bytes(id.to_be_bytes().last_chunk::<8>().copied().unwrap_or_default());
    SpanContext::new(TraceId::from(id), span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn context_of(parent: Parent) -> SpanContext {
    let flags = if parent.sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    SpanContext::new(TraceId::from(parent.trace.get()), SpanId::from(parent.span.get()), flags, true, TraceState::NONE)
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
