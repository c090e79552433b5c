//! What the console asks: sessions, the names of tenants, what was sent to an endpoint lately.

use std::time::Duration;

use webhookc::access::{KeyId, NodeScope, Session, SessionToken};
use webhookc::store::{Lately, Settled, Store, Tried, TriedLately};
use webhookc::time::SystemEntropy;

use crate::attempt::{end_all, finished, take};
use crate::script::{Place, at, delivery, endpoint, fire, tenant};

fn session(ends: i64) -> Session {
    Session { hash: SessionToken::random(&SystemEntropy).hash(), key: KeyId(u64::MAX - 7), expires_at: at(ends) }
}

#[tokio::test]
async fn a_session_is_kept_until_it_is_ended_or_long_over() {
    let place = Place::new();
    let store = place.open().await;
    let (one, two) = (session(100), session(200));
    for session in [&one, &two] {
        store.open_session(session.clone(), at(0)).await.unwrap();
        assert_eq!(store.session(session.hash).await.unwrap().as_ref(), Some(session));
    }
    store.close_session(two.hash).await.unwrap();
    store.close_session(two.hash).await.unwrap();
    assert_eq!(store.session(two.hash).await.unwrap(), None);
    assert_eq!(store.session([0; 32]).await.unwrap(), None);
    store.close().await;
    let store = place.open().await;
    assert_eq!(store.session(one.hash).await.unwrap().as_ref(), Some(&one), "it outlives the process");
    store.open_session(session(300), at(100)).await.unwrap();
    assert_eq!(store.session(one.hash).await.unwrap(), None, "its time is over, and it was cleared away");
}

#[tokio::test]
async fn tenants_come_by_name_from_the_first_that_was_ever_heard_of() {
    let place = Place::new();
    let store = place.open().await;
    for name in ["b", "acme", "acme-2", "acmf", "ab"] {
        fire(&store, name, "a", vec![]).await;
    }
    let names = async |prefix: &str, after: &str, limit: usize| {
        let tenants = store.tenants(&NodeScope::of_node(), prefix, after, limit).await.unwrap();
        tenants.iter().map(|tenant| tenant.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("", "", 10).await, ["ab", "acme", "acme-2", "acmf", "b"]);
    assert_eq!(names("acme", "", 10).await, ["acme", "acme-2"]);
    assert_eq!(names("a", "ab", 2).await, ["acme", "acme-2"]);
    assert_eq!(names("a", "acme-2", 2).await, ["acmf"]);
    assert!(names("c", "", 10).await.is_empty());
}

async fn lately(store: &Store, tenant_name: &str, since: i64, most: usize) -> TriedLately {
    store.tried_lately(&tenant(tenant_name), &endpoint("e"), Lately { since: at(since), most }).await.unwrap()
}

#[tokio::test]
async fn what_was_tried_lately_is_of_one_endpoint_of_one_tenant() {
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", vec![delivery("e"), delivery("f")]).await;
    fire(&store, "other", "a", vec![delivery("e")]).await;
    assert_eq!(lately(&store, "t", 0, 10).await, TriedLately::default());
    end_all(&store, "e", Settled::Delivered).await;
    end_all(&store, "f", Settled::Delivered).await;
    fire(&store, "t", "b", vec![delivery("e")]).await;
    let claimed = take(&store, "e", 0, 1).await;
    store.settle(vec![finished(&claimed[0], Settled::Diverted("no".into()))]).await.unwrap();
    let tried = |succeeded| Tried { at: at(5), succeeded, took: Duration::from_micros(7_654) };
    assert_eq!(lately(&store, "t", 0, 10).await, TriedLately { attempts: vec![tried(false), tried(true)], is_cut: false });
    assert_eq!(lately(&store, "t", 0, 1).await.attempts.len(), 1);
    assert!(lately(&store, "t", 0, 1).await.is_cut && !lately(&store, "t", 0, 2).await.is_cut);
    assert!(lately(&store, "t", 6, 10).await.attempts.is_empty(), "it began before");
    assert!(lately(&store, "other", 0, 10).await.attempts.is_empty() && lately(&store, "nobody", 0, 10).await.attempts.is_empty());
}
