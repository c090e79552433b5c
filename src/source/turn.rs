//! Whose turn it is to make the first copy: a lock in the source's database, held by a session of the node that makes it and gone with that,
//! whose name tells everybody how far it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_postgres::Client;

use super::error::SourceError;
use super::silence::answered;
use super::slot::slot_state;

/// What the sessions of copies are called, before how far they are. The database keeps 63 bytes of it.
const NAME: &str = "webhookc copy: ";
/// How long the session may be idle.
const IDLE: &str = "SET idle_session_timeout = '20s'";
/// How often it is asked whether session and slot are still there, well within that time.
const BEAT: Duration = Duration::from_secs(5);
/// What the lock is for, beside the slot.
const LOCK: &str = "hashtext('webhookc copy'), hashtext($1)";

/// Takes the turn, until the session ends; `false`: another session has it. It ends when [`lost`] does not keep it alive: a node that stands still
/// holds up nobody.
pub(super) async fn take(client: &Client, slot: &str) -> Result<bool, SourceError> {
    client.batch_execute(IDLE).await?;
    Ok(client.query_one(&format!("SELECT pg_try_advisory_lock({LOCK})"), &[&slot]).await?.try_get(0)?)
}

/// Returns when the session, and with it the turn, is gone, or the database does not answer any more, or the slot is gone that there is.
pub(super) async fn lost(client: &Client, slot: &str, is_made: &AtomicBool) -> SourceError {
    loop {
        tokio::time::sleep(BEAT).await;
        // Before it is asked: it may be made meanwhile.
        let is_made = is_made.load(Ordering::Relaxed);
        match answered(slot_state(client, slot)).await {
            Ok(None) if is_made => {
                return SourceError::Connection(format!("the slot `{slot}` was dropped while rows were copied, which ends the copy"));
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// Tells how far the copy is. Fails when the session, and with it the turn, is gone.
pub(super) async fn tell(client: &Client, how_far: &str) -> Result<(), SourceError> {
    client.execute("SELECT set_config('application_name', $1, false)", &[&format!("{NAME}{how_far}")]).await?;
    Ok(())
}

/// How far the session is that has the turn; `None`: nobody has it.
pub(super) async fn how_far(client: &Client, slot: &str) -> Result<Option<String>, SourceError> {
    let sql = "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() AND l.objsubid = 2
            AND (l.classid, l.objid) = (hashtext('webhookc copy')::oid, hashtext($1)::oid)";
    let Some(row) = client.query_opt(sql, &[&slot]).await? else { return Ok(None) };
    let name: String = row.try_get(0)?;
    Ok(Some(name.strip_prefix(NAME).unwrap_or("it begins").to_owned()))
}
