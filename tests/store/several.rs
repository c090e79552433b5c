//! Several nodes on one database: what one makes the others see, a node that is gone is missed, and nothing is half done whatever is cut off.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use webhookc::store::{
    Claimed, Crew, DeliveryFilter, DeliveryState, Effects, NewDelivery, OwnFilter, OwnPage, Page, Settled, Share, Store,
};

use crate::attempt::finished;
use crate::lanes::{due, lane, oldest};
use crate::script::{Place, Script, at, delivery, endpoint, fire, message, put, tenant, vault, write};

const PATIENCE: Duration = Duration::from_secs(30);

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn claim(store: &Store, name: &str, count: usize) -> Vec<Claimed> {
    match lane(store, "t", name).await {
        Some(lane) => {
            // Not over when the node is last heard of.
            let lease_until = Timestamp::now().saturating_add(Duration::from_mins(1)).unwrap();
            store.claim(&lane, at(0), lease_until, oldest(count)).await.unwrap()
        }
        None => Vec::new(),
    }
}

#[tokio::test]
async fn what_one_makes_the_other_is_woken_for_and_each_is_claimed_once() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let mut wake = two.wake();
    wake.borrow_and_update();
    let made: BTreeSet<_> = fire(&one, "t", "a", (0..100).map(|_| delivery("e")).collect()).await.into_iter().collect();
    tokio::time::timeout(PATIENCE, wake.changed()).await.unwrap().unwrap();
    until("due for the other", async || (due(&two, 0).await.0 == [endpoint("e")]).then_some(())).await;
    let claims = join_all((0..10).map(|n| claim(if n % 2 == 0 { &one } else { &two }, "e", 30))).await.concat();
    assert_eq!(claims.iter().map(|claimed| claimed.id).collect::<BTreeSet<_>>(), made);
    assert_eq!(claims.len(), made.len(), "none is claimed twice");
    assert!(one.unsuspend(&tenant("t"), &endpoint("e")).await.is_ok());
    let suspension = webhookc::store::Suspension { at: at(0), why: "enough".into(), alarm: None };
    assert!(two.suspend(&tenant("t"), &endpoint("e"), suspension).await.unwrap());
    fire(&one, "t", "b", vec![delivery("e")]).await;
    assert!(claim(&one, "e", 10).await.is_empty(), "suspended by the other");
}

#[tokio::test]
async fn a_node_that_is_gone_is_missed_and_can_record_nothing() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let id = fire(&one, "t", "a", vec![delivery("e")]).await[0];
    let lost = claim(&one, "e", 1).await.remove(0);
    let crew = async |size| until("the crew", async || (two.crew().size == size && two.crew().rank < size).then_some(())).await;
    crew(2).await;
    assert!(one.holds(lost.node).await && !two.holds(lost.node).await);
    drop(one);
    crew(1).await;
    until("pending", async || {
        let row = two.delivery(&tenant("t"), id).await.unwrap().unwrap();
        (row.state == DeliveryState::Pending).then_some(())
    })
    .await;
    let taken = until("claimed", async || claim(&two, "e", 1).await.pop()).await;
    assert!(taken.id == id && taken.fence > lost.fence);
    assert_eq!(two.settle(vec![finished(&lost, Settled::Delivered)]).await.unwrap(), [false]);
    assert_eq!(two.settle(vec![finished(&taken, Settled::Delivered)]).await.unwrap(), [true]);
}

#[test]
fn the_parts_of_all_nodes_are_the_whole() {
    for size in 1..6 {
        for places in 1..20 {
            for lane in 0..7 {
                let parts = (0..size).map(|rank| Crew { size, rank }.part(webhookc::ids::LaneId(lane), places));
                assert_eq!(parts.sum::<usize>(), places);
            }
        }
    }
    assert_eq!(Crew::NOBODY.part(webhookc::ids::LaneId(3), 9), 0);
}

