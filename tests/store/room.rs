//! Room that is given back to the file system, which only SQLite is asked for.

use webhookc::retention::{Pace, sweep};
use webhookc::store::{Settled, examine, vacuum};

use crate::attempt::end_all;
use crate::prune::everything;
use crate::script::{Place, at, delivery, fire, tenant};

/// Bytes that the objects themselves, which are kept, may take beyond the first page of each table and index.
const ROOM_OF_OBJECTS: u64 = 32 * 1024;

fn length(place: &Place) -> u64 {
    place.folder.path().join("w.db").metadata().unwrap().len()
}

#[tokio::test]
async fn room_is_given_back() {
    let place = Place::new();
    let store = place.open().await;
    for n in 0..40 {
        fire(&store, "t", &format!("a{n}"), (0..40).map(|_| delivery("e")).collect()).await;
    }
    for _ in 0..2 {
        end_all(&store, "e", Settled::Delivered).await;
    }
    sweep(&store, &everything(), Pace::Full).await.unwrap();
    assert!(vacuum(&place.url()).await.unwrap_err().to_string().starts_with("the store is locked by another process"));
    store.close().await;
    let before = length(&place);
    let freed = vacuum(&place.url()).await.unwrap();
    assert!(freed > 0 && length(&place) == before - freed, "{before} - {freed} = {}", length(&place));
    let empty = Place::new();
    empty.open().await.close().await;
    assert!(length(&place) < length(&empty) + ROOM_OF_OBJECTS, "{} of an empty store's {}", length(&place), length(&empty));
    let store = place.open().await;
    assert!(store.object(&tenant("t"), "asset", "a0").await.unwrap().is_some());
    assert_eq!(examine(&place.url(), at(0)).await.unwrap(), []);
}
