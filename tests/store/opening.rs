//! Opening, closing, and what stands in the way.

use std::fs;

use webhookc::store::{Store, StoreError};

use crate::script::{Place, Script, at, put, tenant, write};

async fn refused(url: &str) -> String {
    Store::open(url).await.err().unwrap().to_string()
}

#[tokio::test]
async fn what_is_saved_is_there_after_a_reopening_clean_or_not() {
    let place = Place::new();
    for (round, clean) in [true, false, true].into_iter().enumerate() {
        let store = place.open().await;
        store.save(Script::new("t", vec![write(put("asset", &format!("a{round}"), "{}"))])).await.unwrap();
        for earlier in 0..=round {
            assert!(store.object(&tenant("t"), "asset", &format!("a{earlier}")).await.unwrap().is_some());
        }
        if clean {
            store.close().await;
        } else {
            drop(store);
        }
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let place = Place::new();
    let store = place.open().await;
    let other = store.clone();
    store.close().await;
    store.close().await;
    assert_eq!(other.object(&tenant("t"), "asset", "a").await, Err(StoreError::Closed));
    assert_eq!(other.save(Script::new("t", vec![])).await.err(), Some(StoreError::Closed));
    let files: Vec<_> = fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name.to_string_lossy().ends_with("-wal")), "the log is folded in: {files:?}");
}

#[tokio::test]
async fn a_store_has_one_owner() {
    let place = Place::new();
    let store = place.open().await;
    let error = Store::open(&place.url()).await.err().unwrap();
    let StoreError::Busy { file } = &error else { panic!("{error:?}") };
    assert!(file.ends_with("w.db-lock"), "{file}");
    assert!(error.to_string().starts_with("the store is locked by another process"));
    store.save(Script::new("t", vec![write(put("asset", "a", "{}"))])).await.unwrap();
    store.close().await;
    place.open().await.close().await;
}

#[tokio::test]
async fn what_is_in_the_way_is_named() {
    let place = Place::new();
    let folder = place.folder.path();
    let url = |path: &str| format!("sqlite:{}", folder.join(path).display());
    assert!(refused("mysql://localhost/x").await.ends_with("expected `sqlite:PATH` or `postgres://USER@HOST/DATABASE`"));
    assert!(refused("sqlite:").await.contains("no file is named"));
    assert!(refused("sqlite::memory:").await.contains("no file is named"));
    assert!(refused(&format!("sqlite:{}", folder.display())).await.contains("it is a folder"));
    let missing = refused(&url("no/such/w.db")).await;
    assert!(missing.contains("the folder") && missing.contains("no such file or directory"), "{missing}");

    fs::write(folder.join("text.db"), "not a database, but long enough to look at: ".repeat(50)).unwrap();
    assert!(refused(&url("text.db")).await.ends_with("the file is not a SQLite database"));
    fs::write(folder.join("file"), "").unwrap();
    let below = refused(&url("file/w.db")).await;
    assert!(below.contains("not a directory"), "{below}");
    #[cfg(target_os = "linux")]
    {
        let nowhere = refused("sqlite:/proc/w.db").await;
        assert!(nowhere.contains("cannot create `/proc/w.db-lock`"), "{nowhere}");
    }
}

