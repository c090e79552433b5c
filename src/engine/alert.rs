//! An operational event → the payload and the request that tell an alert endpoint of it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::check::{Alerts, OperationalEvent};
use crate::engine::evaluate::seconds;
use crate::engine::moment::Moment;
use crate::engine::payload::payload;
use crate::ids::EndpointId;
use crate::program::{Operation, Record, Settings};
use crate::template::{Data, RenderError, Rendered, Request, Snapshot};

/// What has happened to an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Trouble<'a> {
    /// What.
    pub event: OperationalEvent,
    /// Its id.
    pub endpoint: &'a EndpointId,
    /// Its name.
    pub name: &'a str,
    /// Why, one sentence; empty when that is not to be said.
    pub reason: &'a str,
    /// The delivery that it happened with: its id, its message's id, its event type.
    pub delivery: Option<[&'a str; 3]>,
}

/// What an alert endpoint is sent.
#[derive(Debug)]
pub struct Notice {
    /// The default body.
    pub payload: Bytes,
    /// The request, or why it cannot be sent.
    pub request: Result<Rendered, RenderError>,
}

/// Tells an alert endpoint by its request for the event.
#[must_use]
pub fn notice(request: &Request, settings: &Settings, trouble: Trouble<'_>, moment: Moment<'_>) -> Notice {
    let program = Alerts::program();
    let timestamp = seconds(moment.now);
    let mut object = Record::empty(program, Alerts::ENDPOINT, trouble.endpoint.as_str(), &timestamp);
    let [delivery, message, webhook] = trouble.delivery.unwrap_or_default();
    let texts = [trouble.name, trouble.reason, delivery, message, webhook];
    for (slot, text) in object.values.iter_mut().zip(texts).filter(|(_, text)| !text.is_empty()) {
        *slot = Value::String(text.to_owned());
    }
    let snapshot = Snapshot { record: Arc::new(object), embedded: Vec::new() };
    let data = Data {
        program,
        webhook: program.webhook(trouble.event.webhook()),
        settings,
        object: &snapshot,
        previous: None,
        operation: Operation::Update,
        sequence: moment.sequence,
        tenant: moment.tenant,
        timestamp: &timestamp,
        watch: None,
    };
    Notice { payload: payload(&data), request: request.render(&data) }
}
