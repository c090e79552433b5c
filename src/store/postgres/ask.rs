//! The questions of saves, as many as there are in one statement for each kind.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::failure::Trouble;
use super::link::Link;
use super::taken::Places;
use super::values::{count, get, text, text_if_any};
use crate::ids::{Sequence, Tenant};
use crate::store::{Answer, ObjectRow, Query, WaitRow};

/// Waits for one object that are counted; the engine's limit is below.
const COUNTED: i64 = 4096;

const WAIT: &str = "w.event, w.model, w.object, w.operation, w.for_model, w.for_id,
    w.previous_id, w.previous_sequence, w.previous_updated_at, w.previous_json";

/// The answers to questions of tenants, which have these rows, in their order.
pub(super) async fn ask(link: &Link, queries: &[(i64, &Query)]) -> Result<Vec<Answer>, Trouble> {
    let mut kinds = Kinds::default();
    let mut answers: Vec<Option<Answer>> = Vec::with_capacity(queries.len());
    for (place, (tenant, query)) in (0..).zip(queries) {
        answers.push(None);
        match query {
            Query::Object { model, id } => kinds.objects.push(place, *tenant, model, id),
            Query::Ready { event, object } => kinds.marks.push(place, *tenant, event, object),
            Query::Waiting { model, id } => kinds.waiting.push(place, *tenant, model, id),
            Query::WaitsOf { model, object } => kinds.waits_of.push(place, *tenant, model, object),
            Query::Taken(taken) => kinds.taken.push(place, *tenant, taken),
            Query::Children { .. } | Query::WaitCount { .. } => kinds.others.push((place, *tenant, query)),
        }
    }
    let waiting_sql = format!(
        "SELECT k.n, {WAIT} FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS t, unnest($3::text[]) AS a,
            unnest($4::text[]) AS b) k
         JOIN waits w ON w.tenant = k.t AND w.for_model = k.a AND w.for_id = k.b ORDER BY k.n, w.row"
    );
    // On their way together: the server answers them one after the other.
    let asked = futures_util::future::try_join5(
        kinds.objects.ask(
            link,
            "SELECT k.n, o.id, o.sequence, o.updated_at, o.json FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS t,
                unnest($3::text[]) AS a, unnest($4::text[]) AS b) k
             JOIN objects o ON o.tenant = k.t AND o.model = k.a AND o.id = k.b",
        ),
        kinds.marks.ask(
            link,
            "SELECT k.n FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS t, unnest($3::text[]) AS a,
                unnest($4::text[]) AS b) k
             JOIN marks m ON m.tenant = k.t AND m.event = k.a AND m.object = k.b",
        ),
        kinds.waiting.ask(link, &waiting_sql),
        kinds.waits_of.ask(
            link,
            "SELECT k.n, w.event FROM (SELECT unnest($1::bigint[]) AS n, unnest($2::bigint[]) AS t, unnest($3::text[]) AS a,
                unnest($4::text[]) AS b) k
             JOIN waits w ON w.tenant = k.t AND w.model = k.a AND w.object = k.b ORDER BY k.n, w.row",
        ),
        kinds.taken.ask(link),
    );
    // Boxed: it is large, and part of every transaction.
    let (objects, marks, waiting, waits_of, taken) = Box::pin(asked).await?;
    for place in kinds.objects.places.iter().chain(&kinds.marks.places).chain(&kinds.waiting.places).chain(&kinds.waits_of.places) {
        put(&mut answers, *place, empty(queries, *place));
    }
    for row in &objects {
        put(&mut answers, get(row, 0)?, Some(Answer::Object(Some(object_row(row, 1)?))));
    }
    for row in &marks {
        put(&mut answers, get(row, 0)?, Some(Answer::Ready(true)));
    }
    for place in taken {
        put(&mut answers, place, Some(Answer::Taken(true)));
    }
    for (place, rows) in by_place(&waiting)? {
        put(&mut answers, place, Some(Answer::Waiting(rows.into_iter().map(|row| wait_row(row, 1)).collect::<Result<_, _>>()?)));
    }
    for (place, rows) in by_place(&waits_of)? {
        put(&mut answers, place, Some(Answer::WaitsOf(rows.into_iter().map(|row| text(row, 1)).collect::<Result<_, _>>()?)));
    }
    for (place, tenant, query) in kinds.others {
        let answer = one(link, tenant, query).await?;
        put(&mut answers, place, Some(answer));
    }
    Ok(answers.into_iter().zip(queries).map(|(answer, (_, query))| answer.unwrap_or_else(|| none(query))).collect())
}

