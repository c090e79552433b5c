//! What the engine decided, as rows for the store. Ids come from the entropy and the time of the save.

use std::sync::Arc;

use jiff::Timestamp;

use crate::engine::{Firing, Outcome, Wait, write_trace};
use crate::generation::Generation;
use crate::ids::{DeliveryId, EndpointId, MessageId, ModelId, Sequence, Tenant, WebhookId};
use crate::ingest::Bell;
use crate::program::{DecisionTable, Order, Program};
use crate::store::{Effects, NewDelivery, NewMessage, ObjectChange, ObjectRow, OtherTrace, Record, Unsendable, WaitRow};
use crate::template::{RenderError, Rendered, RenderedText};
use crate::time::Entropy;

/// The circumstances of the save.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub tenant: &'a Tenant,
    pub generation: &'a Arc<Generation>,
    pub entropy: &'a Arc<dyn Entropy>,
    pub at: Timestamp,
}

/// The message that a delivery is of.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub message: MessageId,
    pub event: &'a str,
    pub ordered: bool,
}

/// The endpoint that a delivery is for.
#[derive(Clone, Copy)]
pub(super) struct To<'a> {
    pub id: &'a EndpointId,
    pub method: &'a str,
}

/// Why things happened, as it is stored.
pub(super) struct Written {
    pub text: String,
    pub table: Option<Arc<DecisionTable>>,
}

/// The rows of what happens with an object, which is saved or looked at anew.
pub(super) fn rows(circumstances: Circumstances<'_>, (model, object): (ModelId, &str), outcome: Outcome, trace: Written) -> Effects {
    let program = &circumstances.generation.rules.program;
    let event = |webhook| program.webhook(webhook).name.clone();
    let change = outcome.object.map_or(ObjectChange::Delete, |object| ObjectChange::Put {
        updated_at: object.updated_at.clone(),
        json: object.to_stored(program).into(),
    });
    // What waited for this object is explained at its own, too.
    let others = outcome.decided.others().iter().filter(|decision| {
        let about = program.webhook(decision.webhook).model;
        about != model || *decision.object != *object
    });
    let other_traces = others
        .map(|decision| {
            let about = program.webhook(decision.webhook).model;
            let trace = write_trace(program, (about, &decision.object), [decision]);
            OtherTrace { model: program.model(about).name.clone(), object: decision.object.clone(), trace }
        })
        .collect();
    let waits = outcome.waits.into_iter().map(|(wait, model, id)| wait_row(program, wait, model, id));
    Effects {
        at: circumstances.at,
        model: program.model(model).name.clone(),
        object: object.into(),
        change,
        operation: outcome.operation.as_str(),
        trace: trace.text,
        table: trace.table,
        other_traces,
        marks: outcome.marks.into_iter().map(|(webhook, object)| (event(webhook), object)).collect(),
        waits: waits.collect(),
        ended_waits: outcome.ended_waits.into_iter().map(|(webhook, object)| (event(webhook), object)).collect(),
        messages: outcome.firings.into_iter().map(|firing| message(circumstances, firing)).collect(),
        record: Record { program: circumstances.generation.origin.program, item: None },
        taken: None,
    }
}

/// The rows of a webhook that is looked at anew for an object which nobody saves: the object is kept, and the trace has this webhook alone.
pub(super) fn rows_anew(
    circumstances: Circumstances<'_>,
    (webhook, object): (WebhookId, &str),
    outcome: Outcome,
    operation: &'static str,
) -> Effects {
    let program = &circumstances.generation.rules.program;
    let model = program.webhook(webhook).model;
    let text = write_trace(program, (model, object), outcome.decided.others());
    let kept = rows(circumstances, (model, object), outcome, Written { text, table: None });
    Effects { change: ObjectChange::Keep, operation, ..kept }
}

