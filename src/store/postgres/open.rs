//! From a URL to a database that is ours and current. Several nodes may do this at the same moment: one of them migrates, the others wait.

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::failure::{Trouble, sentence};
use super::link::{Link, Way};
use super::tls::Tls;
use crate::store::StoreError;

mod embedded {
    refinery::embed_migrations!("src/store/postgres/migrations");
}

/// What the URL of a `PostgreSQL` store begins with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// The oldest server that this program is tested with.
const OLDEST: i32 = 150_000;
/// Of the lock that is held while the format is brought up to date: `whkc`.
const MIGRATION_LOCK: i64 = 0x7768_6b63;

/// Whether the URL names a `PostgreSQL` database.
pub(in crate::store) fn is_postgres(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

/// The URL without its password, for messages.
pub(super) fn shown(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let _infallible_here = parsed.set_password(Some("…"));
            parsed.to_string().replace("%E2%80%A6", "…")
        }
        Ok(_) | Err(_) => url.to_owned(),
    }
}

/// How the database is reached.
pub(super) fn way(url: &str) -> Result<Way, StoreError> {
    let fail = |why: String| StoreError::Open { url: shown(url), why };
    // A certificate is always verified, so these are the same here.
    let plain = url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
    let mut config: Config =
        plain.parse().map_err(|error: tokio_postgres::Error| fail(format!("the URL cannot be read: {}", sentence(&error))))?;
    if config.get_hosts().is_empty() {
        return Err(fail("no host is named; expected `postgres://USER@HOST/DATABASE`, or `?host=FOLDER` for a socket".to_owned()));
    }
    if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
        config.ssl_mode(SslMode::Disable);
    }
    if config.get_application_name().is_none() {
        config.application_name("webhookc");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(std::time::Duration::from_secs(5));
    }
    Ok(Way { config, tls: Tls::new().map_err(fail)? })
}

/// What is to become of a database without our tables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// They are made.
    Made,
    /// It is not a store.
    Refused,
}

/// Makes the database ours and current.
pub(super) async fn prepare(url: &str, way: &Way, absent: Absent) -> Result<(), StoreError> {
    let fail = |why: String| StoreError::Open { url: shown(url), why };
    let told = |trouble: Trouble| match trouble {
        Trouble::Database(error) => fail(sentence(&error)),
        Trouble::Store(error) => fail(error.to_string()),
    };
    let (mut link, _) = way.bare().await.map_err(told)?;
    check_server(&link).await.map_err(told)?.map_err(fail)?;
    let known = newest_known();
    if let Some(newest) = format(&link).await.map_err(told)? {
        if newest == known {
            return Ok(());
        }
        if newest > known {
            return Err(fail(too_new(newest)));
        }
    } else if absent == Absent::Refused {
        return Err(fail("there is no store in this database".to_owned()));
    }
    migrate(&mut link).await.map_err(fail)
}

/// Refuses a store of another version than this program's.
pub(super) async fn check_format(url: &str, link: &Link) -> Result<(), StoreError> {
    let fail = |why: String| StoreError::Open { url: shown(url), why };
    let known = newest_known();
    match format(link).await.map_err(Trouble::into_store)? {
        None => Err(fail("there is no store in this database".to_owned())),
        Some(newest) if newest > known => Err(fail(too_new(newest))),
        Some(newest) if newest < known => Err(fail(format!(
            "its format is version {newest}, and this program's is {known}; start a node of this version once, which brings it up to date"
        ))),
        Some(_) => Ok(()),
    }
}

async fn check_server(link: &Link) -> Result<Result<(), String>, Trouble> {
    let row = link.query_once("SELECT current_setting('server_version_num')::int, current_setting('server_version')", &[]).await?;
    let Some(row) = row.first() else { return Ok(Ok(())) };
    let (number, name): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    Ok(if number < OLDEST { Err(format!("the server is PostgreSQL {name}; expected 15 or newer")) } else { Ok(()) })
}

/// The version of the store's format; `None`: there is no store.
pub(super) async fn format(link: &Link) -> Result<Option<i64>, Trouble> {
    let there = "SELECT to_regclass('webhookc.refinery_schema_history') IS NOT NULL";
    let row = link.query_once(there, &[]).await?;
    if !row.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Ok(None);
    }
    let row = link.query_once("SELECT max(version)::bigint FROM webhookc.refinery_schema_history", &[]).await?;
    Ok(row.first().map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten())
}

fn newest_known() -> i64 {
    embedded::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default().into()
}

fn too_new(newest: i64) -> String {
    format!("its format is version {newest}, and this program knows versions up to {}; use a newer webhookc", newest_known())
}

async fn migrate(link: &mut Link) -> Result<(), String> {
    // Released with the session.
    let ours = format!("SELECT pg_advisory_lock({MIGRATION_LOCK}); CREATE SCHEMA IF NOT EXISTS webhookc; SET search_path = webhookc");
    link.client.batch_execute(&ours).await.map_err(|error| sentence(&error))?;
    let done = embedded::migrations::runner().run_async(&mut link.client).await;
    done.map(drop).map_err(|error| format!("its format could not be brought up to date: {error}"))
}
