//! Lists: filters, pages, and that no tenant sees another's.

use uuid::Uuid;
use webhookc::ids::{DeliveryId, MessageId};
use webhookc::retention::{Pace, sweep};
use webhookc::store::{DeliveryFilter, DeliveryState, Effects, MessageFilter, NewDelivery, NewMessage, Page, Settled, Store, Unsendable};

use crate::attempt::{end_all, finished};
use crate::lanes::{lane, oldest};
use crate::prune::everything;
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

/// Saves an object at a time, with a message whose id begins with it, as ids do; its delivery to an endpoint.
async fn fire_at(store: &Store, milliseconds: i64, object: &str, to: &str) -> DeliveryId {
    let made = u128::from(at(milliseconds).as_millisecond().unsigned_abs()) << 80;
    let plain = message("asset_ready", "asset", object, vec![delivery(to)]);
    let message = NewMessage { id: MessageId::new(Uuid::from_u128(made | (plain.id.0.as_u128() >> 24))), ..plain };
    let id = DeliveryId::of(message.id, 0);
    let effects = Effects { at: at(milliseconds), messages: vec![message], ..put("asset", object, "{}") };
    store.save(Script::new("t", vec![write(effects)])).await.unwrap();
    id
}

/// Retention may remove what a cursor names between two pages.
#[tokio::test]
async fn a_list_goes_on_from_the_time_of_a_cursor_that_is_not_there_any_more() {
    let place = Place::new();
    let store = place.open().await;
    let a = fire_at(&store, 10, "a", "later").await;
    let b = fire_at(&store, 20, "b", "later").await;
    let gone = fire_at(&store, 20, "gone", "good").await;
    let c = fire_at(&store, 20, "c", "later").await;
    let d = fire_at(&store, 30, "d", "later").await;
    end_all(&store, "good", Settled::Delivered).await;
    sweep(&store, &everything(), Pace::Full).await.unwrap();
    assert!(store.message(&tenant("t"), gone.message()).await.unwrap().is_none(), "it is not there any more");
    assert_eq!(messages(&store, &MessageFilter::default()).await, ["d", "c", "b", "a"]);

    // Nothing older is left out; what was made in the same millisecond comes with it, since its place among that is not known any more.
    let (mut before, mut seen) = (gone, Vec::new());
    loop {
        let page = Page { before: Some(before.message()), limit: 1 };
        let messages = store.messages(&tenant("t"), &MessageFilter::default(), &page).await.unwrap();
        for filter in [DeliveryFilter::default(), DeliveryFilter { endpoint: Some(endpoint("later")), ..Default::default() }] {
            let page = Page { before: Some(before), limit: 1 };
            let deliveries = store.deliveries(&tenant("t"), &filter, &page).await.unwrap();
            let [of_messages, of_deliveries] =
                [messages.iter().map(|row| row.id).collect::<Vec<_>>(), deliveries.iter().map(|row| row.message).collect()];
            assert_eq!(of_messages, of_deliveries, "{filter:?}");
        }
        let Some(row) = messages.first() else { break };
        before = DeliveryId::of(row.id, 0);
        seen.push(before);
    }
    assert_eq!(seen, [c, b, a]);
    let counted = async |after| store.count_deliveries(&tenant("t"), &DeliveryFilter::default(), Some(after)).await.unwrap();
    assert_eq!((counted(gone).await, counted(d).await), (3, 0), "what is sent again behind it does not begin with the oldest");
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
