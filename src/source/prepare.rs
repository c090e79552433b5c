//! Publication and slot in the user's database: made, removed, looked at. Nothing else is ever changed there.

use tokio_postgres::Client;
use tokio_postgres::config::Host;

use super::birth::{Added, Birth, Copy, Ready, birth};
use super::catalog;
use super::error::SourceError;
use super::plan::{Plan, TablePlan};
use super::silence::{SILENCE, silent};
use super::slot::{is_stuck, slot_state};
use super::turn;
use super::wire::quoted;
use crate::config;
use crate::store::{self, StoreError, Tls};

/// What the log has where the tables of a publication become others.
pub(super) const TABLES_CHANGED: &str = "webhookc tables";

/// How the database is reached.
#[derive(Clone)]
pub(super) struct Way {
    pub config: tokio_postgres::Config,
    pub tls: Tls,
}

impl Way {
    pub(super) fn to(url: &str) -> Result<Self, SourceError> {
        let (config, tls) = store::reach(url).map_err(|error| {
            if let StoreError::Open { url, why } = error {
                return SourceError::Connection(format!("the database `{url}` cannot be read: {why}"));
            }
            error.into()
        })?;
        Ok(Self { config, tls })
    }

    /// A connection for statements.
    pub(super) async fn connect(&self) -> Result<Client, SourceError> {
        let connected = tokio::time::timeout(SILENCE, self.config.connect(self.tls.clone())).await;
        let unreachable = |error| SourceError::Connection(format!("the database at {} cannot be reached: {error}", self.place()));
        let (client, connection) = connected.map_err(|_| unreachable(silent()))?.map_err(|error| {
            let is_answer = error.as_db_error().is_some();
            let error = SourceError::from(error);
            if is_answer { error } else { unreachable(error) }
        })?;
        // Ends with the client.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the source ended");
            }
        });
        Ok(client)
    }

    /// Where the database is, as people say it.
    fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |index: usize| ports.get(index).or(ports.first()).map(|port| format!(":{port}")).unwrap_or_default();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(index, host)| match host {
            Host::Tcp(name) => format!("`{name}{}`", port(index)),
            Host::Unix(folder) => format!("`{}`", folder.display()),
        });
        hosts.collect::<Vec<_>>().join(" or ")
    }
}

/// Makes the publication of these tables and the slot, where they are missing; what was done, a line each. For a first copy of what the tables
/// have, the slot is made by the node that makes the copy, since both must begin at the same moment.
///
/// # Errors
/// When the database does not allow it, with what to do about it.
pub(super) async fn init(client: &Client, source: &config::Source, plan: &Plan, copy: Option<Ready>) -> Result<Vec<String>, SourceError> {
    let config::Source { slot, publication, .. } = source;
    let state = slot_state(client, slot).await?;
    let before = birth(client, publication).await?;
    let earlier = before.as_ref().and_then(|birth| birth.copy).filter(|copy| !copy.is_made);
    let published = catalog::published(client, publication).await?;
    let is_new = |table: &TablePlan| !published.tables.contains_key(&table.is);
    let new: Vec<&TablePlan> = plan.tables.values().map(|table| &**table).filter(|table| is_new(table)).collect();
    match &state {
        Some(state) if state.is_lost() && earlier.is_none() => return Err(SourceError::Unfit(vec![lost(slot)])),
        Some(_) if copy.is_some() && earlier.is_none() => {
            let is_known = before.as_ref().is_some_and(|birth| birth.begins().is_some());
            if new.is_empty() || !is_known {
                return Err(SourceError::Unfit(vec![too_late(slot)]));
            }
        }
        Some(_) | None => {}
    }
    let mut done = Vec::new();
    let tables: Vec<_> = plan.tables.values().map(|table| table.sql.as_str()).collect();
    // Tables that inherit from another are tables of their own.
    let only: Vec<_> = tables.iter().map(|table| format!("ONLY {table}")).collect();
    let list = only.join(", ");
    // Partitions are told of as the table that they are of.
    let with = format!("publish = '{}', publish_via_partition_root = true", catalog::KINDS.join(", "));
    if let Some(before) = &before {
        let name = quoted(publication);
        let mut sql = format!("ALTER PUBLICATION {name} SET TABLE {list}; ALTER PUBLICATION {name} SET ({with})");
        if state.is_some() && earlier.is_none() && before.begins().is_some() {
            // Together with the tables: no node may read one that is to be copied first.
            let birth = with_tables(client, before, plan, &new, copy).await?;
            sql = format!("{sql}; {}", birth.sql(publication));
        }
        client.batch_execute(&format!("{sql}; {}", tables_changed())).await?;
        done.push(format!("the publication `{publication}` was there; it now has {}", tables.join(", ")));
    } else {
        client.batch_execute(&format!("CREATE PUBLICATION {} FOR TABLE {list} WITH ({with})", quoted(publication))).await?;
        done.push(format!("made the publication `{publication}` of {}", tables.join(", ")));
    }
    match (state, copy) {
        (Some(_), _) if earlier.is_some() => {
            done.push("the first copy is not made yet; `webhookc source status` says how far it is".to_owned());
        }
        (Some(state), _) => {
            let (is_there, is_known) = (before.is_some(), before.as_ref().is_some_and(|birth| birth.begins().is_some()));
            if before.is_some_and(|birth| birth.is_under_way()) {
                // Somebody was interrupted who had just made it.
                Birth::plain(&state.confirmed.unwrap_or_default()).write(client, publication).await?;
            }
            done.push(format!("the slot `{slot}` was there; it goes on from where it is"));
            if is_there {
                done.extend(new.iter().map(|table| came(table, copy)));
            }
            if !is_known && is_stuck(client, slot, publication).await? {
                done.push(stuck(publication));
            } else if !is_there {
                let meanwhile = "at a row that was written meanwhile the source stands still, and says what to do";
                done.push(format!("there was no publication `{publication}` until now: {meanwhile}"));
            }
        }
        (None, None) if earlier.is_some() => done.push(format!("the first copy is still to be made: {BY_WHOM}")),
        (None, Some(ready)) => {
            let copy = Some(Copy { ready, is_made: false });
            Birth { copy, ..Birth::default() }.write(client, publication).await?;
            done.push(format!("the rows that the tables have are copied first: {BY_WHOM}"));
        }
        (None, None) => {
            // A node that waits for it must not take it for an earlier one.
            Birth::under_way().write(client, publication).await?;
            let sql = "SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput')";
            let at: String = client.query_one(sql, &[slot]).await?.try_get(0)?;
            // What is kept under the name of an earlier slot is not of this one.
            Birth::plain(&at).write(client, publication).await?;
            done.push(format!("made the slot `{slot}` at {at}: what is committed from here on is read"));
        }
    }
    Ok(done)
}

