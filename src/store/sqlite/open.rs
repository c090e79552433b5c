//! From `sqlite:PATH` to a database that is ours alone: locked, migrated, and free of the leases of a dead process.
//!
//! The lock is an exclusive advisory lock (`flock`) on `PATH-lock`, not on the database: closing any other handle of the database
//! file would drop the locks that SQLite itself holds on it. The operating system releases it with the process, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;
use crate::store::sqlite::failure::{Unopened, open_failure};
use crate::store::sqlite::place::Place;
use crate::store::sqlite::{keys, queue, receipts};
use crate::vault::Vault;

mod embedded {
    refinery::embed_migrations!("src/store/sqlite/migrations");
}

/// Marks a SQLite file as ours: `whkc`.
const APPLICATION_ID: i32 = 0x7768_6b63;
/// Bytes a page; payloads of a few KiB stay in one.
const PAGE_SIZE: i64 = 8192;
/// Bytes that the write-ahead log keeps on the disk: it grows while another program reads for long, such as a backup, and then shrinks.
const LOG_KEPT: i64 = 64 * 1024 * 1024;
/// KiB of pages that a connection keeps in memory.
const CACHE_KIB: i64 = 32 * 1024;
/// How long a statement waits for another program, such as a `sqlite3` shell, that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long opening waits for a predecessor that is just closing the store.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
/// Milliseconds by which the newest row may be of the future before the clock counts as set back.
const CLOCK_ROOM_MS: i64 = 2_000;
/// Statements kept compiled; more than there are.
const STATEMENTS: usize = 128;

/// A database that is locked for us, ready for the writer.
pub(super) struct Opened {
    /// The writing connection.
    pub connection: Connection,
    /// The database file, for the readers.
    pub path: PathBuf,
    /// Where its files must stay.
    pub place: Place,
    /// Locked as long as it is open; to be dropped after the connection.
    pub lock: File,
}

/// Opens the database that the URL names.
pub(super) async fn open(url: &str, vault: Option<Vault>) -> Result<Opened, StoreError> {
    let fail = |why: String| StoreError::Open { url: url.to_owned(), why };
    let path = path_of(url).map_err(fail)?;
    let began = tokio::time::Instant::now();
    let lock = loop {
        match take_lock(&path).map_err(fail)? {
            Ok(lock) => break lock,
            Err(_) if began.elapsed() < LOCK_PATIENCE => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(file) => return Err(StoreError::Busy { file: file.display().to_string() }),
        }
    };
    let prepared = tokio::task::spawn_blocking(move || {
        let connection = prepare(&path, vault.as_ref())?;
        let place = Place::of(&path).map_err(|error| format!("its files cannot be found: {}", reason(&error)))?;
        Ok((connection, path, place))
    });
    match prepared.await {
        Ok(Ok((connection, path, place))) => Ok(Opened { connection, path, place, lock }),
        Ok(Err(Unopened::Why(why))) => Err(fail(why)),
        Ok(Err(Unopened::WrongKey { missing, given })) => Err(StoreError::WrongKey { url: url.to_owned(), missing, given }),
        Err(error) => Err(fail(error.to_string())),
    }
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    stable_plans(&connection)?;
    Ok(connection)
}

/// The file that the URL names, which must be there already.
pub(super) fn existing(url: &str) -> Result<PathBuf, StoreError> {
    let fail = |why: String| StoreError::Open { url: url.to_owned(), why };
    let path = path_of(url).map_err(fail)?;
    if path.is_file() { Ok(path) } else { Err(fail("there is no such file".to_owned())) }
}

/// Refuses a database of another program, or of another version of this one.
pub(super) fn check_format(connection: &Connection) -> Result<(), String> {
    let sql = |error: rusqlite::Error| open_failure(&error);
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sql)?;
    if id != APPLICATION_ID {
        return Err("it is the database of another program".to_owned());
    }
    let known = newest_known();
    let newest: i64 = connection.query_row("SELECT max(version) FROM refinery_schema_history", [], |row| row.get(0)).map_err(sql)?;
    match newest.cmp(&i64::from(known)) {
        std::cmp::Ordering::Less => Err(format!(
            "its format is version {newest}, and this program's is {known}; start a node of this version once, which brings it up to date"
        )),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(too_new(newest, known)),
    }
}

fn newest_known() -> refinery::SchemaVersion {
    embedded::migrations::runner().get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default()
}

fn too_new(newest: impl std::fmt::Display, known: impl std::fmt::Display) -> String {
    format!("its format is version {newest}, and this program knows versions up to {known}; use a newer webhookc")
}

