//! What a database has committed, told by somebody else: a slot of its own with `test_decoding`, PostgreSQL's example of an output plugin.
//! Nothing here knows how the product reads the log.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::World;

/// A committed change of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub table: String,
    pub what: What,
    /// The columns that are told, each as text; `None` is null. A large value that has not changed is not told.
    pub columns: BTreeMap<String, Option<String>>,
}

/// What has happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Insert,
    Update,
    Delete,
}

/// Begins to look: what is committed from here on will be told.
pub fn begin(world: &World) {
    world.sql(&format!("SELECT pg_create_logical_replication_slot('{}_witness', 'test_decoding')", world.database));
}

/// Every change that has been committed since, in the order of the commits.
pub fn told(world: &World) -> Vec<Change> {
    let options = "'include-xids', '0', 'skip-empty-xacts', '1'";
    let lines = world.sql(&format!("SELECT data FROM pg_logical_slot_get_changes('{}_witness', NULL, NULL, {options})", world.database));
    lines.lines().filter(|line| !matches!(*line, "BEGIN" | "COMMIT")).map(change).collect()
}

/// `table public.orders: UPDATE: id[integer]:1 name[text]:'it''s'`.
fn change(line: &str) -> Change {
    let rest = line.strip_prefix("table public.").unwrap_or_else(|| panic!("{line}"));
    let (table, rest) = rest.split_once(": ").unwrap();
    let (what, mut rest) = rest.split_once(": ").unwrap();
    let what = match what {
        "INSERT" => What::Insert,
        "UPDATE" => What::Update,
        "DELETE" => What::Delete,
        other => panic!("{other}"),
    };
    let mut columns = BTreeMap::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('[').unwrap();
        let (_, behind) = behind.split_once("]:").unwrap();
        let (value, behind) = value(behind);
        if value.as_deref() != Some("unchanged-toast-datum") {
            columns.insert(name.to_owned(), value);
        }
        rest = behind.strip_prefix(' ').unwrap_or(behind);
    }
    Change { table: table.to_owned(), what, columns }
}

/// A value, and what follows it.
fn value(text: &str) -> (Option<String>, &str) {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(' ').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return ((value != "null").then(|| value.to_owned()), rest);
    };
    let mut out = String::new();
    let mut rest = quoted;
    loop {
        let (part, behind) = rest.split_once('\'').unwrap();
        out.push_str(part);
        match behind.strip_prefix('\'') {
            Some(more) => {
                out.push('\'');
                rest = more;
            }
            None => return (Some(out), behind),
        }
    }
}

impl Change {
    /// A column that is told and is not null.
    pub fn text(&self, column: &str) -> &str {
        self.columns[column].as_deref().unwrap_or_else(|| panic!("{column}: {self:?}"))
    }

    /// A column as JSON, if it is told, by what makes JSON of a text.
    pub fn json(&self, column: &str, of: impl Fn(&str) -> Value) -> Option<Value> {
        self.columns.get(column).map(|value| value.as_deref().map_or(Value::Null, of))
    }
}

#[test]
fn what_test_decoding_writes_is_read() {
    let line =
        "table public.a: INSERT: id[integer]:1 name[character varying]:'it''s [a]:b' note[text]:null big[text]:unchanged-toast-datum";
    let change = change(line);
    let columns = [("id", Some("1")), ("name", Some("it's [a]:b")), ("note", None)];
    let columns = columns.into_iter().map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).collect();
    assert_eq!(change, Change { table: "a".to_owned(), what: What::Insert, columns });
}