/// The statement that tells the node which reads, in the log, to look at the tables anew. Of a table to which nothing is written the log would
/// have nothing.
fn tables_changed() -> String {
    format!("SELECT pg_logical_emit_message(true, '{TABLES_CHANGED}', '')")
}

/// How a source begins after tables have come to it, and others have gone.
async fn with_tables(client: &Client, before: &Birth, plan: &Plan, new: &[&TablePlan], copy: Option<Ready>) -> Result<Birth, SourceError> {
    let is_new = |oid| new.iter().any(|table| table.shape.oid == oid);
    let stays = |added: &&Added| !is_new(added.oid) && plan.tables.values().any(|table| table.shape.oid == added.oid);
    let mut birth = Birth { added: before.added.iter().filter(stays).cloned().collect(), ..before.clone() };
    if let Some(ready) = copy {
        let at: String = client.query_one("SELECT pg_current_wal_lsn()::text", &[]).await?.try_get(0)?;
        let copied = |table: &&TablePlan| Added { oid: table.shape.oid, at: at.as_str().into(), copy: Copy { ready, is_made: false } };
        birth.added.extend(new.iter().map(copied));
    }
    Ok(birth)
}

/// What becomes of the rows of a table that has come.
fn came(TablePlan { name, .. }: &TablePlan, copy: Option<Ready>) -> String {
    match copy {
        Some(_) => {
            format!("the rows of `{name}` are copied before it is read: by the node that runs, when it has this schema, or that is started")
        }
        None => format!("`{name}` is read from here on; the rows that it has become objects when they change"),
    }
}

/// What to do when the log cannot be read on.
const ANEW: &str = "run `webhookc source drop` and `webhookc source init`, with `--snapshot` to have the rows copied as they are";

/// Who makes a first copy.
const BY_WHOM: &str = "start a node, which makes the copy and the slot";

/// Removes both; what was done, a line each.
///
/// # Errors
/// When the database does not allow it, or the slot is being read.
pub(super) async fn remove(client: &Client, source: &config::Source) -> Result<Vec<String>, SourceError> {
    let config::Source { slot, publication, .. } = source;
    if !turn::take(client, slot).await? {
        let why = "a node makes the first copy at present, expected none; stop it first";
        return Err(SourceError::Unfit(vec![why.to_owned()]));
    }
    let mut done = Vec::new();
    let state = slot_state(client, slot).await?;
    if state.as_ref().is_some_and(|state| state.active) {
        return Err(SourceError::Unfit(vec![format!("a node reads the slot `{slot}` at present, expected none; stop it first")]));
    }
    if state.is_some() {
        client.execute("SELECT pg_drop_replication_slot($1)", &[slot]).await?;
        done.push(format!("removed the slot `{slot}`"));
    } else {
        done.push(format!("there is no slot `{slot}`"));
    }
    if has_publication(client, publication).await? {
        client.batch_execute(&format!("DROP PUBLICATION {}", quoted(publication))).await?;
        done.push(format!("removed the publication `{publication}`"));
    } else {
        done.push(format!("there is no publication `{publication}`"));
    }
    Ok(done)
}