/// Keeps a compiled statement whatever is bound to it. Otherwise SQLite compiles anew whenever a parameter changes that a partial index
/// or a range might depend on, which is with every execution.
fn stable_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// The file behind the URL, symbolic links followed, so that every name of a database leads to one lock.
pub(super) fn path_of(url: &str) -> Result<PathBuf, String> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Err("the kind of store is not known; expected `sqlite:PATH` or `postgres://USER@HOST/DATABASE`".to_owned());
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.starts_with(':') {
        return Err("no file is named; expected `sqlite:PATH`".to_owned());
    }
    let path = Path::new(path);
    if path.is_dir() {
        return Err("it is a folder; expected the path of a file in it".to_owned());
    }
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let (Some(name), Some(folder)) = (path.file_name(), path.parent()) else {
        return Err("no file is named; expected `sqlite:PATH`".to_owned());
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match folder.canonicalize() {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) => Err(format!("the folder `{}` cannot be used: {}", folder.display(), reason(&error))),
    }
}

/// The lock, or the file that another process has locked.
fn take_lock(path: &Path) -> Result<Result<File, PathBuf>, String> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-lock");
    let lock_path = path.with_file_name(name);
    let file = private_file(&lock_path).map_err(|error| format!("cannot create `{}`: {}", lock_path.display(), reason(&error)))?;
    match file.try_lock() {
        Ok(()) => Ok(Ok(file)),
        Err(TryLockError::WouldBlock) => Ok(Err(lock_path)),
        Err(TryLockError::Error(error)) => Err(format!("cannot lock `{}`: {}", lock_path.display(), reason(&error))),
    }
}

/// Opens or makes a file that only its owner may read.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// An I/O error without the operating system's number.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

/// Opens the writing connection, and makes the database ours and current.
fn prepare(path: &Path, vault: Option<&Vault>) -> Result<Connection, Unopened> {
    drop(private_file(path).map_err(|error| format!("the file cannot be written: {}", reason(&error)))?);
    let sql = |error: rusqlite::Error| open_failure(&error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    stable_plans(&connection).map_err(sql)?;
    claim_file(&connection)?;
    configure(&connection)?;
    migrate(&mut connection)?;
    if let Some(vault) = vault {
        keys::bring_up(&mut connection, vault)?;
    }
    // A lease can only be that of a process which has died: the lock is ours.
    connection.execute("UPDATE deliveries SET state = 0, due_at = created_at WHERE state = 1", []).map_err(sql)?;
    follow_clock(&connection).map_err(sql)?;
    receipts::forget_unanswered(&connection).map_err(sql)?;
    // What was read to bring it up to date is not what will be read.
    connection.execute_batch("PRAGMA shrink_memory").map_err(sql)?;
    Ok(connection)
}

/// When the clock was set back while nobody looked, the newest message, or the last attempt of what is to be tried again, is of the future.
/// Everything due then moves back by as much, or it would wait for as long as the clock was wrong.
fn follow_clock(connection: &Connection) -> rusqlite::Result<()> {
    let newest = "SELECT max(
            coalesce((SELECT created_at FROM messages ORDER BY row DESC LIMIT 1), 0),
            coalesce((SELECT max(a.started_at + a.took_us / 1000) FROM endpoints e JOIN attempts a ON a.delivery =
                (SELECT row FROM deliveries WHERE endpoint = e.row AND state < 2 AND blocked = 0 ORDER BY due_at DESC LIMIT 1)), 0))
        - CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let ahead: i64 = connection.query_row(newest, [], |row| row.get(0))?;
    if ahead > CLOCK_ROOM_MS {
        tracing::warn!(
            seconds = ahead / 1_000,
            "the clock of this machine was set back since the store was last used; what is due moves with it"
        );
        queue::shift(connection, 0, -ahead)?;
    }
    Ok(())
}

/// Refuses a database that another program has made, and marks an empty one.
fn claim_file(connection: &Connection) -> Result<(), String> {
    let sql = |error: rusqlite::Error| open_failure(&error);
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sql)?;
    if id == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sql)?;
    if id != 0 || tables > 0 {
        return Err("it is the database of another program".to_owned());
    }
    // The page size can only be chosen while the file is empty.
    connection.pragma_update(None, "page_size", PAGE_SIZE).map_err(sql)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)
}

fn configure(connection: &Connection) -> Result<(), String> {
    let sql = |error: rusqlite::Error| open_failure(&error);
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(sql)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err("its file system has no shared memory, which a write-ahead log needs; use a local disk".to_owned());
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT, |_| Ok(())).map_err(sql)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(sql)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(sql)
}

fn migrate(connection: &mut Connection) -> Result<(), String> {
    let runner = embedded::migrations::runner();
    let known = newest_known();
    let sql = |error: rusqlite::Error| open_failure(&error);
    // A new database has no history yet.
    let applied = if connection.table_exists(None, "refinery_schema_history").map_err(sql)? {
        runner.get_applied_migrations(connection).map_err(|error| format!("its version cannot be read: {error}"))?
    } else {
        Vec::new()
    };
    let newest = applied.iter().map(refinery::Migration::version).max().unwrap_or_default();
    if newest > known {
        return Err(too_new(newest, known));
    }
    runner.run(connection).map(drop).map_err(|error| format!("its format could not be brought up to date: {error}"))
}
