//! Saves that are undone in the middle of a transaction which others share.

use webhookc::store::{Effects, JobStep, NewDelivery, Query};

use crate::attempt::take;
use crate::script::{Place, Script, delivery, fire, message, put, write};

/// A save of the object `o` that sends something ordered.
fn ordered() -> JobStep {
    let deliveries = vec![NewDelivery { ordered: true, ..delivery("e") }];
    write(Effects { messages: vec![message("asset_ready", "asset", "o", deliveries)], ..put("asset", "o", "{}") })
}

#[tokio::test]
async fn what_an_undone_save_has_seen_of_an_order_is_looked_at_again() {
    let place = Place::new();
    let store = place.open().await;
    let first = fire(&store, "t", "o", vec![NewDelivery { ordered: true, ..delivery("e") }]).await;
    // Twice it asks for what it has just changed, so that it must have been written.
    let children = || {
        let query = Query::Children { model: "asset".into(), property: "room_id".into(), parent: "r1".into(), limit: 10 };
        JobStep::Read(vec![query])
    };
    let steps = vec![write(put("asset", "x", r#"{"room_id":"r1"}"#)), children(), ordered(), children(), JobStep::Abort];
    let (undone, kept) = tokio::join!(store.save(Script::new("t", steps)), store.save(Script::new("t", vec![ordered()])));
    assert_eq!(undone.unwrap().answers.len(), 2, "it came as far as that");
    kept.unwrap();
    let claimed = take(&store, "e", 0, 10).await;
    assert_eq!(claimed.iter().map(|claimed| claimed.id).collect::<Vec<_>>(), first, "what was made later waits behind it");
}
