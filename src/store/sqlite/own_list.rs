//! Lists of the endpoints that a tenant has made. First the rows of the page are found, in indexes alone, so that neither a filter nor a page far
//! behind the first reads what is said of others; then the page is read.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::own::{LANE, ROW, read};
use crate::store::sqlite::values::limit;
use crate::store::{OwnEndpointRow, OwnFilter, OwnPage};

/// The rows of suspended endpoints.
const SUSPENDED: &str =
    "SELECT p.row FROM endpoints l INDEXED BY endpoints_suspended_of CROSS JOIN own_endpoints p ON p.tenant = l.tenant AND p.id = l.name
    WHERE l.tenant = ? AND l.suspended_at IS NOT NULL";
/// The rows of disabled endpoints.
const DISABLED: &str = "SELECT row FROM own_endpoints INDEXED BY own_endpoints_enabled WHERE tenant = ? AND enabled = 0";

/// A statement with what is bound to it, in order.
struct Statement {
    sql: String,
    values: Vec<Value>,
    tenant: i64,
}

impl Statement {
    fn push(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    /// With the tenant for every `?`.
    fn push_of_tenant(&mut self, sql: &str) {
        let count = sql.matches('?').count();
        let tenant = self.tenant;
        self.push(sql, (0..count).map(|_| Value::Integer(tenant)));
    }
}

/// See [`Store::own_endpoints`](crate::store::Store::own_endpoints).
pub(super) fn list(connection: &Connection, tenant: i64, filter: &OwnFilter, page: OwnPage) -> rusqlite::Result<Vec<OwnEndpointRow>> {
    let mut statement = Statement { sql: format!("{ROW} FROM ("), values: Vec::new(), tenant };
    rows(&mut statement, filter, page);
    let sql = format!("{}) p CROSS JOIN own_endpoints o ON o.row = p.row {LANE} ORDER BY p.row", statement.sql);
    connection.prepare_cached(&sql)?.query_map(params_from_iter(statement.values), read)?.collect()
}

/// The rows of the page.
fn rows(to: &mut Statement, filter: &OwnFilter, page: OwnPage) {
    let by_row = source(to, filter, page);
    let row = if by_row { "e.row" } else { "o.row" };
    let yes = |wanted: bool| if wanted { "IN" } else { "NOT IN" };
    if by_row {
        to.push(" WHERE e.row > ?", [Value::Integer(page.after)]);
        for (column, value) in [("name", &filter.name), ("dialect", &filter.dialect), ("dialect_key", &filter.dialect_key)] {
            if let Some(text) = value {
                let sql = format!(" AND e.row IN (SELECT row FROM own_endpoints WHERE tenant = ? AND {column} = ?)");
                let tenant = to.tenant;
                to.push(&sql, [Value::Integer(tenant), Value::Text(text.clone())]);
            }
        }
        if let Some(enabled) = filter.enabled {
            to.push_of_tenant(&format!(" AND e.row {} ({DISABLED})", yes(!enabled)));
        }
    } else {
        to.push_of_tenant(" WHERE o.tenant = ?");
        to.push(" AND o.row > ?", [Value::Integer(page.after)]);
        for (column, value) in [("name", &filter.name), ("dialect", &filter.dialect), ("dialect_key", &filter.dialect_key)] {
            if let Some(text) = value {
                to.push(&format!(" AND o.{column} = ?"), [Value::Text(text.clone())]);
            }
        }
        if let Some(enabled) = filter.enabled.or(filter.active.filter(|active| *active)) {
            to.push(&format!(" AND o.enabled = {}", i32::from(enabled)), []);
        }
    }
    if let Some(suspended) = filter.suspended {
        to.push_of_tenant(&format!(" AND {row} {} ({SUSPENDED})", yes(suspended)));
    }
    match filter.active {
        Some(true) => to.push_of_tenant(&format!(" AND {row} NOT IN ({SUSPENDED}) AND {row} NOT IN ({DISABLED})")),
        Some(false) => to.push_of_tenant(&format!(" AND {row} IN ({DISABLED} UNION {SUSPENDED})")),
        None => {}
    }
    to.push(&format!(" ORDER BY {row} LIMIT {} OFFSET {}", limit(page.limit), limit(page.offset)), []);
}

/// Where rows are looked for: in a list that is in their order and names few, as `e.row`, or among all endpoints, as `o.row`.
fn source(to: &mut Statement, filter: &OwnFilter, page: OwnPage) -> bool {
    let tenant = to.tenant;
    if !filter.event_types.is_empty() {
        // Each part is in the order of rows already, and so is what they are merged into: no more is read than the page asks for.
        for (number, event) in filter.event_types.iter().map(String::as_str).chain(["*"]).enumerate() {
            let part = "SELECT endpoint AS row FROM own_endpoint_events WHERE tenant = ? AND event = ? AND endpoint > ?";
            let sql = if number == 0 { format!("SELECT e.row FROM ({part}") } else { format!(" UNION {part}") };
            to.push(&sql, [Value::Integer(tenant), Value::Text(event.to_owned()), Value::Integer(page.after)]);
        }
        to.push(" ORDER BY 1) e", []);
        return true;
    }
    if filter.suspended == Some(true) {
        to.push_of_tenant(&format!("SELECT e.row FROM ({SUSPENDED}) e"));
        return true;
    }
    if filter.active == Some(false) {
        to.push_of_tenant(&format!("SELECT e.row FROM ({DISABLED} UNION {SUSPENDED}) e"));
        return true;
    }
    to.push("SELECT o.row FROM own_endpoints o", []);
    false
}
