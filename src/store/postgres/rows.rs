//! What saves have decided about objects, marks and waits, and their traces, gathered into columns: one statement a table, however many
//! saves. The last word about an object or a wait counts. Here and elsewhere arrays are unnested where they are selected: in `FROM` the server
//! would keep each column apart first, which costs a small statement more than all the rest.

use std::collections::BTreeMap;

use super::failure::Trouble;
use super::link::Link;
use crate::ids::ProgramId;
use crate::store::{Effects, ObjectChange, WaitRow};

/// Writes everything that stands in `columns`, if anything does.
pub(super) async fn write(link: &Link, sql: &str, any: bool, values: super::link::Values<'_>) -> Result<u64, Trouble> {
    if any { link.execute(sql, values).await } else { Ok(0) }
}

/// A wait that begins, and its row.
type Begun<'a> = (i64, &'a WaitRow);

/// Objects, marks and waits.
#[derive(Default)]
pub(super) struct State<'a> {
    objects: BTreeMap<(i64, &'a str, &'a str), (i64, &'a ObjectChange)>,
    marks: BTreeMap<(i64, &'a str, &'a str), i64>,
    waits: BTreeMap<(i64, &'a str, &'a str), Option<Begun<'a>>>,
}

impl<'a> State<'a> {
    /// Adds what one save of a tenant does; `row` counts the tenant's rows.
    pub(super) fn add(&mut self, tenant: i64, sequence: i64, effects: &'a Effects, row: &mut i64) {
        if effects.change != ObjectChange::Keep {
            self.objects.insert((tenant, &effects.model, &effects.object), (sequence, &effects.change));
        }
        for (event, object) in &effects.marks {
            self.marks.entry((tenant, event, object)).or_insert(sequence);
        }
        for (event, object) in &effects.ended_waits {
            self.waits.insert((tenant, event, object), None);
        }
        for wait in &effects.waits {
            *row += 1;
            self.waits.insert((tenant, &wait.event, &wait.object), Some((*row, wait)));
        }
    }

    pub(super) async fn write(&self, link: &Link) -> Result<(), Trouble> {
        futures_util::future::try_join3(self.write_objects(link), self.write_marks(link), self.write_waits(link)).await.map(drop)
    }

    async fn write_objects(&self, link: &Link) -> Result<(), Trouble> {
        let (mut tenants, mut models, mut ids, mut sequences, mut times, mut texts) = (vec![], vec![], vec![], vec![], vec![], vec![]);
        let (mut gone_tenants, mut gone_models, mut gone_ids) = (vec![], vec![], vec![]);
        for ((tenant, model, id), (sequence, change)) in &self.objects {
            match change {
                ObjectChange::Put { updated_at, json } => {
                    tenants.push(*tenant);
                    models.push(*model);
                    ids.push(*id);
                    sequences.push(*sequence);
                    times.push(&**updated_at);
                    texts.push(&**json);
                }
                ObjectChange::Delete => {
                    gone_tenants.push(*tenant);
                    gone_models.push(*model);
                    gone_ids.push(*id);
                }
                ObjectChange::Keep => {}
            }
        }
        let put = "INSERT INTO objects (tenant, model, id, sequence, updated_at, json)
            SELECT unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::text[]),
                unnest($6::text[])
            ON CONFLICT (tenant, model, id) DO UPDATE
            SET sequence = excluded.sequence, updated_at = excluded.updated_at, json = excluded.json";
        let delete = "DELETE FROM objects o USING (SELECT unnest($1::bigint[]) AS tenant, unnest($2::text[]) AS model,
            unnest($3::text[]) AS id) g
            WHERE o.tenant = g.tenant AND o.model = g.model AND o.id = g.id";
        futures_util::future::try_join(
            write(link, put, !ids.is_empty(), &[&tenants, &models, &ids, &sequences, &times, &texts]),
            write(link, delete, !gone_ids.is_empty(), &[&gone_tenants, &gone_models, &gone_ids]),
        )
        .await
        .map(drop)
    }

    async fn write_marks(&self, link: &Link) -> Result<(), Trouble> {
        let (mut tenants, mut events, mut objects, mut sequences) = (vec![], vec![], vec![], vec![]);
        for ((tenant, event, object), sequence) in &self.marks {
            tenants.push(*tenant);
            events.push(*event);
            objects.push(*object);
            sequences.push(*sequence);
        }
        let sql = "INSERT INTO marks (tenant, event, object, sequence)
            SELECT unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]) ON CONFLICT DO NOTHING";
        write(link, sql, !events.is_empty(), &[&tenants, &events, &objects, &sequences]).await.map(drop)
    }

    async fn write_waits(&self, link: &Link) -> Result<(), Trouble> {
        let (mut gone_tenants, mut gone_events, mut gone_objects) = (vec![], vec![], vec![]);
        let (mut tenants, mut rows, mut events, mut models, mut objects, mut operations) = (vec![], vec![], vec![], vec![], vec![], vec![]);
        let (mut for_models, mut for_ids, mut ids, mut sequences, mut times, mut texts) = (vec![], vec![], vec![], vec![], vec![], vec![]);
        for ((tenant, event, object), wait) in &self.waits {
            let Some((row, wait)) = wait else {
                gone_tenants.push(*tenant);
                gone_events.push(*event);
                gone_objects.push(*object);
                continue;
            };
            let previous = wait.previous.as_ref();
            tenants.push(*tenant);
            rows.push(*row);
            events.push(*event);
            models.push(&*wait.model);
            objects.push(*object);
            operations.push(&*wait.operation);
            for_models.push(&*wait.for_model);
            for_ids.push(&*wait.for_id);
            ids.push(previous.map(|object| &*object.id));
            sequences.push(previous.map(|object| object.sequence.0));
            times.push(previous.map(|object| &*object.updated_at));
            texts.push(previous.map(|object| &*object.json));
        }
        let sql = "WITH gone AS (DELETE FROM waits w USING (SELECT unnest($1::bigint[]) AS tenant, unnest($2::text[]) AS event,
            unnest($3::text[]) AS object) g
                WHERE w.tenant = g.tenant AND w.event = g.event AND w.object = g.object RETURNING w.tenant, -1 AS more),
            begun AS (INSERT INTO waits (tenant, row, event, model, object, operation, for_model, for_id,
                    previous_id, previous_sequence, previous_updated_at, previous_json)
                SELECT unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::text[]), unnest($7::text[]), unnest($8::text[]),
                    unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]), unnest($13::bigint[]),
                    unnest($14::text[]), unnest($15::text[])
                ON CONFLICT (tenant, event, object) DO UPDATE SET model = excluded.model, operation = excluded.operation,
                    for_model = excluded.for_model, for_id = excluded.for_id, previous_id = excluded.previous_id,
                    previous_sequence = excluded.previous_sequence, previous_updated_at = excluded.previous_updated_at,
                    previous_json = excluded.previous_json
                RETURNING tenant, (xmax = 0)::int AS more)
            UPDATE tenants t SET waits = t.waits + c.more FROM (
                SELECT tenant, sum(more) AS more FROM (SELECT * FROM gone UNION ALL SELECT * FROM begun) b GROUP BY tenant) c
            WHERE t.row = c.tenant AND c.more <> 0";
        let values: super::link::Values<'_> = &[
            &gone_tenants,
            &gone_events,
            &gone_objects,
            &tenants,
            &rows,
            &events,
            &models,
            &objects,
            &operations,
            &for_models,
            &for_ids,
            &ids,
            &sequences,
            &times,
            &texts,
        ];
        write(link, sql, !self.waits.is_empty(), values).await.map(drop)
    }
}

