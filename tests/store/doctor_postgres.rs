//! The store check on `PostgreSQL`: a healthy store has no finding, every kind of damage has its own, and a repair heals what it says.

use webhookc::store::{Store, StoreError, backup, examine, repair};

use crate::lived_in::lived_in;
use crate::script::{Place, at};

#[tokio::test]
async fn a_healthy_store_has_no_finding_in_use_or_not() {
    let place = lived_in().await;
    assert_eq!(examine(&place.url(), at(0)).await.unwrap(), []);
    let _store = place.open().await;
    assert_eq!(examine(&place.url(), at(0)).await.unwrap(), [], "beside its node");
}

/// What is done to the store, the check that finds it, and whether a repair heals it. The deliveries are numbered in the order of their making.
const DAMAGES: &[(&str, &str, bool)] = &[
    ("UPDATE deliveries SET state = 7 WHERE row = d(1)", "unknown-state", false),
    ("UPDATE deliveries SET due_at = due_at + 500 * 86400000::bigint WHERE row = d(4)", "never-due", false),
    ("UPDATE deliveries SET state = 1, due_at = due_at + 86400000 WHERE row = d(3)", "endless-lease", true),
    ("UPDATE deliveries SET blocked = true WHERE row = d(3)", "blocked-for-nothing", true),
    ("UPDATE deliveries SET state = 2, settled_at = 1 WHERE row = d(3)", "blocked-for-nothing", true),
    ("UPDATE deliveries SET blocked = false WHERE row = d(5)", "out-of-order", true),
    ("UPDATE deliveries SET settled_at = NULL WHERE row = d(1)", "settled-without-time", true),
    ("UPDATE deliveries SET attempts = 2 WHERE row = d(1)", "attempts-not-counted", false),
    ("UPDATE deliveries SET content_type = 'text/plain' WHERE row = d(3)", "body-missing", false),
    ("DELETE FROM messages WHERE row = d(1) >> 20", "message-missing", false),
    ("UPDATE deliveries SET endpoint = 99 WHERE row = d(1)", "endpoint-missing", false),
    ("UPDATE waits SET tenant = 99", "tenant-missing", false),
    ("INSERT INTO bodies (tenant, delivery, body) VALUES (1, 99, '')", "left-over", true),
    ("UPDATE traces SET decision_table = 99 WHERE object = 'first'", "decision-table-missing", false),
    ("DELETE FROM objects WHERE id = 'sent'", "object-missing", false),
    (
        "INSERT INTO messages SELECT tenant, 0, gen_random_uuid(), event, model, object, operation, sequence, created_at, payload FROM messages
         WHERE row = d(1) >> 20",
        "fired-twice",
        false,
    ),
    ("UPDATE messages SET event = 'asset_undone' WHERE event = 'asset_done' AND object = 'first'", "mark-without-message", false),
    ("DELETE FROM marks WHERE object = 'second'", "message-without-mark", false),
    ("INSERT INTO objects SELECT tenant, 'room', 'r1', sequence, '', '{}' FROM objects WHERE id = 'sent'", "waits-for-nothing", false),
    ("UPDATE tenants SET sequence = sequence - 1", "sequence-behind", true),
];

#[tokio::test]
async fn every_kind_of_damage_is_found_alone_and_healed_where_that_is_promised() {
    let place = lived_in().await;
    place.wait_for_the_end().await;
    // The row of the nth delivery.
    place.change(
        "CREATE FUNCTION d(n int) RETURNS bigint LANGUAGE sql AS 'SELECT row FROM webhookc.deliveries ORDER BY row OFFSET n - 1 LIMIT 1'",
    );
    for (sql, check, repairable) in DAMAGES {
        let copy = place.copy();
        copy.change(sql);
        let findings = examine(&copy.url(), at(0)).await.unwrap();
        let [finding] = &findings[..] else { panic!("{sql}: {findings:#?}") };
        assert_eq!((finding.check, finding.repairable, finding.count), (*check, *repairable, 1), "{sql}: {finding:?}");
        assert!(finding.ids.len() == 1 && !finding.ids[0].is_empty(), "{finding:?}");
        repair(&copy.url(), at(0)).await.unwrap();
        let left: Vec<_> = examine(&copy.url(), at(0)).await.unwrap().into_iter().map(|finding| finding.check).collect();
        assert_eq!(left, if *repairable { vec![] } else { vec![*check] }, "{sql}");
    }
}

#[tokio::test]
async fn what_the_server_does_itself_is_said() {
    let place = lived_in().await;
    let refused = backup(&place.url(), place.folder.path().join("copy"), || false).await.unwrap_err();
    assert!(refused.to_string().contains("`pg_dump --schema=webhookc`"), "{refused}");
}

#[tokio::test]
async fn what_is_no_current_store_is_refused() {
    let place = Place::new();
    place.change("INSERT INTO refinery_schema_history VALUES (99, 'later', '2030-01-01T00:00:00Z', '0'); UPDATE format SET oldest = 99");
    let refused = Store::open(&place.url()).await.unwrap_err();
    assert!(refused.to_string().contains("use a newer webhookc"), "{refused}");
    assert!(examine(&place.url(), at(0)).await.unwrap_err().to_string().contains("use a newer webhookc"));
    place.change("DROP SCHEMA webhookc CASCADE");
    let refused = Store::open_existing(&place.url()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Open { why, .. } if why == "there is no store in this database"), "{refused:?}");
    place.open().await.close().await;
    assert_eq!(examine(&place.url(), at(0)).await.unwrap(), [], "an empty database becomes a store");
}

#[tokio::test]
async fn what_is_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = async |url: String| Store::open(&url).await.unwrap_err().to_string();
    let nobody = refused(format!("postgres://u:hidden@localhost/x?host={}", folder.path().display())).await;
    assert!(nobody.contains("cannot open the store") && nobody.contains("…") && !nobody.contains("hidden"), "{nobody}");
    assert!(refused("postgres:///x".to_owned()).await.contains("no host is named"));
    assert!(refused("postgresql://localhost/x?wrong=1".to_owned()).await.contains("the URL cannot be read"));
    let place = Place::new();
    let missing = refused(place.url().replace(&place.database(), "nobodys")).await;
    assert!(missing.contains("database \"nobodys\" does not exist"), "{missing}");
}
