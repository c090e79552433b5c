//! A store in which much has happened.

use webhookc::store::{Effects, ObjectChange, Settled, WaitRow};

use crate::attempt::{end_all, take};
use crate::script::{Place, Script, delivery, fire, message, put, write};

/// A store with something of everything: settled, waiting, blocked and failed deliveries, a mark, a wait, a deletion.
pub async fn lived_in() -> Place {
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "sent", vec![delivery("good")]).await;
    fire(&store, "t", "failed", vec![delivery("bad")]).await;
    for _ in 0..3 {
        let ordered = webhookc::store::NewDelivery { ordered: true, ..delivery("lane") };
        fire(&store, "t", "ordered", vec![ordered]).await;
    }
    for object in ["first", "second", "third"] {
        let ready = Effects {
            marks: vec![("asset_done".into(), object.into())],
            messages: vec![message("asset_done", "asset", object, vec![delivery("good")])],
            ..put("asset", object, "{}")
        };
        store.save(Script::new("t", vec![write(ready)])).await.unwrap();
    }
    let wait = WaitRow {
        event: "asset_seen".into(),
        model: "asset".into(),
        object: "sent".into(),
        operation: "create".into(),
        previous: None,
        for_model: "room".into(),
        for_id: "r1".into(),
    };
    store.save(Script::new("t", vec![write(Effects { waits: vec![wait], ..put("asset", "sent", "{}") })])).await.unwrap();
    fire(&store, "t", "gone", vec![delivery("good")]).await;
    let delete = Effects { change: ObjectChange::Delete, operation: "delete", ..put("asset", "gone", "") };
    store.save(Script::new("t", vec![write(delete)])).await.unwrap();
    end_all(&store, "good", Settled::Delivered).await;
    end_all(&store, "bad", Settled::Diverted("no more attempts".to_owned())).await;
    take(&store, "lane", 0, 1).await;
    store.close().await;
    place
}
