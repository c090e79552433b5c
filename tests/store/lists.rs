//! Lists: filters, pages, and that no tenant sees another's.

use webhookc::ids::{DeliveryId, MessageId};
use webhookc::store::{DeliveryFilter, DeliveryState, Effects, MessageFilter, NewDelivery, Page, Settled, Store, Unsendable};

use crate::attempt::finished;
use crate::lanes::{lane, oldest};
use crate::script::{Place, Script, at, delivery, endpoint, fire, message, put, tenant, write};

async fn messages(store: &Store, filter: &MessageFilter) -> Vec<String> {
    let page = Page { before: None, limit: 100 };
    store.messages(&tenant("t"), filter, &page).await.unwrap().iter().map(|row| row.object.to_string()).collect()
}

async fn deliveries(store: &Store, filter: &DeliveryFilter) -> Vec<DeliveryId> {
    let page = Page { before: None, limit: 100 };
    store.deliveries(&tenant("t"), filter, &page).await.unwrap().iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn messages_come_newest_first_by_filter_and_page() {
    let place = Place::new();
    let store = place.open().await;
    for object in ["a", "b", "a", "c"] {
        fire(&store, "t", object, vec![]).await;
    }
    let other = Effects { messages: vec![message("room_saved", "room", "a", vec![])], ..put("room", "a", "{}") };
    store.save(Script::new("t", vec![write(other)])).await.unwrap();

    assert_eq!(messages(&store, &MessageFilter::default()).await, ["a", "c", "a", "b", "a"]);
    assert_eq!(messages(&store, &MessageFilter { event: Some("room_saved".into()), ..Default::default() }).await, ["a"]);
    let about = MessageFilter { model: Some("asset".into()), object: Some("a".into()), ..Default::default() };
    assert_eq!(messages(&store, &about).await, ["a", "a"]);
    assert!(messages(&store, &MessageFilter { object: Some("z".into()), ..Default::default() }).await.is_empty());

    let mut seen: Vec<MessageId> = Vec::new();
    loop {
        let page = Page { before: seen.last().copied(), limit: 2 };
        let rows = store.messages(&tenant("t"), &MessageFilter::default(), &page).await.unwrap();
        assert!(rows.len() <= 2 && rows.iter().all(|row| row.payload.is_empty()));
        if rows.is_empty() {
            break;
        }
        seen.extend(rows.iter().map(|row| row.id));
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5, "no row on two pages");
    let row = store.message(&tenant("t"), seen[0]).await.unwrap().unwrap();
    assert_eq!((&*row.event, &*row.model, &*row.operation, row.created_at), ("room_saved", "room", "create", at(0)));
    assert_eq!(&*row.payload, b"{\"default\":1}");
}

#[tokio::test]
async fn deliveries_come_newest_first_by_filter_and_page() {
    let place = Place::new();
    let store = place.open().await;
    let one = fire(&store, "t", "a", vec![delivery("e"), delivery("f")]).await;
    let refused = NewDelivery { due: Err(Unsendable { why: "no".into(), alarm: None }), ..delivery("e") };
    let two = fire(&store, "t", "b", vec![refused]).await;
    let claimed = store.claim(&lane(&store, "t", "f").await.unwrap(), at(0), at(1000), oldest(9)).await.unwrap();
    store.settle(vec![finished(&claimed[0], Settled::Delivered)]).await.unwrap();

    let all = [two[0], one[1], one[0]];
    assert_eq!(deliveries(&store, &DeliveryFilter::default()).await, all);
    let of = |state| DeliveryFilter { states: vec![state], ..Default::default() };
    assert_eq!(deliveries(&store, &of(DeliveryState::Pending)).await, [one[0]]);
    assert_eq!(deliveries(&store, &of(DeliveryState::Delivered)).await, [one[1]]);
    assert_eq!(deliveries(&store, &of(DeliveryState::Diverted)).await, [two[0]]);
    assert_eq!(deliveries(&store, &DeliveryFilter { endpoint: Some(endpoint("e")), ..Default::default() }).await, [two[0], one[0]]);
    let about = DeliveryFilter { model: Some("asset".into()), object: Some("a".into()), ..Default::default() };
    assert_eq!(deliveries(&store, &about).await, [one[1], one[0]]);
    let of_message = DeliveryFilter { message: Some(claimed[0].message), event: Some("asset_ready".into()), ..Default::default() };
    assert_eq!(deliveries(&store, &of_message).await, [one[1], one[0]]);

    let page = Page { before: Some(all[0]), limit: 1 };
    let rows = store.deliveries(&tenant("t"), &DeliveryFilter::default(), &page).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [all[1]]);
    assert!(rows[0].body.is_empty());
    let row = store.delivery(&tenant("t"), one[0]).await.unwrap().unwrap();
    assert_eq!((&*row.body, &*row.method, row.url.masked().as_str()), (&b"{\"default\":1}"[..], "POST", "https://a.example/x"));
    assert_eq!((&*row.event, &*row.object, row.created_at, row.headers.len()), ("asset_ready", "a", at(0), 1));
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another() {
    let place = Place::new();
    let store = place.open().await;
    let id = fire(&store, "t", "a", vec![delivery("e")]).await[0];
    let message = store.delivery(&tenant("t"), id).await.unwrap().unwrap().message;
    // `u` has saved something, `v` never.
    fire(&store, "u", "b", vec![]).await;
    for other in ["u", "v"] {
        let other = tenant(other);
        assert_eq!(store.object(&other, "asset", "a").await.unwrap(), None);
        assert!(store.message(&other, message).await.unwrap().is_none());
        assert!(store.delivery(&other, id).await.unwrap().is_none());
        assert!(store.attempts(&other, id).await.unwrap().is_none());
        assert!(store.traces(&other, "asset", "a", 9).await.unwrap().is_empty());
        let about = MessageFilter { object: Some("a".into()), ..Default::default() };
        assert!(store.messages(&other, &about, &Page { before: None, limit: 9 }).await.unwrap().is_empty());
        assert!(store.deliveries(&other, &DeliveryFilter::default(), &Page { before: None, limit: 9 }).await.unwrap().is_empty());
    }
    assert_eq!(store.attempts(&tenant("t"), id).await.unwrap().unwrap().len(), 0);
}
