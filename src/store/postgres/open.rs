//! From a URL to a database that is ours and current. Several nodes may do this at the same moment: one of them migrates, the others wait.
//! A database that a newer program has brought up to date is taken as it is, as long as its tables say that this program can work with them.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::failure::{Trouble, sentence};
use super::link::{Link, Way};
use super::tls::{self, Tls, Wanted};
use crate::store::StoreError;

mod embedded {
    refinery::embed_migrations!("src/store/postgres/migrations");
}

/// What the URL of a `PostgreSQL` store begins with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// The oldest server that this program is tested with.
const OLDEST: i32 = 150_000;
/// How soon it is noticed that the machine of the server is gone: after 10 + 3 × 3 s, where the system would wait for hours.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_RETRIES: u32 = 3;
/// Gives a session a mark that no other one has.
const MARK: &str = "SELECT set_config('webhookc.session', clock_timestamp()::text || ' ' || random()::text, false)";
const MARKED: &str = "SELECT current_setting('webhookc.session', true)";
/// Why a database is not worked on to which a session does not stay with its connection.
const POOLED: &str = "a pooler in transaction mode, or in statement mode, is in between; connect directly, or in session mode";
/// Of the lock that is held while the format is brought up to date: `whkc`.
const MIGRATION_LOCK: i64 = 0x7768_6b63;

/// Whether the URL names a `PostgreSQL` database.
pub(in crate::store) fn is_postgres(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

/// The URL without its password, for messages. It may be none, such as one with several hosts, or a password in it that should have been written
/// otherwise: rather too much of it is left out than too little.
pub(super) fn shown(url: &str) -> String {
    const PARAMETER: &str = "password=";
    if let Some(at) = url.find("password").filter(|_| !url.contains("://")) {
        return format!("{}{PARAMETER}…", url.get(..at).unwrap_or_default());
    }
    let user = url.find("://").map_or(0, |at| at + "://".len());
    let (start, rest) = url.split_at_checked(user).unwrap_or(("", url));
    let mut out = start.to_owned();
    match rest.split_once(':').map(|(user, rest)| (user, rest.rsplit_once('@'))) {
        Some((user, Some((_, host)))) => out.extend([user, ":…@", host]),
        Some((_, None)) | None => out.push_str(rest),
    }
    let mut parts = out.split(PARAMETER);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, value| {
        let after = value.find('&').and_then(|at| value.get(at..)).unwrap_or_default();
        format!("{shown}{PARAMETER}…{after}")
    })
}

/// How the database is reached.
pub(super) fn way(url: &str) -> Result<Way, StoreError> {
    let fail = |why: String| StoreError::Open { url: shown(url), why };
    let (plain, Wanted { mode, roots }) = tls::wanted(url).map_err(fail)?;
    let mut config: Config =
        plain.parse().map_err(|error: tokio_postgres::Error| fail(format!("the URL cannot be read: {}", sentence(&error))))?;
    if config.get_hosts().is_empty() {
        return Err(fail("no host is named; expected `postgres://USER@HOST/DATABASE`, or `?host=FOLDER` for a socket".to_owned()));
    }
    let is_here = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    };
    // What leaves this machine is secured unless somebody says otherwise.
    let usual = if config.get_hosts().iter().all(is_here) { SslMode::Disable } else { SslMode::Require };
    config.ssl_mode(mode.unwrap_or(usual));
    if !url.contains("keepalives") {
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL).keepalives_retries(KEEPALIVE_RETRIES);
    }
    if config.get_application_name().is_none() {
        config.application_name("webhookc");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    Ok(Way { config, tls: Tls::new(roots.as_deref()).map_err(fail)? })
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
    let told = |trouble: Trouble| fail(super::reason(trouble));
    let mut link = first(way).await.map_err(told)?;
    check_server(&link).await.map_err(told)?.map_err(fail)?;
    let known = newest_known();
    if let Some(newest) = format(&link).await.map_err(told)? {
        if newest == known {
            return Ok(());
        }
        if newest > known {
            return match outgrown(url, oldest(&link).await.map_err(told)?) {
                Some(why) => Err(why),
                None => Ok(()),
            };
        }
    } else if absent == Absent::Refused {
        return Err(fail("there is no store in this database".to_owned()));
    }
    migrate(&mut link).await.map_err(fail)
}

/// The first connection, as the server makes it: nothing is prepared or asked for before it is known that its session stays with it, which is
/// looked at once in a process.
pub(super) async fn first(way: &Way) -> Result<Link, Trouble> {
    static UNPOOLED: Mutex<Vec<Config>> = Mutex::new(Vec::new());
    let (link, _) = way.bare().await?;
    if UNPOOLED.lock().unwrap_or_else(PoisonError::into_inner).contains(&way.config) {
        return Ok(link);
    }
    match is_pooled(way, &link).await? {
        Some(true) => return Err(Trouble::Store(StoreError::Failed(POOLED.to_owned()))),
        Some(false) => UNPOOLED.lock().unwrap_or_else(PoisonError::into_inner).push(way.config.clone()),
        None => {}
    }
    Ok(link)
}

