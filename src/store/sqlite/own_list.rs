//! Lists of the endpoints that a tenant has made. First the rows of the page are found, in one index that is in their order, so that neither a
//! filter nor a page far behind the first reads what is said of others; then the page is read.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::own::{LANE, ROW, read};
use crate::store::sqlite::values::limit;
use crate::store::{OwnEndpointRow, OwnFilter, OwnPage};

/// A statement with what is bound to it, in order.
#[derive(Default)]
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    fn push(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(sql);
        self.values.extend(values);
    }
}

/// See [`Store::own_endpoints`](crate::store::Store::own_endpoints).
pub(super) fn list(connection: &Connection, tenant: i64, filter: &OwnFilter, page: OwnPage) -> rusqlite::Result<Vec<OwnEndpointRow>> {
    let mut statement = Statement { sql: format!("{ROW} FROM ("), values: Vec::new() };
    if filter.event_types.is_empty() || filter.name.is_some() || filter.dialect.is_some() {
        among_endpoints(&mut statement, tenant, filter, page);
    } else {
        among_events(&mut statement, tenant, filter, page);
    }
    let page = format!(" ORDER BY 1 LIMIT {} OFFSET {}", limit(page.limit), limit(page.offset));
    let sql = format!("{}{page}) p CROSS JOIN own_endpoints o ON o.row = p.row {LANE} ORDER BY p.row", statement.sql);
    connection.prepare_cached(&sql)?.query_map(params_from_iter(statement.values), read)?.collect()
}

/// The rows of the endpoints of some event types: each type's are in order, and so is what they are merged into, so that no more is read
/// than the page asks for.
fn among_events(to: &mut Statement, tenant: i64, filter: &OwnFilter, page: OwnPage) {
    let states = states(filter);
    for (number, event) in events(filter).enumerate() {
        let part = "SELECT endpoint AS row FROM own_endpoint_events WHERE tenant = ? AND event = ? AND endpoint > ?";
        let sql = format!("{}{part}{states}", if number == 0 { "" } else { " UNION " });
        to.push(&sql, [Value::Integer(tenant), event, Value::Integer(page.after)]);
    }
}

/// The rows of the endpoints with a name, of those that were made by an API, or of all.
fn among_endpoints(to: &mut Statement, tenant: i64, filter: &OwnFilter, page: OwnPage) {
    let inactive = filter.enabled == Some(false) || filter.suspended == Some(true) || filter.active == Some(false);
    let index = match (&filter.name, &filter.dialect, &filter.dialect_key) {
        (Some(_), _, _) => "name",
        (None, Some(_), Some(_)) => "dialect",
        (None, Some(_), None) => "made_by",
        (None, None, _) if inactive => "inactive",
        (None, None, _) => "listed",
    };
    let sql = format!("SELECT row FROM own_endpoints INDEXED BY own_endpoints_{index} WHERE tenant = ? AND row > ?");
    to.push(&sql, [Value::Integer(tenant), Value::Integer(page.after)]);
    if inactive {
        // The index has to be told that it has them all.
        to.push(" AND (NOT enabled OR suspended)", []);
    }
    to.push(&states(filter), []);
    for (column, value) in [("name", &filter.name), ("dialect", &filter.dialect), ("dialect_key", &filter.dialect_key)] {
        if let Some(text) = value {
            to.push(&format!(" AND {column} = ?"), [Value::Text(text.clone())]);
        }
    }
    if !filter.event_types.is_empty() {
        let some: Vec<Value> = events(filter).collect();
        let places = vec!["?"; some.len()].join(", ");
        let sql = format!(" AND EXISTS (SELECT 1 FROM own_endpoint_events WHERE tenant = ? AND event IN ({places}) AND endpoint = row)");
        to.push(&sql, std::iter::once(Value::Integer(tenant)).chain(some));
    }
}

/// The event types that are asked for, and all of them.
fn events(filter: &OwnFilter) -> impl Iterator<Item = Value> {
    filter.event_types.iter().map(String::as_str).chain(["*"]).map(|event| Value::Text(event.to_owned()))
}

/// Conditions of what stands beside a row in every index.
fn states(filter: &OwnFilter) -> String {
    let choices = [
        (filter.enabled, " AND enabled", " AND NOT enabled"),
        (filter.suspended, " AND suspended", " AND NOT suspended"),
        (filter.active, " AND enabled AND NOT suspended", " AND (NOT enabled OR suspended)"),
    ];
    choices.into_iter().filter_map(|(wanted, yes, no)| wanted.map(|wanted| if wanted { yes } else { no })).collect()
}
