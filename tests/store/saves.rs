//! Save jobs: what they read and write, how they share a commit, and what is left of one that gives up.

use jiff::Timestamp;
use webhookc::ids::{Sequence, Tenant};
use webhookc::store::{Answer, Effects, JobStep, ObjectChange, ObjectRow, Query, SaveJob, WaitRow};

use crate::lanes::due;
use crate::script::{Place, Script, at, delivery, message, put, tenant, write};

fn read_object(id: &str) -> JobStep {
    JobStep::Read(vec![Query::Object { model: "asset".into(), id: id.into() }])
}

fn object(answers: &[Vec<Answer>], round: usize) -> Option<ObjectRow> {
    let Answer::Object(object) = &answers[round][0] else { panic!("{answers:?}") };
    object.clone()
}

#[tokio::test]
async fn an_object_is_kept_replaced_and_removed() {
    let place = Place::new();
    let store = place.open().await;
    let first = store.save(Script::new("t", vec![write(put("asset", "a", "{\"n\":1}"))])).await.unwrap();
    let kept = store.object(&tenant("t"), "asset", "a").await.unwrap().unwrap();
    assert_eq!((&*kept.json, kept.sequence), ("{\"n\":1}", first.sequences[0]));
    store.save(Script::new("t", vec![write(put("asset", "a", "{\"n\":2}"))])).await.unwrap();
    assert_eq!(&*store.object(&tenant("t"), "asset", "a").await.unwrap().unwrap().json, "{\"n\":2}");
    let delete = Effects { change: ObjectChange::Delete, operation: "delete", ..put("asset", "a", "") };
    store.save(Script::new("t", vec![write(delete)])).await.unwrap();
    assert_eq!(store.object(&tenant("t"), "asset", "a").await.unwrap(), None);
    let traces = store.traces(&tenant("t"), "asset", "a", 2).await.unwrap();
    assert_eq!(traces.iter().map(|trace| &*trace.operation).collect::<Vec<_>>(), ["delete", "create"]);
    assert!(traces[0].sequence > traces[1].sequence);
    assert_eq!((traces[0].at, &*traces[0].decisions), (at(0), "[\"a\"]"));
}

#[tokio::test]
async fn a_job_reads_its_own_writes_and_the_store_knows_nothing_before_the_commit() {
    let place = Place::new();
    let store = place.open().await;
    let steps = vec![read_object("a"), write(put("asset", "a", "{}")), read_object("a"), write(put("asset", "b", "{}"))];
    let job = store.save(Script::new("t", steps)).await.unwrap();
    assert_eq!(object(&job.answers, 0), None);
    assert_eq!(object(&job.answers, 1).unwrap().sequence, job.sequences[0]);
    assert!(job.sequences[0] < job.sequences[1]);
}

#[tokio::test]
async fn an_aborted_job_leaves_nothing_and_its_neighbours_alone() {
    let place = Place::new();
    let store = place.open().await;
    let fired = Effects {
        messages: vec![message("asset_ready", "asset", "bad", vec![delivery("e")])],
        marks: vec![("asset_ready".into(), "bad".into())],
        ..put("asset", "bad", "{}")
    };
    // Queued together, so that they share commits.
    let (one, two, three) = tokio::join!(
        store.save(Script::new("t", vec![write(put("asset", "a", "{}"))])),
        store.save(Script::new("t", vec![write(fired), JobStep::Abort])),
        store.save(Script::new("t", vec![write(put("asset", "b", "{}"))])),
    );
    let (one, aborted, three) = (one.unwrap(), two.unwrap(), three.unwrap());
    assert_eq!(aborted.sequences.len(), 1);
    assert!(one.sequences[0] != three.sequences[0]);
    assert!(store.object(&tenant("t"), "asset", "a").await.unwrap().is_some());
    assert!(store.object(&tenant("t"), "asset", "b").await.unwrap().is_some());
    assert_eq!(store.object(&tenant("t"), "asset", "bad").await.unwrap(), None);
    assert!(store.traces(&tenant("t"), "asset", "bad", 9).await.unwrap().is_empty());
    assert_eq!(due(&store, 9).await, (Vec::new(), None));
    let ready = JobStep::Read(vec![Query::Ready { event: "asset_ready".into(), object: "bad".into() }]);
    let job = store.save(Script::new("t", vec![ready])).await.unwrap();
    assert!(matches!(job.answers[0][0], Answer::Ready(false)));
}