fn put(answers: &mut [Option<Answer>], place: i64, answer: Option<Answer>) {
    if let Some(slot) = usize::try_from(place).ok().and_then(|place| answers.get_mut(place)) {
        *slot = answer;
    }
}

fn empty(queries: &[(i64, &Query)], place: i64) -> Option<Answer> {
    usize::try_from(place).ok().and_then(|place| queries.get(place)).map(|(_, query)| none(query))
}

/// The answer when there is nothing.
fn none(query: &Query) -> Answer {
    match query {
        Query::Object { .. } => Answer::Object(None),
        Query::Children { .. } => Answer::Children(Vec::new()),
        Query::Ready { .. } => Answer::Ready(false),
        Query::Waiting { .. } => Answer::Waiting(Vec::new()),
        Query::WaitsOf { .. } => Answer::WaitsOf(Vec::new()),
        Query::WaitCount { .. } => Answer::WaitCount { already: false, for_object: 0, of_tenant: 0 },
        Query::Taken(_) => Answer::Taken(false),
    }
}

fn by_place(rows: &[Row]) -> Result<BTreeMap<i64, Vec<&Row>>, Trouble> {
    let mut places: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        places.entry(get(row, 0)?).or_default().push(row);
    }
    Ok(places)
}

/// The questions by their kind.
#[derive(Default)]
struct Kinds<'a> {
    objects: Pairs<'a>,
    marks: Pairs<'a>,
    waiting: Pairs<'a>,
    waits_of: Pairs<'a>,
    taken: Places<'a>,
    others: Vec<(i64, i64, &'a Query)>,
}

/// Questions with two names each.
#[derive(Default)]
struct Pairs<'a> {
    places: Vec<i64>,
    tenants: Vec<i64>,
    first: Vec<&'a str>,
    second: Vec<&'a str>,
}

impl<'a> Pairs<'a> {
    fn push(&mut self, place: i64, tenant: i64, first: &'a str, second: &'a str) {
        self.places.push(place);
        self.tenants.push(tenant);
        self.first.push(first);
        self.second.push(second);
    }

    async fn ask(&self, link: &Link, sql: &str) -> Result<Vec<Row>, Trouble> {
        if self.places.is_empty() {
            return Ok(Vec::new());
        }
        link.query(sql, &[&self.places, &self.tenants, &self.first, &self.second]).await
    }
}

/// A question that is rare, or needs a statement of its own.
async fn one(link: &Link, tenant: i64, query: &Query) -> Result<Answer, Trouble> {
    match query {
        Query::Children { model, property, parent, limit } => {
            let Some(sql) = children(model, property) else { return Ok(Answer::Children(Vec::new())) };
            let rows = link.query(&sql, &[&tenant, &&**parent, &i64::from(*limit)]).await?;
            Ok(Answer::Children(rows.iter().map(|row| object_row(row, 0)).collect::<Result<_, _>>()?))
        }
        Query::WaitCount { event, object, for_model, for_id } => {
            let sql =
                "SELECT EXISTS (SELECT FROM waits WHERE tenant = $1 AND event = $2 AND object = $3 AND for_model = $4 AND for_id = $5),
                (SELECT count(*) FROM (SELECT FROM waits WHERE tenant = $1 AND for_model = $4 AND for_id = $5 LIMIT $6) w),
                coalesce((SELECT waits FROM tenants WHERE row = $1), 0)";
            let row = link.first(sql, &[&tenant, &&**event, &&**object, &&**for_model, &&**for_id, &COUNTED]).await?;
            let Some(row) = row else { return Ok(none(query)) };
            Ok(Answer::WaitCount { already: get(&row, 0)?, for_object: count(&row, 1)?, of_tenant: count(&row, 2)? })
        }
        Query::Object { .. } | Query::Ready { .. } | Query::Waiting { .. } | Query::WaitsOf { .. } | Query::Taken(_) => Ok(none(query)),
    }
}

