//! What only this backend has: its pages, its query plans, and a disk that is full.

use std::fs;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use rusqlite::Connection;

use crate::ids::{Sequence, Tenant};
use crate::store::sqlite::Sqlite;
use crate::store::sqlite::session::Session;
use crate::store::sqlite::writer::Flow;
use crate::store::{Answer, Due, Effects, JobStep, ObjectChange, SaveJob, StoreError};

async fn open(folder: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(&format!("sqlite:{}", folder.path().join("w.db").display()), None).await.unwrap()
}

/// One object of so many bytes.
struct Put(Tenant, Option<usize>);

impl SaveJob for Put {
    fn tenant(&self) -> &Tenant {
        &self.0
    }

    fn at(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn step(&mut self, sequence: Sequence, _: Vec<Answer>) -> JobStep {
        let Some(size) = self.1.take() else { return JobStep::Done };
        let json = format!("{{\"x\":\"{}\"}}", "x".repeat(size));
        JobStep::Write(Box::new(Effects {
            at: Timestamp::UNIX_EPOCH,
            model: "asset".into(),
            object: sequence.to_string().into(),
            change: ObjectChange::Put { updated_at: "1970-01-01T00:00:00Z".into(), json: json.into() },
            operation: "create",
            trace: "[]".to_owned(),
            table: None,
            other_traces: Vec::new(),
            marks: Vec::new(),
            waits: Vec::new(),
            ended_waits: Vec::new(),
            messages: Vec::new(),
            record: crate::store::Record::default(),
            taken: None,
        }))
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let tenant = Tenant::new("t");
    store.save(Put(tenant.clone(), Some(10))).await.unwrap();
    let limit = |pages: i64| {
        move |session: &mut Session, (): &mut ()| {
            session.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map(|()| Flow::Keep)
        }
    };
    store.writer.write((), limit(1)).await.unwrap();
    let (one, two) = tokio::join!(store.save(Put(tenant.clone(), Some(1 << 20))), store.save(Put(tenant.clone(), Some(1 << 20))));
    assert_eq!((one.err(), two.err()), (Some(StoreError::Full), Some(StoreError::Full)));
    store.writer.write((), limit(1 << 30)).await.unwrap();
    store.save(Put(tenant.clone(), Some(1 << 20))).await.unwrap();
    let count = store.readers.read(|connection| connection.query_row("SELECT count(*) FROM objects", [], |row| row.get::<_, i64>(0)));
    assert_eq!(count.await.unwrap(), 2, "nothing of the failed ones is left");
}

#[tokio::test]
async fn the_database_is_durable_and_its_pages_are_large() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let pragma = |name: &'static str| {
        store.writer.write(0_i64, move |session, value| {
            *value = session.connection.pragma_query_value(None, name, |row| row.get(0))?;
            Ok(Flow::Keep)
        })
    };
    assert_eq!(pragma("page_size").await.unwrap(), 8192);
    assert_eq!(pragma("synchronous").await.unwrap(), 2);
    assert!(pragma("wal_autocheckpoint").await.unwrap() > 0);
}

#[tokio::test]
async fn what_waits_behind_the_lock_of_another_program_is_answered_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let patience = |session: &mut Session, (): &mut ()| session.connection.busy_timeout(Duration::from_millis(500)).map(|()| Flow::Keep);
    store.writer.write((), patience).await.unwrap();
    let other = Connection::open(folder.path().join("w.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let saves = join_all((0..20).map(|_| store.save(Put(Tenant::new("t"), Some(10))))).await;
    assert!(saves.iter().all(|saved| matches!(saved, Err(StoreError::Busy { .. }))), "the first {:?}", saves[0].as_ref().err());
    assert!(began.elapsed() < Duration::from_secs(5), "each waited for itself: {:?}", began.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    store.save(Put(Tenant::new("t"), Some(10))).await.unwrap();
}

#[tokio::test]
async fn nothing_is_written_when_the_files_are_gone_by_which_others_see_it() {
    for file in ["w.db", "w.db-wal", "w.db-shm", "w.db-lock"] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        store.save(Put(Tenant::new("t"), Some(10))).await.unwrap();
        fs::remove_file(folder.path().join(file)).unwrap();
        let error = store.save(Put(Tenant::new("t"), Some(10))).await.err().unwrap();
        assert!(matches!(&error, StoreError::Failed(why) if why.contains(&format!("{file}` was moved or replaced"))), "{error}");
    }
}

#[tokio::test]
async fn the_log_shrinks_after_somebody_has_read_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let save = |bytes| store.save(Put(Tenant::new("t"), Some(bytes)));
    let log = || fs::metadata(folder.path().join("w.db-wal")).unwrap().len() >> 20;
    save(10).await.unwrap();
    let reader = Connection::open(folder.path().join("w.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM objects").unwrap();
    for _ in 0..5 {
        save(16 << 20).await.unwrap();
    }
    assert!(log() > 70, "{} MiB", log());
    reader.execute_batch("COMMIT").unwrap();
    // One is checkpointed, and the next begins anew.
    for _ in 0..3 {
        save(10).await.unwrap();
    }
    assert!(log() <= 64, "{} MiB", log());
}

/// How SQLite goes about a query.
fn plan(connection: &Connection, sql: &str) -> rusqlite::Result<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let parameters = statement.parameter_count();
    let nulls = vec![rusqlite::types::Null; parameters];
    let steps: Vec<String> = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))?.collect::<rusqlite::Result<_>>()?;
    Ok(steps.join("\n"))
}

#[tokio::test]
async fn the_hot_queries_walk_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    store.index_children("asset", "room_id").await.unwrap();
    let children = super::objects::children_of("asset", "room_id");
    for (sql, index) in [
        (super::queue::OLDEST, "deliveries_due (endpoint=? AND due_at<?)"),
        (super::queue::NEWEST, "deliveries_due (endpoint=? AND due_at<?)"),
        (super::queue::FIRST, "deliveries_due (endpoint=?)"),
        (super::lately::LAST, "deliveries_endpoint (endpoint=? AND created_at>?)"),
        (super::queue::UNBLOCK, "deliveries_lane (endpoint=? AND tenant=? AND model=? AND object=?"),
        (&children, "children_6173736574_726f6f6d5f6964 (tenant=? AND <expr>=?)"),
        (super::waits::WAITING, "waits_for (tenant=? AND for_model=? AND for_id=?)"),
        (super::waits::OF_OBJECT, "waits_object (tenant=? AND model=? AND object=?)"),
        (super::waits::COUNT, "waits_for (tenant=? AND for_model=? AND for_id=?)"),
    ] {
        let plan = store
            .readers
            .read({
                let sql = sql.to_owned();
                move |connection: &Connection| plan(connection, &sql)
            })
            .await
            .unwrap();
        assert!(plan.contains(index), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN deliveries") && !plan.contains("SCAN objects"), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn nothing_is_due_for_an_endpoint_that_was_never_sent_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(store.due(now, None, 1), Due { lanes: Vec::new(), after: None, next: None });
}
