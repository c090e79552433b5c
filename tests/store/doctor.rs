//! The store check: a healthy store has no finding, every kind of damage that is made by hand has its own, and a repair heals what it
//! says it heals.

use rusqlite::Connection;
use webhookc::store::{Finding, Store, StoreError, examine, repair};

use crate::lived_in::lived_in;
use crate::script::{Place, at, delivery, fire, tenant};

fn change(place: &Place, sql: &str) {
    Connection::open(place.folder.path().join("w.db")).unwrap().execute_batch(sql).unwrap();
}

async fn found(place: &Place) -> Vec<Finding> {
    examine(&place.url(), at(0)).await.unwrap()
}

#[tokio::test]
async fn a_healthy_store_has_no_finding_in_use_or_not() {
    let place = lived_in().await;
    assert_eq!(found(&place).await, []);
    let store = place.open().await;
    assert_eq!(found(&place).await, [], "beside its node");
    fire(&store, "t", "new", vec![delivery("good")]).await;
    drop(store);
    assert_eq!(found(&place).await, [], "after a crash");
}

/// The only delivery of message 3 is in row `3 << 20`. What is done to the store, the check that finds it, and whether a repair heals it.
const DAMAGES: &[(&str, &str, bool)] = &[
    ("UPDATE deliveries SET state = 7 WHERE row = (1 << 20)", "unknown-state", false),
    ("UPDATE deliveries SET due_at = due_at + 500 * 86400000 WHERE row = (4 << 20)", "never-due", false),
    ("UPDATE deliveries SET state = 1, due_at = due_at + 86400000 WHERE row = (3 << 20)", "endless-lease", true),
    ("UPDATE deliveries SET blocked = 1 WHERE row = (3 << 20)", "blocked-for-nothing", true),
    ("UPDATE deliveries SET state = 2, settled_after = 1 WHERE row = (3 << 20)", "blocked-for-nothing", true),
    ("UPDATE deliveries SET ordered = 0 WHERE row = (4 << 20)", "blocked-for-nothing", true),
    ("UPDATE deliveries SET blocked = 0 WHERE row = (5 << 20)", "out-of-order", true),
    ("UPDATE deliveries SET settled_after = NULL WHERE row = (1 << 20)", "settled-without-time", true),
    ("UPDATE deliveries SET settled_after = 5 WHERE row = (3 << 20)", "settled-without-time", true),
    ("UPDATE deliveries SET attempts = 2 WHERE row = (1 << 20)", "attempts-not-counted", false),
    ("DELETE FROM attempts WHERE delivery = (1 << 20)", "attempts-not-counted", false),
    ("UPDATE deliveries SET spent = 9 WHERE row = (1 << 20)", "attempts-not-counted", false),
    ("UPDATE deliveries SET content_type = 'text/plain' WHERE row = (3 << 20)", "body-missing", false),
    ("DELETE FROM messages WHERE row = 1", "message-missing", false),
    ("UPDATE deliveries SET endpoint = 99 WHERE row = (1 << 20)", "endpoint-missing", false),
    ("UPDATE waits SET tenant = 99", "tenant-missing", false),
    ("INSERT INTO bodies (delivery, body) VALUES (99, x'00')", "left-over", true),
    (
        "UPDATE attempts SET delivery = 99 WHERE delivery = (1 << 20); UPDATE deliveries SET attempts = 0, spent = 0 WHERE row = (1 << 20)",
        "left-over",
        true,
    ),
    ("UPDATE traces SET decision_table = 99 WHERE object = 'first'", "decision-table-missing", false),
    ("INSERT INTO decision_tables (hash, traces, json) VALUES (0, 3, '{}')", "decision-table-miscounted", true),
    ("DELETE FROM objects WHERE id = 'sent'", "object-missing", false),
    ("DELETE FROM traces WHERE operation = 'delete'", "object-missing", false),
    (
        "INSERT INTO messages (id, tenant, event, model, object, operation, sequence, created_at, payload)
         SELECT x'00', tenant, event, model, object, operation, sequence, created_at, payload FROM messages WHERE row = 1",
        "fired-twice",
        false,
    ),
    (
        "INSERT INTO deliveries (row, tenant, endpoint, model, object, ordered, blocked, state, due_at, created_at, settled_after, method, url,
                                 headers)
         SELECT row + 1, tenant, endpoint, model, object, 0, 0, 2, 0, 0, 0, method, url, headers FROM deliveries WHERE row = (1 << 20)",
        "fired-twice",
        false,
    ),
    ("UPDATE messages SET event = 'asset_undone' WHERE event = 'asset_done' AND object = 'first'", "mark-without-message", false),
    ("DELETE FROM marks WHERE object = 'second'", "message-without-mark", false),
    (
        "INSERT INTO objects (tenant, model, id, sequence, updated_at, json) SELECT tenant, 'room', 'r1', sequence, '', '{}' FROM objects
         WHERE id = 'sent'",
        "waits-for-nothing",
        false,
    ),
    ("UPDATE tenants SET sequence = sequence - 1", "sequence-behind", true),
];

