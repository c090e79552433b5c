//! What a source may bring more than once is taken in once, also within one commit, and until it is forgotten.

use std::sync::Arc;

use webhookc::store::{Answer, Effects, JobStep, Query, Taken};

use crate::script::{Place, Script, put, write};

fn taken(source: &str, position: i64) -> Taken {
    Taken { source: Arc::from(source), position }
}

fn asks(source: &str, position: i64) -> JobStep {
    JobStep::Read(vec![Query::Taken(taken(source, position))])
}

fn takes(source: &str, position: i64) -> JobStep {
    write(Effects { taken: Some(taken(source, position)), ..put("asset", "a", "{}") })
}

/// What each question was answered.
fn answers(job: &Script) -> Vec<bool> {
    job.answers.iter().map(|answers| matches!(answers[0], Answer::Taken(true))).collect()
}

#[tokio::test]
async fn a_place_of_a_source_is_known_from_the_commit_on_and_to_its_tenant() {
    let place = Place::new();
    let store = place.open().await;
    let ask = |tenant: &str| {
        let steps = [("s", 1), ("s", 2), ("other", 1)].map(|(source, position)| asks(source, position));
        store.save(Script::new(tenant, steps.into_iter().collect()))
    };
    let first = store.save(Script::new("t", vec![asks("s", 1), takes("s", 1), asks("s", 1)])).await.unwrap();
    assert_eq!(answers(&first), [false, true]);
    assert_eq!(answers(&ask("t").await.unwrap()), [true, false, false]);
    assert_eq!(answers(&ask("u").await.unwrap()), [false, false, false]);
    // One that gives up has taken nothing.
    assert!(store.save(Script::new("t", vec![takes("s", 2), JobStep::Abort])).await.is_ok());
    assert_eq!(answers(&ask("t").await.unwrap()), [true, false, false]);
    // Two that share a commit: the second sees the first.
    let (one, two) = tokio::join!(
        store.save(Script::new("t", vec![asks("s", 2), takes("s", 2)])),
        store.save(Script::new("t", vec![asks("s", 2), takes("other", 1)])),
    );
    assert_eq!((answers(&one.unwrap()), answers(&two.unwrap())), (vec![false], vec![true]));
    store.close().await;

    let store = place.open().await;
    store.forget_taken("s", 1).await.unwrap();
    let steps = [("s", 1), ("s", 2), ("other", 1)].map(|(source, position)| asks(source, position));
    let left = store.save(Script::new("t", steps.into_iter().collect())).await.unwrap();
    assert_eq!(answers(&left), [false, true, true]);
}