/// The objects of a model that point to a parent; `None` when a name is not one that a data model can have.
fn children(model: &str, property: &str) -> Option<String> {
    (is_name(model) && is_name(property)).then(|| {
        format!(
            "SELECT id, sequence, updated_at, json FROM objects
             WHERE tenant = $1 AND model = '{model}' AND ({}) = {} ORDER BY id LIMIT $3",
            parent(property),
            without_nul("$2")
        )
    })
}

/// Which object is meant by a property. JSON may have `\u0000` in it, in another property, which `jsonb` cannot take.
fn parent(property: &str) -> String {
    format!("{}::jsonb ->> '{property}'", without_nul("json"))
}

fn without_nul(text: &str) -> String {
    format!(r"replace({text}, '\u0000', '\u0001')")
}

/// The statement that makes the index of [`children`].
pub(super) fn index_children(model: &str, property: &str) -> Option<String> {
    use std::fmt::Write as _;
    if !is_name(model) || !is_name(property) {
        return None;
    }
    // Names of indexes are short, and names of models know case.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in model.bytes().chain([0]).chain(parent(property).bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut name = String::from("children_");
    write!(name, "{hash:016x}").ok()?;
    Some(format!("CREATE INDEX IF NOT EXISTS {name} ON objects (tenant, ({}), id) WHERE model = '{model}'", parent(property)))
}

/// Whether a name may stand inside SQL text: what the schema language allows, and nothing else.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// An object whose columns begin there.
pub(super) fn object_row(row: &Row, from: usize) -> Result<ObjectRow, Trouble> {
    Ok(ObjectRow {
        id: text(row, from)?,
        sequence: Sequence(get(row, from + 1)?),
        updated_at: text(row, from + 2)?,
        json: text(row, from + 3)?,
    })
}

fn wait_row(row: &Row, from: usize) -> Result<WaitRow, Trouble> {
    let previous = match text_if_any(row, from + 6)? {
        Some(id) => {
            Some(ObjectRow { id, sequence: Sequence(get(row, from + 7)?), updated_at: text(row, from + 8)?, json: text(row, from + 9)? })
        }
        None => None,
    };
    Ok(WaitRow {
        event: text(row, from)?,
        model: text(row, from + 1)?,
        object: text(row, from + 2)?,
        operation: text(row, from + 3)?,
        for_model: text(row, from + 4)?,
        for_id: text(row, from + 5)?,
        previous,
    })
}

/// See [`Store::waits`](crate::store::Store::waits). The number stands for the tenant and the place among its waits.
pub(super) async fn all_waits(link: &Link, after: i64, at_most: i64) -> Result<Vec<(i64, Tenant, WaitRow)>, Trouble> {
    let sql = format!(
        "SELECT {WAIT}, t.row << 40 | w.row, t.name FROM waits w JOIN tenants t ON t.row = w.tenant
         WHERE (w.tenant, w.row) > ($1, $2) ORDER BY w.tenant, w.row LIMIT $3"
    );
    let (tenant, row) = (after >> 40, after & ((1 << 40) - 1));
    let rows = link.query(&sql, &[&tenant, &row, &at_most]).await?;
    rows.iter().map(|row| Ok((get(row, 10)?, Tenant::new(text(row, 11)?), wait_row(row, 0)?))).collect()
}