/// Traces, and saves as they came.
#[derive(Default)]
pub(super) struct Looks<'a> {
    tenants: Vec<i64>,
    rows: Vec<i64>,
    models: Vec<&'a str>,
    objects: Vec<&'a str>,
    sequences: Vec<i64>,
    times: Vec<i64>,
    operations: Vec<&'a str>,
    decisions: Vec<&'a str>,
    tables: Vec<Option<i64>>,
    programs: Vec<Option<i64>>,
    items: Items<'a>,
}

#[derive(Default)]
struct Items<'a> {
    tenants: Vec<i64>,
    rows: Vec<i64>,
    sequences: Vec<i64>,
    models: Vec<&'a str>,
    objects: Vec<&'a str>,
    texts: Vec<&'a str>,
}

/// Saves that are kept as they came, of each tenant.
const RECORDED: i64 = 10_000;

impl<'a> Looks<'a> {
    pub(super) fn add(&mut self, tenant: i64, sequence: i64, (effects, table): (&'a Effects, Option<i64>), row: &mut i64) {
        if let Some(item) = &effects.record.item {
            *row += 1;
            self.items.tenants.push(tenant);
            self.items.rows.push(*row);
            self.items.sequences.push(sequence);
            self.items.models.push(&effects.model);
            self.items.objects.push(&effects.object);
            self.items.texts.push(item);
        }
        let own = (&*effects.model, &*effects.object, &*effects.trace, table);
        let others = effects.other_traces.iter().map(|other| (&*other.model, &*other.object, &*other.trace, None));
        for (model, object, trace, table) in std::iter::once(own).chain(others) {
            *row += 1;
            self.tenants.push(tenant);
            self.rows.push(*row);
            self.models.push(model);
            self.objects.push(object);
            self.sequences.push(sequence);
            self.times.push(effects.at.as_millisecond());
            self.operations.push(effects.operation);
            self.decisions.push(trace);
            self.tables.push(table);
            self.programs.push(effects.record.program.map(|ProgramId(row)| row));
        }
    }

    pub(super) async fn write(&self, link: &Link) -> Result<(), Trouble> {
        let traces = "INSERT INTO traces (tenant, row, model, object, sequence, at, operation, decisions, decision_table, program)
            SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]),
                unnest($6::bigint[]), unnest($7::text[]), unnest($8::text[]), unnest($9::bigint[]), unnest($10::bigint[])";
        let values: super::link::Values<'_> = &[
            &self.tenants,
            &self.rows,
            &self.models,
            &self.objects,
            &self.sequences,
            &self.times,
            &self.operations,
            &self.decisions,
            &self.tables,
            &self.programs,
        ];
        let items = &self.items;
        let recordings = "INSERT INTO recordings (tenant, row, sequence, model, object, item)
            SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]), unnest($5::text[]),
                unnest($6::text[])";
        let oldest = "DELETE FROM recordings r USING (SELECT tenant, max(row) - $2 AS row FROM (SELECT unnest($1::bigint[]) AS tenant,
                unnest($3::bigint[]) AS row) i
            GROUP BY tenant) i WHERE r.tenant = i.tenant AND r.row <= i.row";
        let any = !items.rows.is_empty();
        futures_util::future::try_join3(
            write(link, traces, !self.rows.is_empty(), values),
            write(link, recordings, any, &[&items.tenants, &items.rows, &items.sequences, &items.models, &items.objects, &items.texts]),
            write(link, oldest, any, &[&items.tenants, &RECORDED, &items.rows]),
        )
        .await
        .map(drop)
    }
}