#[tokio::test]
async fn foreign_and_newer_databases_are_refused_and_left_alone() {
    let place = Place::new();
    let foreign = place.folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(refused(&format!("sqlite:{}", foreign.display())).await.ends_with("it is the database of another program"));

    place.open().await.close().await;
    let connection = rusqlite::Connection::open(place.folder.path().join("w.db")).unwrap();
    connection
        .execute(
            "INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 1",
            [],
        )
        .unwrap();
    drop(connection);
    let newer = refused(&place.url()).await;
    assert!(newer.contains("its format is version 99, and this program knows versions up to "), "{newer}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let store = place.open().await;
    store.save(Script::new("t", vec![write(put("asset", "a", "{}"))])).await.unwrap();
    for entry in fs::read_dir(place.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_key_is_made_once_and_kept() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.key("k", || vec![1, 2, 3]).await.unwrap(), [1, 2, 3]);
    assert_eq!(store.key("k", || panic!("it exists")).await.unwrap(), [1, 2, 3]);
    drop(store);
    assert_eq!(place.open().await.key("k", || vec![9]).await.unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn many_keys_are_made_together_and_what_was_retired_comes_with_them() {
    let place = Place::new();
    let store = place.open().await;
    store.key("k7", || vec![7]).await.unwrap();
    store.rotate_key("k7", vec![8], at(1_000)).await.unwrap();
    let names = || (0..10_000).map(|number| format!("k{number}")).collect();
    let mut count = 0_u32;
    let make = move || {
        count += 1;
        count.to_be_bytes().to_vec()
    };
    let kept = store.keys(names(), make).await.unwrap();
    assert_eq!(kept.len(), 10_000);
    assert_eq!((&kept[0].material[..], &kept[8].material[..]), (&[0, 0, 0, 1][..], &[0, 0, 0, 8][..]));
    let retired: Vec<_> = kept[7].retired.iter().map(|retired| (&retired.material[..], retired.until)).collect();
    assert_eq!((&kept[7].material[..], retired), (&[8][..], vec![(&[7][..], at(1_000))]));
    assert_eq!(store.keys(names(), || panic!("they exist")).await.unwrap(), kept);
}

/// A database as the first version of the format had it, with what these statements do.
fn of_version_1(place: &Place, statements: &str) {
    let path = place.folder.path().join("w.db");
    let current = place.folder.path().join("current.db");
    std::fs::rename(&path, &current).unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute("ATTACH ?1 AS current", [current.to_str().unwrap()]).unwrap();
    let history: String =
        connection.query_row("SELECT sql FROM current.sqlite_schema WHERE name = 'refinery_schema_history'", [], |row| row.get(0)).unwrap();
    let id: i64 = connection.pragma_query_value(Some("current"), "application_id", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "application_id", id).unwrap();
    connection.execute_batch(include_str!("../../src/store/sqlite/migrations/V1__begin.sql")).unwrap();
    connection.execute_batch(&history).unwrap();
    connection
        .execute("INSERT INTO main.refinery_schema_history SELECT * FROM current.refinery_schema_history WHERE version = 1", [])
        .unwrap();
    connection.execute_batch(statements).unwrap();
}

#[tokio::test]
async fn an_endpoint_that_two_tenants_shared_becomes_one_of_each() {
    let place = Place::new();
    place.open().await.close().await;
    let delivery = |row: u32, tenant: u32, endpoint: u32| {
        format!(
            "INSERT INTO messages (row, id, tenant, event, model, object, operation, sequence, created_at, payload)
             VALUES ({row}, randomblob(16), {tenant}, 'saved', 'asset', 'a', 'update', {row}, 0, X'7B7D');
             INSERT INTO deliveries (row, tenant, endpoint, model, object, ordered, blocked, state, due_at, created_at, method, url, headers)
             VALUES ({row} << 20, {tenant}, {endpoint}, 'asset', 'a', 0, 0, 0, {row}, 0, 'POST', '[]', '[]');"
        )
    };
    let rows = [delivery(1, 1, 1), delivery(2, 2, 1), delivery(3, 2, 2), delivery(4, 1, 1)].concat();
    let names = "INSERT INTO tenants (name) VALUES ('one'), ('two'); INSERT INTO endpoints (name) VALUES ('a'), ('b');";
    of_version_1(&place, &(names.to_owned() + &rows));

    let store = place.open().await;
    let due = store.due(jiff::Timestamp::MAX, None, 10).await.unwrap();
    let lanes: Vec<_> = due.lanes.iter().map(|lane| (lane.tenant.as_str(), lane.endpoint.as_str())).collect();
    assert_eq!(lanes, [("one", "a"), ("two", "a"), ("two", "b")]);
    let share = webhookc::store::Share { oldest: 10, newest: 0 };
    let mut counts = Vec::new();
    for lane in &due.lanes {
        counts.push(store.claim(lane, jiff::Timestamp::MAX, jiff::Timestamp::MAX, share).await.unwrap().len());
    }
    assert_eq!(counts, [2, 1, 1]);
}