/// Two nodes save and settle ordered deliveries of few objects at the same time: each is settled, in its order, and none is left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_holds_and_nothing_is_left_behind_whoever_settles_meanwhile() {
    const SAVES: usize = 200;
    let place = Place::new();
    let stores = [place.open().await, place.open().await];
    let saving = stores.clone().map(|store| {
        tokio::spawn(async move {
            for n in 0..SAVES {
                let ordered = NewDelivery { ordered: true, ..delivery("e") };
                fire(&store, "t", &format!("o{}", n % 3), vec![ordered]).await;
            }
        })
    });
    let settling = stores.clone().map(|store| {
        tokio::spawn(async move {
            let (mut order, began) = (Vec::new(), Instant::now());
            loop {
                let claimed = claim(&store, "e", 10).await;
                let attempts = claimed.iter().map(|claimed| finished(claimed, Settled::Delivered)).collect();
                assert!(store.settle(attempts).await.unwrap().into_iter().all(|recorded| recorded));
                order.extend(claimed);
                let sent = store.deliveries(&tenant("t"), &delivered(), &page()).await.unwrap().len();
                if sent == 2 * SAVES {
                    return order;
                }
                assert!(began.elapsed() < PATIENCE, "{sent} of {} were settled", 2 * SAVES);
            }
        })
    });
    for saving in saving {
        saving.await.unwrap();
    }
    for settling in settling {
        settling.await.unwrap();
    }
    // In the order of the attempts' rows each object's sequences only grow.
    let wrong = "SELECT count(*) FROM deliveries WHERE blocked OR state <> 2";
    assert_eq!(place.change(wrong), "0");
}

fn delivered() -> DeliveryFilter {
    DeliveryFilter { states: vec![DeliveryState::Delivered], ..Default::default() }
}

fn page<Id>() -> Page<Id> {
    Page { before: None, limit: 10_000 }
}

/// Every session is ended by the server again and again: what is acknowledged is there once, and what is not is not there half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saves_outlive_lost_connections() {
    let place = Place::new();
    let store = place.open().await;
    let saves = join_all((0..20).map(|client| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0..15 {
                let id = format!("c{client}n{n}");
                let sent = message("asset_ready", "asset", &id, vec![delivery("e")]);
                let effects = webhookc::store::Effects { messages: vec![sent], ..put("asset", &id, "{}") };
                // A script cannot be decided anew, and says so when another save came between.
                if store.save(Script::new("t", vec![write(effects)])).await.is_ok() {
                    acknowledged.push(id);
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            acknowledged
        })
    }));
    let cutting = async {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(40)).await;
            place.change("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        }
    };
    let (saves, ()) = tokio::join!(saves, cutting);
    let acknowledged: BTreeSet<String> = saves.into_iter().flat_map(Result::unwrap).collect();
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let count = |sql: &str| place.change(sql).parse::<usize>().unwrap();
    assert_eq!(count("SELECT count(*) FROM objects"), acknowledged.len(), "what is not acknowledged is not there");
    assert_eq!(count("SELECT count(*) FROM messages"), acknowledged.len());
    assert_eq!(count("SELECT count(DISTINCT sequence) FROM messages"), acknowledged.len());
    assert_eq!(count("SELECT count(*) FROM deliveries"), acknowledged.len());
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_nothing_is_changed() {
    let place = Place::new();
    let store = place.open().await;
    store.key("endpoint/ep_a", || b"secret of the test".to_vec()).await.unwrap();
    assert!(!place.change("SELECT material FROM keys").contains("7365637265742"), "not in the open");
    let error = Store::open_with(&place.url(), vault(8)).await.unwrap_err().to_string();
    assert!(error.contains(&format!("encrypted with the key {}", vault(7).current())) && error.contains("nothing was changed"), "{error}");
    let other = place.open().await;
    assert_eq!(other.key("endpoint/ep_a", Vec::new).await.unwrap(), b"secret of the test");
    let mut elsewhere = other.elsewhere();
    elsewhere.borrow_and_update();
    store.rotate_key("endpoint/ep_a", vec![1], at(10)).await.unwrap();
    tokio::time::timeout(PATIENCE, elsewhere.changed()).await.expect("the other is told").unwrap();
}