/// A job with a bug.
struct Panics(Tenant);

impl SaveJob for Panics {
    fn tenant(&self) -> &Tenant {
        &self.0
    }

    fn at(&self) -> Timestamp {
        at(0)
    }

    fn step(&mut self, _: Sequence, _: Vec<Answer>) -> JobStep {
        panic!("a job of a test panics")
    }
}

#[tokio::test]
async fn a_job_that_fails_or_panics_leaves_the_writer_alive_and_nothing_behind() {
    let place = Place::new();
    let store = place.open().await;
    // The same message twice: the second breaks the unique index after the first has been written.
    let twice = message("asset_ready", "asset", "a", Vec::new());
    let again = webhookc::store::NewMessage { id: twice.id, ..message("asset_ready", "asset", "a", Vec::new()) };
    let broken = Effects { messages: vec![twice, again], ..put("asset", "a", "{}") };
    let (failed, kept) = tokio::join!(
        store.save(Script::new("t", vec![write(broken)])),
        store.save(Script::new("t", vec![write(put("asset", "b", "{}"))])),
    );
    let error = failed.err().unwrap().to_string().to_lowercase();
    assert!(error.starts_with("the store failed: ") && error.contains("unique constraint"), "{error}");
    kept.unwrap();
    assert_eq!(store.object(&tenant("t"), "asset", "a").await.unwrap(), None);
    assert!(store.object(&tenant("t"), "asset", "b").await.unwrap().is_some());
    assert_eq!(store.save(Panics(tenant("t").tenant().clone())).await.err().unwrap().to_string(), "the store failed: a job panicked");
    store.save(Script::new("t", vec![write(put("asset", "c", "{}"))])).await.unwrap();
}

#[tokio::test]
async fn sequences_grow_through_clock_steps_restarts_and_crowds() {
    let place = Place::new();
    let store = place.open().await;
    let save = |id: usize| Script::new("t", vec![write(put("asset", &format!("a{id}"), "{}"))]);
    let mut later = save(0);
    later.at = at(60_000);
    let mut last = store.save(later).await.unwrap().sequences[0];
    assert_eq!(last, Sequence::after(0, at(60_000).as_second()));
    let back = store.save(save(1)).await.unwrap().sequences[0];
    assert_eq!(back.0, last.0 + 1, "the clock stepped back");
    last = back;
    drop(store);
    let store = place.open().await;
    let after = store.save(save(2)).await.unwrap().sequences[0];
    assert_eq!(after.0, last.0 + 1, "after a restart");
    let crowd = futures_util::future::join_all((3..203).map(|id| store.save(save(id)))).await;
    let mut seen: Vec<i64> = crowd.into_iter().map(|job| job.unwrap().sequences[0].0).collect();
    seen.sort_unstable();
    assert_eq!(seen, (after.0 + 1..=after.0 + 200).collect::<Vec<_>>(), "each number once, without a gap");
    let other = store.save(Script::new("u", vec![write(put("asset", "a", "{}"))])).await.unwrap().sequences[0];
    assert_eq!(other, Sequence::after(0, at(0).as_second()), "every tenant counts alone");
}