/// Whether there is a publication of this name.
async fn has_publication(client: &Client, publication: &str) -> Result<bool, SourceError> {
    Ok(client.query_opt("SELECT 1 FROM pg_publication WHERE pubname = $1", &[&publication]).await?.is_some())
}

/// Whether there are publication and slot, and the log can be read with both.
///
/// # Errors
/// What is missing, and what to do about it.
pub(super) async fn are_there(client: &Client, source: &config::Source) -> Result<(), SourceError> {
    let config::Source { slot, publication, .. } = source;
    match slot_state(client, slot).await? {
        None => return Err(SourceError::Unfit(vec![format!("there is no slot `{slot}` in the database; run `webhookc source init`")])),
        Some(state) if state.is_lost() => return Err(SourceError::Unfit(vec![lost(slot)])),
        Some(_) => {}
    }
    let Some(birth) = birth(client, publication).await? else { return Err(SourceError::Unfit(vec![unpublished(publication)])) };
    if birth.begins().is_none() && is_stuck(client, slot, publication).await? {
        return Err(SourceError::Unfit(vec![stuck(publication)]));
    }
    Ok(())
}

/// What is said when there is no publication.
pub(super) fn unpublished(publication: &str) -> String {
    format!("there is no publication `{publication}` in the database; run `webhookc source init`")
}

/// What is said when the log cannot be read on, although there is a publication by now.
pub(super) fn stuck(publication: &str) -> String {
    format!("rows were written while there was no publication `{publication}`, and the log cannot be read on behind them; {ANEW}")
}

/// The name of what begins there, or of what is called so: its place is kept under it.
pub(super) async fn name(client: &Client, slot: &str, at: &str) -> Result<Box<str>, SourceError> {
    let sql = "SELECT (SELECT system_identifier FROM pg_control_system())::text, current_database()::text";
    let row = client.query_one(sql, &[]).await?;
    let (system, database): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    Ok(format!("{system}/{database}/{slot}/{at}").into())
}

fn too_late(slot: &str) -> String {
    format!(
        "the slot `{slot}` is there, and no table has come to those that are read: none is to be copied; \
         to have all rows copied anew, run `webhookc source drop` and `webhookc source init --snapshot`"
    )
}

fn lost(slot: &str) -> String {
    format!(
        "the database has thrown away the log that the slot `{slot}` needs, so that changes are missing; \
         run `webhookc source drop` and `webhookc source init`, and set `max_slot_wal_keep_size` higher"
    )
}

/// What the database does not allow, with what to run.
pub(super) async fn in_the_way(client: &Client, source: &config::Source, plan: &Plan) -> Result<Vec<String>, SourceError> {
    let sql = "SELECT current_setting('wal_level'), current_user::text, rolreplication OR rolsuper, current_database()::text,
            has_database_privilege(current_database(), 'CREATE')
        FROM pg_roles WHERE rolname = current_user";
    let row = client.query_one(sql, &[]).await?;
    let (level, user, may, database): (String, String, bool, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    let role = quoted(&user);
    let mut mistakes = Vec::new();
    if level != "logical" {
        mistakes.push(format!(
            "`wal_level` is `{level}`, expected `logical`; run `ALTER SYSTEM SET wal_level = logical` and restart the server"
        ));
    }
    if !may {
        mistakes.push(format!("`{user}` may not read the log; run `ALTER ROLE {role} REPLICATION` as a superuser"));
    }
    if !row.try_get::<_, bool>(4)? && !has_publication(client, &source.publication).await? {
        let grant = format!("GRANT CREATE ON DATABASE {} TO {role}", quoted(&database));
        mistakes.push(format!("`{user}` may not make a publication in the database `{database}`; run `{grant}`"));
    }
    let publication = &source.publication;
    if client.query_opt("SELECT 1 FROM pg_publication WHERE pubname = $1 AND puballtables", &[publication]).await?.is_some() {
        mistakes.push(format!(
            "the publication `{publication}` is of all tables, expected one of those that are read; run `DROP PUBLICATION {}` if nobody else uses \
             it, so that it is made anew, or name another `publication` in `[source.postgres]`",
            quoted(publication)
        ));
    }
    let tables: Vec<u32> = plan.tables.values().map(|table| table.shape.oid).collect();
    let sql = "SELECT oid, pg_get_userbyid(relowner)::text FROM pg_class
        WHERE oid = ANY ($1::oid[]) AND NOT pg_has_role(relowner, 'USAGE') ORDER BY oid";
    for row in client.query(sql, &[&tables]).await? {
        let (oid, owner): (u32, String) = (row.try_get(0)?, row.try_get(1)?);
        let Some(table) = plan.tables.values().find(|table| table.shape.oid == oid) else { continue };
        mistakes.push(format!(
            "the table `{}` is of `{owner}`, and only its owner may publish it, not `{user}`; run `webhookc source init` with a URL of `{owner}` or \
             of a superuser",
            table.name
        ));
    }
    Ok(mistakes)
}
