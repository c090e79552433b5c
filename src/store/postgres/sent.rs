//! Messages and their deliveries, gathered into columns: one statement a table, however many there are.

use uuid::Uuid;

use super::failure::Trouble;
use super::link::Link;
use super::rows::write;
use super::values::to_json;
use crate::store::{NewDelivery, NewMessage};

/// A message with its place.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub tenant: i64,
    pub row: i64,
    pub sequence: i64,
    /// Milliseconds.
    pub at: i64,
}

/// How a delivery begins.
pub(super) struct Beginning<'a> {
    pub lane: i64,
    /// Of an ordered one.
    pub bucket: Option<i32>,
    pub blocked: bool,
    pub state: i16,
    /// Milliseconds.
    pub due_at: i64,
    pub fence: i64,
    /// Who holds it.
    pub node: Option<i64>,
    pub reason: Option<&'a str>,
}

/// Messages and their deliveries.
#[derive(Default)]
pub(super) struct Sent<'a> {
    messages: Messages<'a>,
    deliveries: Deliveries<'a>,
    bodies: (Vec<i64>, Vec<i64>, Vec<&'a [u8]>),
}

#[derive(Default)]
struct Messages<'a> {
    tenants: Vec<i64>,
    rows: Vec<i64>,
    ids: Vec<Uuid>,
    events: Vec<&'a str>,
    models: Vec<&'a str>,
    objects: Vec<&'a str>,
    operations: Vec<&'a str>,
    sequences: Vec<i64>,
    times: Vec<i64>,
    payloads: Vec<&'a [u8]>,
}

#[derive(Default)]
struct Deliveries<'a> {
    tenants: Vec<i64>,
    rows: Vec<i64>,
    lanes: Vec<i64>,
    models: Vec<Option<&'a str>>,
    objects: Vec<Option<&'a str>>,
    buckets: Vec<Option<i32>>,
    blocked: Vec<bool>,
    states: Vec<i16>,
    due: Vec<i64>,
    fences: Vec<i64>,
    nodes: Vec<Option<i64>>,
    reasons: Vec<Option<&'a str>>,
    made: Vec<i64>,
    settled: Vec<Option<i64>>,
    methods: Vec<&'a str>,
    urls: Vec<String>,
    headers: Vec<String>,
    content_types: Vec<Option<&'a str>>,
}

impl<'a> Sent<'a> {
    pub(super) fn message(&mut self, placed: Placed, message: &'a NewMessage) {
        let messages = &mut self.messages;
        messages.tenants.push(placed.tenant);
        messages.rows.push(placed.row);
        messages.ids.push(message.id.0);
        messages.events.push(&message.event);
        messages.models.push(&message.model);
        messages.objects.push(&message.object);
        messages.operations.push(message.operation);
        messages.sequences.push(placed.sequence);
        messages.times.push(placed.at);
        messages.payloads.push(&message.payload);
    }

    /// A delivery in this row of a message.
    pub(super) fn delivery(
        &mut self,
        (placed, row): (Placed, i64),
        message: &'a NewMessage,
        delivery: &'a NewDelivery,
        beginning: &Beginning<'a>,
    ) -> Result<(), Trouble> {
        let deliveries = &mut self.deliveries;
        deliveries.tenants.push(placed.tenant);
        deliveries.rows.push(row);
        deliveries.lanes.push(beginning.lane);
        deliveries.models.push(delivery.ordered.then_some(&*message.model));
        deliveries.objects.push(delivery.ordered.then_some(&*message.object));
        deliveries.buckets.push(beginning.bucket);
        deliveries.blocked.push(beginning.blocked);
        deliveries.states.push(beginning.state);
        deliveries.due.push(beginning.due_at);
        deliveries.fences.push(beginning.fence);
        deliveries.nodes.push(beginning.node);
        deliveries.reasons.push(beginning.reason);
        deliveries.made.push(placed.at);
        deliveries.settled.push(beginning.reason.map(|_| placed.at));
        deliveries.methods.push(&delivery.method);
        deliveries.urls.push(to_json(&delivery.url)?);
        deliveries.headers.push(to_json(&delivery.headers)?);
        deliveries.content_types.push(delivery.body.as_ref().map(|(content_type, _)| &**content_type));
        if let Some((_, body)) = &delivery.body {
            self.bodies.0.push(placed.tenant);
            self.bodies.1.push(row);
            self.bodies.2.push(body);
        }
        Ok(())
    }

    pub(super) async fn write(&self, link: &Link) -> Result<(), Trouble> {
        let Self { messages: m, deliveries: d, bodies: (tenants, rows, bodies) } = self;
        let messages = "INSERT INTO messages (tenant, row, id, event, model, object, operation, sequence, created_at, payload)
            SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::text[]), unnest($5::text[]),
                unnest($6::text[]), unnest($7::text[]), unnest($8::bigint[]), unnest($9::bigint[]), unnest($10::bytea[])";
        let deliveries =
            "INSERT INTO deliveries (tenant, row, endpoint, model, object, bucket, blocked, state, due_at, fence, node, reason,
                created_at, settled_at, method, url, headers, content_type)
            SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]),
                unnest($6::int[]), unnest($7::bool[]), unnest($8::smallint[]), unnest($9::bigint[]), unnest($10::bigint[]),
                unnest($11::bigint[]), unnest($12::text[]), unnest($13::bigint[]), unnest($14::bigint[]), unnest($15::text[]),
                unnest($16::text[]), unnest($17::text[]), unnest($18::text[])";
        let with_body = "INSERT INTO bodies (tenant, delivery, body) SELECT unnest($1::bigint[]), unnest($2::bigint[]),
            unnest($3::bytea[])";
        let of_messages: super::link::Values<'_> =
            &[&m.tenants, &m.rows, &m.ids, &m.events, &m.models, &m.objects, &m.operations, &m.sequences, &m.times, &m.payloads];
        let of_deliveries: super::link::Values<'_> = &[
            &d.tenants,
            &d.rows,
            &d.lanes,
            &d.models,
            &d.objects,
            &d.buckets,
            &d.blocked,
            &d.states,
            &d.due,
            &d.fences,
            &d.nodes,
            &d.reasons,
            &d.made,
            &d.settled,
            &d.methods,
            &d.urls,
            &d.headers,
            &d.content_types,
        ];
        futures_util::future::try_join3(
            write(link, messages, !m.rows.is_empty(), of_messages),
            write(link, deliveries, !d.rows.is_empty(), of_deliveries),
            write(link, with_body, !rows.is_empty(), &[tenants, rows, bodies]),
        )
        .await
        .map(drop)
    }
}
