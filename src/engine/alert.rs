//! An operational event → the payload and the request that tell an alert endpoint of it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::check::{Alerts, OperationalEvent, Rules};
use crate::engine::evaluate::seconds;
use crate::engine::moment::Moment;
use crate::engine::payload::payload;
use crate::ids::EndpointId;
use crate::program::{Operation, Record};
use crate::template::{Data, RenderError, Rendered, Snapshot};

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

/// Tells `to`; `None` when it is no alert endpoint of these rules.
#[must_use]
pub fn notice(rules: &Rules, to: &EndpointId, trouble: Trouble<'_>, moment: Moment<'_>) -> Option<Notice> {
    let alerts = rules.alerts.as_ref()?;
    let request = alerts.request(to, trouble.event)?;
    let timestamp = seconds(moment.now);
    let mut object = Record::empty(&alerts.program, Alerts::ENDPOINT, trouble.endpoint.as_str(), &timestamp);
    let [delivery, message, webhook] = trouble.delivery.unwrap_or_default();
    let texts = [trouble.name, trouble.reason, delivery, message, webhook];
    for (slot, text) in object.values.iter_mut().zip(texts).filter(|(_, text)| !text.is_empty()) {
        *slot = Value::String(text.to_owned());
    }
    let snapshot = Snapshot { record: Arc::new(object), embedded: Vec::new() };
    let data = Data {
        program: &alerts.program,
        webhook: alerts.program.webhook(trouble.event.webhook()),
        settings: &rules.settings,
        object: &snapshot,
        previous: None,
        operation: Operation::Update,
        sequence: moment.sequence,
        tenant: moment.tenant,
        timestamp: &timestamp,
    };
    Some(Notice { payload: payload(&data), request: request.render(&data) })
}