/// However many lists take long at once, they leave connections to what cannot wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_lists_do_not_hold_up_claims() {
    const LISTS: usize = 8;
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", vec![delivery("e")]).await;
    let count = |of: &str| place.change(&format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {of}"));
    let (claimed, is_locked) = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let holder = scope.spawn(|| place.change("BEGIN; LOCK TABLE own_endpoints; SELECT pg_sleep(8); COMMIT"));
            while count("wait_event = 'PgSleep'") == "0" && !holder.is_finished() {
                std::thread::sleep(Duration::from_millis(20));
            }
            let lists: Vec<_> = (0..LISTS)
                .map(|_| {
                    let store = store.clone();
                    let page = OwnPage { after: 0, offset: 0, limit: 10 };
                    tokio::spawn(async move { store.own_endpoints(&tenant("t"), &OwnFilter::default(), page).await })
                })
                .collect();
            while count("wait_event_type = 'Lock'").parse::<usize>().unwrap() < 3 && !holder.is_finished() {
                std::thread::sleep(Duration::from_millis(20));
            }
            // All that may begin have done so.
            std::thread::sleep(Duration::from_millis(500));
            let claimed = tokio::runtime::Handle::current().block_on(claim(&store, "e", 1));
            let is_locked = !holder.is_finished();
            holder.join().unwrap();
            for list in lists {
                assert!(tokio::runtime::Handle::current().block_on(list).unwrap().unwrap().is_empty());
            }
            (claimed.len(), is_locked)
        })
    });
    assert_eq!((claimed, is_locked), (1, true), "claimed while the lists waited");
}

/// What is due is found by the index of what is due, also while the server has not yet counted its tables and another index of lanes is the lower
/// one, as after many claims.
#[tokio::test]
async fn a_queue_that_was_just_made_is_not_read_to_claim_some_of_it() {
    const QUEUED: usize = 4_000;
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", (0..QUEUED).map(|_| delivery("e")).collect()).await;
    store.close().await;
    place.change("ALTER INDEX deliveries_due SET (fillfactor = 10); REINDEX INDEX deliveries_due");
    let store = place.open().await;
    let of = lane(&store, "t", "e").await.unwrap();
    // More than the server plans anew.
    for _ in 0..8 {
        let claimed = store.claim(&of, at(0), at(1000), Share { oldest: 10, newest: 10 }).await.unwrap();
        assert_eq!(claimed.len(), 20);
    }
    store.close().await;
    // What a session has read is counted by then.
    place.wait_for_the_end().await;
    let read = |index: &str| {
        let sql = format!("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = '{index}'");
        place.change(&sql).parse::<usize>().unwrap()
    };
    assert_eq!(read("deliveries_endpoint"), 0, "nothing is sorted by when it is due");
    assert!(read("deliveries_due") < QUEUED, "{}", read("deliveries_due"));
}

/// The newest deliveries of a tenant are found from their messages, in their order, and not among all that it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_deliveries_reads_what_it_shows() {
    const MESSAGES: i64 = 3_000;
    let place = Place::new();
    let store = place.open().await;
    join_all((0..MESSAGES).map(|n| {
        let object = format!("a{n}");
        let messages = vec![message("asset_ready", "asset", &object, vec![delivery("e")])];
        store.save(Script::new("t", vec![write(Effects { at: at(n), messages, ..put("asset", &object, "{}") })]))
    }))
    .await
    .into_iter()
    .for_each(|saved| drop(saved.unwrap()));
    store.close().await;
    place.change("ANALYZE deliveries, messages");
    let store = place.open().await;
    place.change("SELECT pg_stat_reset()");
    let page = Page { before: None, limit: 50 };
    let listed = store.deliveries(&tenant("t"), &DeliveryFilter::default(), &page).await.unwrap();
    assert_eq!(listed.len(), 50);
    store.close().await;
    place.wait_for_the_end().await;
    let read = place.change("SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_user_tables WHERE relname = 'messages'");
    assert!(read.parse::<i64>().unwrap() < MESSAGES / 10, "{read} messages were read");
}