#[tokio::test]
async fn ready_marks_and_waits_are_kept_and_ended() {
    let place = Place::new();
    let store = place.open().await;
    let previous = ObjectRow { id: "a".into(), sequence: Sequence(7), updated_at: "2026-01-01T00:00:00Z".into(), json: "{}".into() };
    let wait = WaitRow {
        event: "asset_ready".into(),
        model: "asset".into(),
        object: "a".into(),
        operation: "create".into(),
        previous: Some(previous),
        for_model: "user".into(),
        for_id: "u1".into(),
    };
    let other = WaitRow { for_id: "u2".into(), previous: None, ..wait.clone() };
    let waits = |id: &str| JobStep::Read(vec![Query::Waiting { model: "user".into(), id: id.into() }]);
    let ready = || JobStep::Read(vec![Query::Ready { event: "asset_ready".into(), object: "a".into() }]);
    let waiting = Effects { waits: vec![wait.clone()], ..put("asset", "a", "{}") };
    let moved = Effects { waits: vec![other.clone()], ..put("asset", "a", "{}") };
    let over = Effects {
        ended_waits: vec![("asset_ready".into(), "a".into())],
        marks: vec![("asset_ready".into(), "a".into()), ("asset_ready".into(), "a".into())],
        ..put("user", "u2", "{}")
    };
    let steps = vec![ready(), write(waiting), waits("u1"), write(moved), waits("u1"), waits("u2"), write(over), waits("u2"), ready()];
    let job = store.save(Script::new("t", steps)).await.unwrap();
    let waits = |round: usize| {
        let Answer::Waiting(waits) = &job.answers[round][0] else { panic!("{:?}", job.answers) };
        waits.clone()
    };
    assert!(matches!(job.answers[0][0], Answer::Ready(false)));
    assert_eq!(waits(1), [wait]);
    assert_eq!((waits(2), waits(3)), (vec![], vec![other]), "a new wait replaces the one before");
    assert_eq!(waits(4), []);
    assert!(matches!(job.answers[5][0], Answer::Ready(true)));
    let elsewhere = store.save(Script::new("u", vec![ready()])).await.unwrap();
    assert!(matches!(elsewhere.answers[0][0], Answer::Ready(false)), "a mark is the tenant's");
}

#[tokio::test]
async fn children_are_found_by_their_parent_in_order_of_id() {
    let place = Place::new();
    let store = place.open().await;
    store.index_children("asset", "room_id").await.unwrap();
    store.index_children("asset", "room_id").await.unwrap();
    store.index_children("Asset", "room_id").await.unwrap();
    assert!(store.index_children("asset'; --", "room_id").await.is_err());
    let mut steps: Vec<_> = ["b", "a", "d", "c"].iter().map(|id| write(put("asset", id, "{\"room_id\":\"r1\"}"))).collect();
    steps.push(write(put("asset", "e", "{\"room_id\":\"r2\"}")));
    steps.push(write(put("chair", "f", "{\"room_id\":\"r1\"}")));
    let children = |limit| {
        let (model, property, parent) = ("asset".into(), "room_id".into(), "r1".into());
        JobStep::Read(vec![Query::Children { model, property, parent, limit }])
    };
    steps.extend([children(100), children(2)]);
    let job = store.save(Script::new("t", steps)).await.unwrap();
    let ids = |round: usize| {
        let Answer::Children(rows) = &job.answers[round][0] else { panic!("{:?}", job.answers) };
        rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(0), ["a", "b", "c", "d"]);
    assert_eq!(ids(1), ["a", "b"]);
}

#[tokio::test]
async fn the_character_nul_in_a_text_is_kept_and_in_nobodys_way() {
    let place = Place::new();
    let store = place.open().await;
    store.index_children("asset", "room_id").await.unwrap();
    let json = r#"{"name":"a\u0000b","room_id":"r1"}"#;
    let children = Query::Children { model: "asset".into(), property: "room_id".into(), parent: "r1".into(), limit: 10 };
    let steps = vec![write(put("asset", "a", json)), JobStep::Read(vec![children])];
    let job = store.save(Script::new("t", steps)).await.unwrap();
    let Answer::Children(rows) = &job.answers[0][0] else { panic!("{:?}", job.answers) };
    assert_eq!(rows.iter().map(|row| &*row.json).collect::<Vec<_>>(), [json]);
    let scope = tenant("t");
    assert_eq!(&*store.object(&scope, "asset", "a").await.unwrap().unwrap().json, json);
}
