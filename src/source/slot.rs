//! What the slot is at present, as the database says. Absent: whose place it is, see [`super::continuity`].

use tokio_postgres::Client;

use super::error::SourceError;
use super::wire::quoted;

/// What a slot is at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotState {
    /// Whether somebody reads it.
    pub active: bool,
    /// Whether the log that it needs is there.
    pub log: SlotLog,
    /// Up to where it is read, as `PostgreSQL` writes it.
    pub confirmed: Option<String>,
    /// Bytes of the log behind that.
    pub lag_bytes: Option<i64>,
    /// Bytes of the log that the database keeps for it: more than it is behind as long as a transaction is open.
    pub kept_bytes: Option<i64>,
}

/// Whether the log that a slot needs is there (`wal_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotLog {
    /// It is, and no more than the database has anyway.
    Kept,
    /// It is, and more than `max_wal_size`.
    Grows,
    /// It is to be thrown away with the next checkpoint.
    Threatened,
    /// It has been thrown away.
    Lost,
}

impl SlotState {
    /// Whether the log that it needs is gone.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.log == SlotLog::Lost
    }
}

/// What the slot is at present; `None`: there is none.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn slot_state(client: &Client, slot: &str) -> Result<Option<SlotState>, SourceError> {
    let sql = "SELECT active, coalesce(wal_status, ''), confirmed_flush_lsn::text, (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint,
            (pg_current_wal_lsn() - restart_lsn)::bigint
        FROM pg_replication_slots WHERE slot_name = $1";
    let Some(row) = client.query_opt(sql, &[&slot]).await? else { return Ok(None) };
    let log = match row.try_get(1)? {
        "lost" => SlotLog::Lost,
        "unreserved" => SlotLog::Threatened,
        "extended" => SlotLog::Grows,
        _ => SlotLog::Kept,
    };
    Ok(Some(SlotState {
        active: row.try_get(0)?,
        log,
        confirmed: row.try_get(2)?,
        lag_bytes: row.try_get(3)?,
        kept_bytes: row.try_get(4)?,
    }))
}

/// Whether somebody reads the slot.
pub(super) async fn is_read(client: &Client, slot: &str) -> Result<bool, SourceError> {
    Ok(slot_state(client, slot).await?.is_some_and(|state| state.active))
}

/// How long the log may be looked through.
const LOOKING: &str = "SET statement_timeout = '5s'";
/// What the database calls something that is not there.
const NOT_THERE: &str = "42704";

/// Whether what is to be read next was written while there was no publication: the database reads a row with what there was when it was
/// written, and goes no further, although there is a publication by now. While somebody reads the slot, or when the log is too long to look
/// through, that is not known.
pub(super) async fn is_stuck(client: &Client, slot: &str, publication: &str) -> Result<bool, SourceError> {
    let sql = "SELECT 1 FROM pg_logical_slot_peek_binary_changes($1, NULL, 1, 'proto_version', '1', 'publication_names', $2) LIMIT 1";
    client.batch_execute(LOOKING).await?;
    let looked = client.query_opt(sql, &[&slot, &quoted(publication)]).await;
    client.batch_execute("RESET statement_timeout").await?;
    match looked.map_err(SourceError::from) {
        Ok(_) => Ok(false),
        Err(SourceError::Server { code, message }) => Ok(code == NOT_THERE && message.contains(publication)),
        Err(error) => Err(error),
    }
}
