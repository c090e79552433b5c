//! Decision tables: stored once, counted exactly whatever is undone, and gone with the last trace that has them.

use std::sync::Arc;

use rusqlite::Connection;
use webhookc::program::{Ask, DecisionTable, TableRow};
use webhookc::retention::{Pace, sweep};
use webhookc::store::{Cutoffs, Effects, JobStep, Query, Store, examine};

use crate::script::{Backend, Place, Script, at, put, tenant, write};

/// A webhook that asks for a value of one field.
fn table(name: &str) -> Arc<DecisionTable> {
    let ask = Ask { aspect: 0, question: 0, condition: 0, name: "size".into(), required: "3".into() };
    Arc::new(DecisionTable { webhooks: vec![TableRow { name: name.into(), on: "create or update".into(), asks: vec![ask] }] })
}

fn decided(object: &str, at_ms: i64, table: &Arc<DecisionTable>) -> Effects {
    Effects { at: at(at_ms), trace: r#"{"seen":{}}"#.to_owned(), table: Some(Arc::clone(table)), ..put("asset", object, "{}") }
}

async fn save(store: &Store, effects: Effects) {
    store.save(Script::new("t", vec![write(effects)])).await.unwrap();
}

/// The name and the number of traces of each.
fn kept(place: &Place) -> Vec<(String, i64)> {
    let name = |json: &str| serde_json::from_str::<DecisionTable>(json).unwrap().webhooks[0].name.to_string();
    if crate::BACKEND == Backend::Postgres {
        let count = "SELECT (SELECT count(*) FROM traces t WHERE t.tenant = d.tenant AND t.decision_table = d.row) || ' ' || json
            FROM decision_tables d ORDER BY row";
        let answer = place.change(count);
        let row = |line: &str| line.split_once(' ').map(|(count, json)| (name(json), count.parse().unwrap())).unwrap();
        return answer.lines().map(row).collect();
    }
    let connection = Connection::open(place.folder.path().join("w.db")).unwrap();
    let mut statement = connection.prepare("SELECT json, traces FROM decision_tables ORDER BY row").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
    let found = statement.query_map([], read).unwrap().map(Result::unwrap);
    found.map(|(json, traces)| (name(&json), traces)).collect()
}

async fn told(store: &Store, object: &str) -> Vec<String> {
    store.traces(&tenant("t"), "asset", object, 10).await.unwrap().into_iter().map(|trace| trace.decisions.to_string()).collect()
}

#[tokio::test]
async fn a_table_is_stored_once_and_goes_with_its_last_trace() {
    let place = Place::new();
    let store = place.open().await;
    let (one, two) = (table("one"), table("two"));
    save(&store, decided("a", 1, &one)).await;
    save(&store, decided("a", 2, &two)).await;
    save(&store, decided("a", 3, &one)).await;
    assert_eq!(kept(&place), [("one".to_owned(), 2), ("two".to_owned(), 1)]);
    let unmet =
        |name: &str| format!(r#"[{{"webhook":"{name}","verdict":"unmet","name":"size","seen":"null","required":"3","condition":0}}]"#);
    assert_eq!(told(&store, "a").await, [unmet("one"), unmet("two"), unmet("one")]);

    // After a restart, and as compiled anew, it is the same table.
    store.close().await;
    let store = place.open().await;
    save(&store, decided("a", 4, &table("one"))).await;
    assert_eq!(kept(&place), [("one".to_owned(), 3), ("two".to_owned(), 1)]);

    let older = |than| Cutoffs { traces: Some(at(than)), ..Cutoffs::default() };
    assert_eq!(sweep(&store, &older(3), Pace::Full).await.unwrap().traces, 2);
    assert_eq!(kept(&place), [("one".to_owned(), 2)]);
    assert_eq!(sweep(&store, &older(9), Pace::Full).await.unwrap().traces, 2);
    assert_eq!(kept(&place), []);
    save(&store, decided("b", 10, &one)).await;
    assert_eq!(kept(&place), [("one".to_owned(), 1)]);
    assert_eq!(told(&store, "b").await, [unmet("one")]);
    assert_eq!(examine(&place.url(), at(11)).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_undone_is_not_counted() {
    let place = Place::new();
    let store = place.open().await;
    let (one, two) = (table("one"), table("two"));
    let read = || JobStep::Read(vec![Query::Ready { event: "e".into(), object: "a".into() }]);
    let undone = || {
        let steps = vec![write(decided("a", 1, &two)), read(), write(decided("a", 1, &one)), read(), JobStep::Abort];
        store.save(Script::new("t", steps))
    };
    // In one commit with others, before and after.
    for round in 0..3 {
        let (first, refused, second) = (decided("a", round, &one), undone(), decided("b", round, &one));
        let steps = vec![write(first), read(), write(decided("c", round, &two))];
        let whole = store.save(Script::new("t", steps));
        let last = store.save(Script::new("t", vec![write(second)]));
        let (whole, refused, last) = tokio::join!(whole, refused, last);
        assert!(whole.is_ok() && refused.is_ok() && last.is_ok(), "an aborted script tells nobody");
    }
    assert_eq!(kept(&place), [("one".to_owned(), 6), ("two".to_owned(), 3)]);
    assert_eq!(examine(&place.url(), at(11)).await.unwrap(), []);
}
