//! Answers of the server that are lost on their way: what it has done is known all the same, and is not done twice. Here on `PostgreSQL` alone.

use std::time::Duration;

use webhookc::store::{NewDelivery, Receipt, Settled, Store, repair};

use crate::attempt::{finished, take};
use crate::proxy::{Proxy, Way};
use crate::script::{Place, at, delivery, fire, socket, tenant, vault};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_without_an_answer_is_done_once() {
    let place = Place::new();
    let proxy = Proxy::to(socket()).await;
    let url = format!("postgres://webhookc@127.0.0.1:{}/{}", proxy.port(), place.database());
    let store = Store::open_with(&url, vault(7)).await.unwrap();
    let ordered = (0..4).map(|_| NewDelivery { ordered: true, ..delivery("e") }).collect();
    let made = fire(&store, "t", "a", ordered).await;
    // Each commit, one after the other with and without the database's hearing of it.
    proxy.lose_commits(1);
    for number in 0..4 {
        let receipt = store.open_receipt(&tenant("t"), &format!("key{number}"), [0; 32], at(0)).await.unwrap();
        assert!(matches!(receipt, Receipt::New), "{receipt:?}");
    }
    for id in made {
        let claimed = take(&store, "e", 0, 1).await;
        assert_eq!(claimed[0].id, id, "in their order");
        assert_eq!(store.settle(vec![finished(&claimed[0], Settled::Delivered)]).await.unwrap(), [true]);
        assert_eq!(store.attempts(&tenant("t"), id).await.unwrap().unwrap().len(), 1);
    }
    assert!(proxy.lost() >= 12, "{} commits had no answer", proxy.lost());
    proxy.lose_commits(0);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_that_were_recorded_without_an_answer_are_told_as_recorded() {
    let place = Place::new();
    let proxy = Proxy::to(socket()).await;
    let url = format!("postgres://webhookc@127.0.0.1:{}/{}", proxy.port(), place.database());
    let store = Store::open_with(&url, vault(7)).await.unwrap();
    let made = fire(&store, "t", "a", vec![delivery("e"), delivery("e"), delivery("e")]).await;
    let claimed = take(&store, "e", 0, 3).await;
    // From here on its statements are known to the connection.
    assert_eq!(store.settle(vec![finished(&claimed[0], Settled::Delivered)]).await.unwrap(), [true]);
    proxy.be(Way::HalfOpen);
    let again = Settled::Pending { at: at(150), counts: true };
    let attempts = vec![finished(&claimed[1], Settled::Delivered), finished(&claimed[2], again)];
    let settled = tokio::spawn({
        let (store, attempts) = (store.clone(), attempts.clone());
        async move { store.settle(attempts).await }
    });
    let recorded = "SELECT count(*) FROM attempts";
    while place.change(recorded) != "3" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.be(Way::Cut);
    tokio::time::sleep(Duration::from_millis(100)).await;
    proxy.be(Way::Open);
    assert_eq!(settled.await.unwrap().unwrap(), [true; 2]);
    assert_eq!(place.change(recorded), "3", "each once");
    let due = take(&store, "e", 200, 3).await;
    assert_eq!(due.iter().map(|claimed| claimed.id).collect::<Vec<_>>(), made[2..], "and what is to be done again is due");
    assert_eq!(store.settle(attempts).await.unwrap(), [false; 2], "whoever comes once more has nothing to record");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_was_committed_without_an_answer_says_what_it_has_repaired() {
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", vec![delivery("e")]).await;
    store.close().await;
    place.change("UPDATE deliveries SET state = 2, due_at = 0, settled_at = NULL");
    let proxy = Proxy::to(socket()).await;
    proxy.lose_commits(1);
    let url = format!("postgres://webhookc@127.0.0.1:{}/{}", proxy.port(), place.database());
    assert_eq!((repair(&url, at(0)).await, proxy.lost()), (Ok(1), 1));
    assert_eq!(place.change("SELECT count(*) FROM deliveries WHERE settled_at IS NULL"), "0");
}