/// Whether what one of two connections sets is not there any more for it, since a pooler gives each statement to any session. `None`: there is no
/// second connection, and nothing can be told; whoever needs it next hears why.
async fn is_pooled(way: &Way, one: &Link) -> Result<Option<bool>, Trouble> {
    let Ok((other, _)) = way.bare().await else { return Ok(None) };
    let mark = one.ask_plainly(MARK).await?;
    let Ok(others) = other.ask_plainly(MARK).await else { return Ok(None) };
    // The second is asked twice, since the sessions of a pooler may take turns.
    for (link, mark) in [(one, &mark), (&other, &others), (&other, &others)] {
        if link.ask_plainly(MARKED).await? != *mark {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// Refuses a store of another version than this program's.
pub(super) async fn check_format(url: &str, link: &Link) -> Result<(), StoreError> {
    let fail = |why: String| StoreError::Open { url: shown(url), why };
    let known = newest_known();
    match format(link).await.map_err(Trouble::into_store)? {
        None => Err(fail("there is no store in this database".to_owned())),
        Some(newest) if newest > known => outgrown(url, oldest(link).await.map_err(Trouble::into_store)?).map_or(Ok(()), Err),
        Some(newest) if newest < known => Err(fail(format!(
            "its format is version {newest}, and this program's is {known}; start a node of this version once, which brings it up to date"
        ))),
        Some(_) => Ok(()),
    }
}

async fn check_server(link: &Link) -> Result<Result<(), String>, Trouble> {
    let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(),
        current_setting('server_encoding')";
    let row = link.query_once(sql, &[]).await?;
    let Some(row) = row.first() else { return Ok(Ok(())) };
    let (number, name, follows): (i32, String, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let encoding: String = row.try_get(3)?;
    if follows {
        let why = "the server is a standby, on which nothing can be written; expected the one that it follows, or all of them and `target_session_attrs=read-write`";
        return Ok(Err(why.to_owned()));
    }
    if number < OLDEST {
        return Ok(Err(format!("the server is PostgreSQL {name}; expected 15 or newer")));
    }
    // Without an encoding the server keeps what it is sent.
    Ok(if matches!(&*encoding, "UTF8" | "SQL_ASCII") {
        Ok(())
    } else {
        Err(format!("the encoding of the database is {encoding}, which has no place for every character; expected UTF8"))
    })
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

/// The oldest format whose programs can work with the tables as they are.
async fn oldest(link: &Link) -> Result<i64, Trouble> {
    let row = link.query_once("SELECT max(oldest) FROM webhookc.format", &[]).await?;
    Ok(row.first().map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten().unwrap_or(i64::MAX))
}

/// Why this program cannot work with tables that ask for a program of the format `oldest`, or a newer one.
pub(super) fn outgrown(url: &str, oldest: i64) -> Option<StoreError> {
    let known = newest_known();
    let why = || format!("its tables ask for a program of format {oldest} or newer, and this one knows {known}; use a newer webhookc");
    (oldest > known).then(|| StoreError::Open { url: shown(url), why: why() })
}

async fn migrate(link: &mut Link) -> Result<(), String> {
    // The lock is released with the session. However long it takes: half of it is nothing.
    let alone = format!("SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock({MIGRATION_LOCK})");
    link.run_long(&alone).await.map_err(super::reason)?;
    // Whoever may not make schemas can work in one that is there.
    let there = link.ask_plainly("SELECT to_regnamespace('webhookc')").await.map_err(super::reason)?;
    if there.is_none() {
        let unmade = |trouble| format!("the schema `webhookc` could not be made: {}", super::reason(trouble));
        link.run_long("CREATE SCHEMA webhookc").await.map_err(unmade)?;
    }
    link.run_long("SET search_path = webhookc").await.map_err(super::reason)?;
    let done = embedded::migrations::runner().run_async(&mut link.client).await;
    done.map(drop).map_err(|error| format!("its format could not be brought up to date: {}", cause(&error)))
}

/// What the database says, with what it was about, where it is the database that stopped a migration.
fn cause(error: &refinery::Error) -> String {
    let mut causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let told = causes.find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>());
    match (error.kind(), told) {
        (refinery::error::Kind::Connection(what, _), Some(told)) => format!("{what}: {}", sentence(told)),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn no_message_has_a_password() {
        for (url, expected) in [
            ("postgres://me@localhost:5432/shop", "postgres://me@localhost:5432/shop"),
            ("postgres://localhost/shop", "postgres://localhost/shop"),
            ("postgres://me:geheim@localhost/shop", "postgres://me:…@localhost/shop"),
            ("postgres://me:geheim@one:5432,two:5433/shop", "postgres://me:…@one:5432,two:5433/shop"),
            ("postgres://me:ge@he/i#m@localhost/shop", "postgres://me:…@localhost/shop"),
            ("postgres:/me:geheim@localhost/shop", "postgres:…@localhost/shop"),
            ("postgres://localhost/shop?user=me&password=geheim&sslmode=on", "postgres://localhost/shop?user=me&password=…&sslmode=on"),
            ("postgres://h/d?password=geheim", "postgres://h/d?password=…"),
            ("host=localhost password='ge & heim' user=me", "host=localhost password=…"),
            ("host=localhost password = geheim user=me", "host=localhost password=…"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
