//! Where a source is: steps that are taken only from where it is thought to be.

use webhookc::store::{Advance, Position, Store, position};

use crate::script::Place;

const MIDDLE: Position = Position { lsn: 70, changes: 3 };

async fn step(store: &Store, source: &str, from: Option<Position>, to: Position) -> bool {
    store.advance(&Advance { source: source.into(), from, to }).await.unwrap()
}

#[tokio::test]
async fn a_step_is_taken_only_from_where_the_source_is() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.position("a").await.unwrap(), None);
    assert!(!step(&store, "a", Some(Position::at(1)), MIDDLE).await, "it has not begun");
    assert_eq!(store.position("a").await.unwrap(), None, "nothing is done");
    assert!(step(&store, "a", None, Position::at(50)).await);
    assert!(!step(&store, "a", None, Position::at(90)).await, "it begins once");
    assert!(step(&store, "a", Some(Position::at(50)), MIDDLE).await);
    for elsewhere in [Position::at(50), Position::at(70), Position { changes: 2, ..MIDDLE }, Position { changes: 4, ..MIDDLE }] {
        assert!(!step(&store, "a", Some(elsewhere), Position::at(90)).await, "{elsewhere:?}");
    }
    assert_eq!(store.position("a").await.unwrap(), Some(MIDDLE));
    assert_eq!(position(&place.url(), "a").await.unwrap(), Some(MIDDLE), "also beside whoever has the store");

    // Others are not touched, also when their names are alike; a place may be the last that there is, and a copy begins behind where it was.
    assert!(step(&store, "A", None, Position { lsn: u64::MAX, changes: u64::MAX }).await);
    assert!(step(&store, "a ", None, Position::at(0)).await);
    assert_eq!(store.position("A").await.unwrap(), Some(Position { lsn: u64::MAX, changes: u64::MAX }));
    assert!(step(&store, "A", Some(Position { lsn: u64::MAX, changes: u64::MAX }), Position::at(7)).await);

    store.close().await;
    let store = place.open().await;
    let all = [store.position("a").await, store.position("A").await, store.position("a ").await];
    assert_eq!(all.map(Result::unwrap), [Some(MIDDLE), Some(Position::at(7)), Some(Position::at(0))], "they outlive the store's opening");
    store.close().await;
}

#[tokio::test]
async fn of_many_who_take_the_same_step_one_takes_it() {
    let place = Place::new();
    let store = place.open().await;
    let mut from = None;
    for lsn in 1..20 {
        let to = Position::at(lsn);
        let taken = eight(&store, from, to).await;
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{lsn}: {taken:?}");
        from = Some(to);
    }
    assert_eq!(store.position("a").await.unwrap(), from);
    store.close().await;
}

/// Eight take it at once.
async fn eight(store: &Store, from: Option<Position>, to: Position) -> Vec<bool> {
    let steps: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { step(&store, "a", from, to).await })
        })
        .collect();
    let mut taken = Vec::new();
    for step in steps {
        taken.push(step.await.unwrap());
    }
    taken
}