#[tokio::test]
async fn every_kind_of_damage_is_found_alone_and_healed_where_that_is_promised() {
    for (sql, check, repairable) in DAMAGES {
        let place = lived_in().await;
        change(&place, sql);
        let findings = found(&place).await;
        let [finding] = &findings[..] else { panic!("{sql}: {findings:#?}") };
        assert_eq!((finding.check, finding.repairable, finding.count), (*check, *repairable, 1), "{sql}: {finding:?}");
        assert!(finding.ids.len() == 1 && !finding.ids[0].is_empty(), "{finding:?}");
        repair(&place.url(), at(0)).await.unwrap();
        let left: Vec<_> = found(&place).await.into_iter().map(|finding| finding.check).collect();
        assert_eq!(left, if *repairable { vec![] } else { vec![*check] }, "{sql}");
    }
}

#[tokio::test]
async fn many_are_counted_and_a_few_are_named() {
    let place = lived_in().await;
    change(&place, "UPDATE deliveries SET attempts = 7");
    let findings = found(&place).await;
    assert_eq!((findings[0].check, findings[0].count, findings[0].ids.len()), ("attempts-not-counted", 9, webhookc::store::NAMED));
    let store = place.open().await;
    for id in &findings[0].ids {
        let delivery = store.delivery(&tenant("t"), id.parse().unwrap()).await.unwrap();
        assert_eq!(delivery.map(|delivery| delivery.attempts), Some(7), "{id} is what the API calls it");
    }
}

#[tokio::test]
async fn an_index_that_lost_a_row_is_found() {
    let place = lived_in().await;
    change(
        &place,
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX messages_time ON messages (event)' \
         WHERE name = 'messages_time'",
    );
    let findings = found(&place).await;
    assert_eq!(findings[0].check, "damaged", "{findings:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_others_can_read_are_found_and_closed() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = lived_in().await;
    let file = place.folder.path().join("w.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let findings = found(&place).await;
    assert_eq!((findings.len(), findings[0].check, &*findings[0].ids[0]), (1, "readable-by-others", file.to_str().unwrap()));
    // What SQLite makes beside it is as open as the file itself.
    assert!(repair(&place.url(), at(0)).await.unwrap() >= 1);
    assert_eq!(found(&place).await, []);
}

#[tokio::test]
async fn what_is_no_current_store_is_refused() {
    let place = Place::new();
    let refused = examine(&place.url(), at(0)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Open { why, .. } if why == "there is no such file"), "{refused:?}");
    assert!(!place.folder.path().join("w.db").exists(), "looking makes nothing");
    assert!(Store::open_existing(&place.url()).await.is_err());
    std::fs::write(place.folder.path().join("w.db"), "not a database, but long enough to look at: ".repeat(50)).unwrap();
    assert!(examine(&place.url(), at(0)).await.unwrap_err().to_string().ends_with("the file is not a SQLite database"));

    let place = lived_in().await;
    change(&place, "UPDATE refinery_schema_history SET version = 99 WHERE version = 3");
    assert!(examine(&place.url(), at(0)).await.unwrap_err().to_string().contains("use a newer webhookc"));
    change(&place, "DELETE FROM refinery_schema_history WHERE version > 1");
    assert!(examine(&place.url(), at(0)).await.unwrap_err().to_string().contains("start a node of this version once"));
}

/// What an older version has written breaks no rule of this one.
#[tokio::test]
async fn a_store_of_the_version_before_has_no_finding_once_it_is_current() {
    let place = lived_in().await;
    change(
        &place,
        "ALTER TABLE marks DROP COLUMN sequence; ALTER TABLE tenants DROP COLUMN pruned_through; DROP TABLE retired_keys; DROP TABLE receipts; DROP TABLE taken;
         DROP TABLE decision_tables; ALTER TABLE traces DROP COLUMN decision_table; DROP INDEX waits_object;
         DROP TABLE programs; DROP TABLE recordings; ALTER TABLE traces DROP COLUMN program; ALTER TABLE attempts DROP COLUMN signature;
         DROP TABLE access_keys; DROP TABLE audit; ALTER TABLE keys DROP COLUMN sealed;
         DROP TRIGGER endpoints_suspended_or_not; DROP TABLE own_endpoints; DROP TABLE own_endpoint_events; DROP TABLE gone_lanes; DROP TABLE probe; DROP TABLE sessions; DROP INDEX deliveries_endpoint;
         ALTER TABLE deliveries RENAME COLUMN settled_after TO settled_at;
         UPDATE deliveries SET settled_at = created_at + settled_at WHERE settled_at IS NOT NULL;
         DROP TABLE resends; DROP TABLE sources; DROP INDEX messages_time; DROP INDEX deliveries_given_up;
         CREATE INDEX messages_tenant ON messages (tenant); CREATE INDEX deliveries_diverted ON deliveries (tenant) WHERE state = 3;
         CREATE INDEX deliveries_failed ON deliveries (tenant) WHERE state = 4;
         ALTER TABLE attempts RENAME COLUMN took_us TO took_ms;
         ALTER TABLE attempts DROP COLUMN resolve_us; ALTER TABLE attempts DROP COLUMN connect_us; ALTER TABLE attempts DROP COLUMN tls_us;
         ALTER TABLE attempts DROP COLUMN first_byte_us; ALTER TABLE attempts DROP COLUMN reused;
         DELETE FROM refinery_schema_history WHERE version >= 3",
    );
    place.open().await.close().await;
    assert_eq!(found(&place).await, []);
}