fn message(circumstances: Circumstances<'_>, firing: Firing) -> NewMessage {
    let program = &circumstances.generation.rules.program;
    let webhook = program.webhook(firing.webhook);
    let id = MessageId::new(circumstances.entropy.uuid(circumstances.at));
    let of = Of { message: id, event: &webhook.name, ordered: webhook.order == Order::Object };
    let endpoints = &circumstances.generation.rules.endpoints;
    let declared = firing.requests.into_iter().filter_map(|(endpoint, request)| {
        let endpoint = endpoints.get(endpoint)?;
        Some((To { id: &endpoint.id, method: &endpoint.request.method.value }, request))
    });
    let own: Vec<_> = firing.own_requests;
    let (own, rendered): (Vec<_>, Vec<_>) = own.into_iter().unzip();
    let own = own.iter().map(|endpoint| To { id: &endpoint.id, method: &endpoint.wants.method }).zip(rendered);
    let requests = declared.chain(own);
    NewMessage {
        id,
        event: webhook.name.clone(),
        model: program.model(webhook.model).name.clone(),
        object: firing.object,
        operation: firing.operation.as_str(),
        payload: firing.payload,
        deliveries: (0..).zip(requests).map(|(ordinal, request)| delivery(circumstances, of, ordinal, request)).collect(),
    }
}

/// The delivery to an endpoint, the message's one of this number. One whose request could not be rendered is kept for inspection, and not sent.
pub(super) fn delivery(
    circumstances: Circumstances<'_>,
    of: Of<'_>,
    ordinal: u32,
    (endpoint, request): (To<'_>, Result<Rendered, RenderError>),
) -> NewDelivery {
    let (due, rendered) = match request {
        Ok(rendered) => (Ok(first_attempt(circumstances, endpoint.id)), rendered),
        Err(error) => {
            let method = endpoint.method.into();
            let nothing = Rendered { method, url: RenderedText::default(), headers: Vec::new(), body: None };
            let (generation, entropy) = (Arc::clone(circumstances.generation), Arc::clone(circumstances.entropy));
            let (tenant, delivery) = (circumstances.tenant.clone(), Some((DeliveryId::of(of.message, ordinal), of.event.into())));
            let alarm = Bell { generation, entropy, tenant, endpoint: endpoint.id.clone(), delivery }.alarm();
            (Err(Unsendable { why: format!("the request could not be rendered: {}", error.what).into(), alarm }), nothing)
        }
    };
    NewDelivery {
        endpoint: endpoint.id.clone(),
        ordered: of.ordered || keeps_order(circumstances, endpoint.id),
        due,
        method: rendered.method,
        url: rendered.url,
        headers: Arc::from(rendered.headers),
        body: rendered.body,
    }
}

/// Whether an endpoint wants all deliveries about an object in order.
fn keeps_order(circumstances: Circumstances<'_>, endpoint: &EndpointId) -> bool {
    circumstances.generation.target(endpoint).is_some_and(|target| target.policy.order == Order::Object)
}

/// When the first attempt is due: the schedule begins with a wait, which is none by default.
fn first_attempt(circumstances: Circumstances<'_>, endpoint: &EndpointId) -> Timestamp {
    let target = circumstances.generation.target(endpoint);
    let wait = target.and_then(|target| target.policy.failure_handling.retry.waits.first().copied()).unwrap_or_default();
    circumstances.at.saturating_add(wait).unwrap_or(circumstances.at)
}

fn wait_row(program: &Program, wait: Wait, for_model: ModelId, for_id: Box<str>) -> WaitRow {
    let webhook = program.webhook(wait.webhook);
    WaitRow {
        event: webhook.name.clone(),
        model: program.model(webhook.model).name.clone(),
        object: wait.object,
        operation: wait.operation.as_str().into(),
        previous: wait.previous.map(|previous| ObjectRow {
            id: previous.id.clone(),
            // The position of that earlier save is not known to the engine, and nothing reads it.
            sequence: Sequence(0),
            updated_at: previous.updated_at.clone(),
            json: previous.to_stored(program).into(),
        }),
        for_model: program.model(for_model).name.clone(),
        for_id,
    }
}
