//! What only this backend has: its pages, its query plans, and a disk that is full.

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