/// Statements for each delivered message, when there are many: at most three. Each row is found by its key, also while the server has not yet
/// counted its tables: what is read for a message does not grow with their number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_statements_and_pages_are_needed_for_a_message() {
    const MESSAGES: usize = 4_000;
    const PAGES: usize = 90;
    let place = Place::new();
    place.change("CREATE EXTENSION pg_stat_statements");
    let store = place.open().await;
    fire(&store, "t", "first", vec![delivery("e")]).await;
    let used = || {
        let of_database = "FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()";
        let number = |what: &str| place.change(&format!("SELECT coalesce(sum({what}), 0) {of_database}")).parse::<usize>().unwrap();
        (number("calls"), number("shared_blks_hit + shared_blks_read"))
    };
    let before = used();
    join_all((0..MESSAGES).map(|n| {
        let store = &store;
        async move { fire(store, "t", &format!("a{n}"), vec![delivery("e")]).await }
    }))
    .await;
    let mut sent = 0;
    while sent < MESSAGES {
        let claimed = claim(&store, "e", 100).await;
        sent += claimed.len();
        let attempts = claimed.iter().map(|claimed| finished(claimed, Settled::Delivered)).collect();
        assert!(store.settle(attempts).await.unwrap().into_iter().all(|recorded| recorded));
    }
    let after = used();
    let (statements, pages) = (after.0 - before.0, (after.1 - before.1) / MESSAGES);
    println!("{statements} statements for {MESSAGES} messages, {pages} pages for each");
    assert!(statements <= 3 * MESSAGES, "{statements} statements for {MESSAGES} messages");
    assert!(pages <= PAGES, "{pages} pages for each message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_another_node_has_the_tenant_in_hand_is_written_together() {
    let place = std::sync::Arc::new(Place::new());
    let store = place.open().await;
    let save = |tenant: &'static str, id: &'static str| {
        let store = store.clone();
        tokio::spawn(async move { store.save(Script::new(tenant, vec![write(put("asset", id, "{}"))])).await.map(drop) })
    };
    save("t", "first").await.unwrap().unwrap();
    save("u", "first").await.unwrap().unwrap();
    place.change("CREATE TABLE public.enough ()");
    let other = std::sync::Arc::clone(&place);
    let in_hand = std::thread::spawn(move || {
        other.change(
            "BEGIN; SELECT FROM tenants WHERE name = 't' FOR UPDATE;
            DO 'BEGIN LOOP EXIT WHEN EXISTS (SELECT FROM public.enough); PERFORM pg_sleep(0.01); END LOOP; END'; COMMIT",
        )
    });
    let waits = async |event: &str| {
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = '{event}'");
        until(event, async || (place.change(&sql) == "1").then_some(())).await;
    };
    waits("PgSleep").await;
    let mut saves = vec![save("t", "a")];
    waits("transactionid").await;
    saves.extend([save("u", "b"), save("t", "c"), save("t", "d"), save("u", "e")]);
    // Until they are queued.
    tokio::time::sleep(Duration::from_millis(500)).await;
    place.change("INSERT INTO public.enough DEFAULT VALUES");
    in_hand.join().unwrap();
    for saved in join_all(saves).await {
        saved.unwrap().unwrap();
    }
    let by_transaction = "SELECT string_agg(ids, ' ' ORDER BY ids) FROM (SELECT string_agg(id, '' ORDER BY id) AS ids
        FROM objects WHERE id <> 'first' GROUP BY xmin::text) t";
    assert_eq!(place.change(by_transaction), "acd be");
}
