//! What the database is told and asked for a copy: a slot with the snapshot that belongs to it, in which the tables stay as they are.

use tokio_postgres::Client;

use crate::source::error::SourceError;
use crate::source::pgoutput::Cell;
use crate::source::plan::{Plan, TablePlan};
use crate::source::wire::{Wire, quoted};

/// What the reading session is told before it begins: nothing may end it, or leave out rows without saying so. Only when nobody takes any more
/// what it sends it is to end, after a minute: it holds the slot.
const SETTINGS: [&str; 5] = [
    "SET statement_timeout = 0",
    "SET lock_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET row_security = off",
    "SET tcp_user_timeout = '60s'",
];

/// What a slot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    /// The log is read from there on.
    ForEver,
    /// Only for the moment that the tables are seen at.
    Session,
}

/// How a slot is called that is only for a copy, behind the name of the one that is read.
const SUFFIX: &str = "_copy";
/// Bytes that the name of a slot may have.
const NAME_LENGTH: usize = 63;

/// Makes a slot, and sees the tables from then on as they are at that moment; where in the log that is. They cannot be emptied or altered until
/// the session ends.
pub(super) async fn take(wire: &mut Wire, slot: &str, lasts: Lasts, plan: &Plan) -> Result<Box<str>, SourceError> {
    for setting in SETTINGS {
        wire.run(setting).await?;
    }
    wire.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let slot = match lasts {
        Lasts::ForEver => quoted(slot),
        Lasts::Session => {
            let name: String = slot.chars().take(NAME_LENGTH - SUFFIX.len()).collect();
            format!("{} TEMPORARY", quoted(&(name + SUFFIX)))
        }
    };
    let made = wire.run(&format!("CREATE_REPLICATION_SLOT {slot} LOGICAL pgoutput USE_SNAPSHOT")).await?;
    let Some(Cell::Text(at)) = made.into_iter().next().and_then(|row| row.into_iter().nth(1)) else {
        return Err(SourceError::Connection("the server does not say where the slot begins".to_owned()));
    };
    let tables: Vec<_> = plan.tables.values().map(|table| from(table)).collect();
    wire.run(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", tables.join(", "))).await?;
    Ok(at)
}

/// The question for all rows of a table, in the order of its columns.
pub(super) fn rows_of(table: &TablePlan) -> String {
    let columns: Vec<_> = table.shape.columns.iter().map(|column| quoted(&column.name)).collect();
    format!("SELECT {} FROM {}", columns.join(", "), from(table))
}

/// The table with its partitions, and without those that inherit from it: they are tables of their own.
fn from(table: &TablePlan) -> String {
    if table.shape.is_partitioned { table.sql.clone() } else { format!("ONLY {}", table.sql) }
}

/// The files of the tables and of their partitions. A table that is rewritten gets another one, and is empty for whoever looks at it as it was before.
pub(super) async fn files(client: &Client, plan: &Plan) -> Result<String, SourceError> {
    let sql = "SELECT coalesce(string_agg(t.oid || ' ' || coalesce(pg_relation_filenode(p.relid), 0), ',' ORDER BY t.oid, p.relid), '')
        FROM unnest($1::oid[]) t (oid), pg_partition_tree(t.oid) p";
    Ok(client.query_one(sql, &[&oids(plan)]).await?.try_get(0)?)
}

/// How many rows the tables have, as far as the database knows.
pub(super) async fn about(client: &Client, plan: &Plan) -> Result<Option<u64>, SourceError> {
    let sql = "SELECT CASE WHEN min(reltuples) >= 0 THEN sum(reltuples)::bigint END FROM pg_class WHERE oid = ANY ($1::oid[])";
    let about: Option<i64> = client.query_one(sql, &[&oids(plan)]).await?.try_get(0)?;
    Ok(about.and_then(|about| u64::try_from(about).ok()))
}

/// Whether all rows of the tables can be read, with what to run when they cannot.
pub(in crate::source) async fn may_be_read(client: &Client, plan: &Plan) -> Result<(), SourceError> {
    let sql =
        "SELECT c.oid, current_user::text, n.nspname::text, has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'),
            row_security_active(c.oid)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[]) ORDER BY n.nspname, c.relname";
    let mut mistakes = Vec::new();
    for row in client.query(sql, &[&oids(plan)]).await? {
        let (oid, user, schema): (u32, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let Some(table) = plan.tables.values().find(|table| table.shape.oid == oid) else { continue };
        let (name, sql, role) = (&table.name, &table.sql, quoted(&user));
        if !row.try_get::<_, bool>(3)? {
            let grant = format!("GRANT USAGE ON SCHEMA {} TO {role}", quoted(&schema));
            mistakes.push(format!("`{user}` may not use the schema of the table `{name}`, whose rows are to be copied; run `{grant}`"));
        }
        if !row.try_get::<_, bool>(4)? {
            mistakes
                .push(format!("`{user}` may not read the rows of `{name}`, which are to be copied; run `GRANT SELECT ON {sql} TO {role}`"));
        } else if row.try_get(5)? {
            let grant = format!("ALTER ROLE {role} BYPASSRLS");
            mistakes.push(format!("policies hide rows of `{name}` from `{user}`, which are to be copied; run `{grant}` as a superuser"));
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(SourceError::Unfit(mistakes)) }
}

fn oids(plan: &Plan) -> Vec<u32> {
    plan.tables.values().map(|table| table.shape.oid).collect()
}
