//! Commits that were under way when the connection was lost: whether they took place is asked over another one, and nothing is done twice.

use std::time::{Duration, Instant};

use super::failure::Trouble;
use super::link::{Link, Way};
use super::values::{get, text_if_any};
use crate::store::StoreError;

/// How long it may take to find out.
const DOUBT: Duration = Duration::from_secs(30);

/// Which history the server writes: another one since a standby has taken over, in which the numbers of transactions mean something else. Empty
/// where the server does not say.
pub(super) async fn timeline(link: &Link) -> Result<String, Trouble> {
    let sql = "SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";
    match link.query_once(sql, &[]).await {
        Ok(rows) => rows.first().map_or(Ok(String::new()), |row| get(row, 0)),
        Err(trouble) if trouble.is_passing() => Err(trouble),
        Err(_) => Ok(String::new()),
    }
}

/// Whether a transaction of this number was committed, in the history that was written before. As long as nobody knows, nobody is answered.
pub(super) async fn took_place(way: &Way, transaction: &str, before: &str) -> Result<bool, StoreError> {
    let began = Instant::now();
    loop {
        let asked = async {
            let link = way.connect().await?;
            if link.timeline != before {
                return Ok(None);
            }
            let row = link.first("SELECT pg_xact_status($1::text::xid8)", &[&transaction]).await?;
            row.map(|row| text_if_any(&row, 0)).transpose().map(Option::flatten)
        };
        match asked.await {
            Ok(Some(status)) if &*status == "committed" => return Ok(true),
            Ok(Some(status)) if &*status == "aborted" => return Ok(false),
            // It is under way, or the server is.
            Ok(Some(_)) | Err(_) if began.elapsed() < DOUBT => tokio::time::sleep(Duration::from_millis(200)).await,
            Ok(_) => {
                let why = "the connection was lost in a commit, and the database does not say whether it took place";
                return Err(StoreError::Away(why.to_owned()));
            }
            Err(error) => return Err(StoreError::Away(format!("it is not known whether a commit took place: {}", error.into_store()))),
        }
    }
}

/// Ends the transaction of this number: with a commit when the work in it succeeded.
pub(super) async fn end<T>(way: &Way, link: &Link, transaction: &str, done: Result<T, Trouble>) -> Result<T, Trouble> {
    let value = match done {
        Ok(value) => value,
        Err(trouble) => return link.end(Err(trouble)).await,
    };
    match link.end(Ok(())).await {
        Ok(()) => Ok(value),
        Err(refused) if refused.is_refusal() => Err(refused),
        Err(trouble) => match took_place(way, transaction, &link.timeline).await {
            Ok(true) => Ok(value),
            Ok(false) => Err(trouble),
            Err(unknown) => Err(Trouble::InDoubt(unknown)),
        },
    }
}
