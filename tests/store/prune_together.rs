//! Two nodes remove what is old at the same time, while saves and deliveries go on: each thing is removed once, nothing that is still needed is,
//! and no transaction removes much, so that whoever waits for one does not wait long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use webhookc::retention::{Pace, sweep};
use webhookc::store::{Cutoffs, NewDelivery, Settled, Store, examine};

use crate::attempt::{end_all, finished};
use crate::lanes::{lane, oldest};
use crate::script::{Place, at, delivery, fire};

/// Saves before, whose deliveries are delivered, and saves of each kind meanwhile.
const OLD: usize = 1_500;
const MEANWHILE: usize = 150;
/// Rows of a table that one transaction may remove: what `prune` says, and for attempts as many as these had, which is one each.
const MOST: i64 = 100;

/// Counts the rows that each statement removes from a table, by transaction.
fn watch(place: &Place) {
    let made = "CREATE TABLE public.removed (place text, transaction text, rows bigint);
        CREATE FUNCTION public.removes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO public.removed SELECT TG_TABLE_NAME, pg_current_xact_id()::text, count(*) FROM gone;
            RETURN NULL;
        END $$";
    place.change(made);
    for table in ["deliveries", "attempts", "bodies", "messages", "traces", "decision_tables"] {
        let trigger = format!(
            "CREATE TRIGGER removes AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.removes()"
        );
        place.change(&trigger);
    }
}

fn ordered(endpoint: &str) -> NewDelivery {
    NewDelivery { ordered: true, ..delivery(endpoint) }
}

/// Settles what is due at an endpoint until it is told to stop and nothing is left.
async fn settle(store: Store, stop: Arc<AtomicBool>) {
    loop {
        let is_last = stop.load(Ordering::SeqCst);
        let claimed = match lane(&store, "t", "now").await {
            Some(lane) => store.claim(&lane, at(0), at(60_000), oldest(50)).await.unwrap(),
            None => Vec::new(),
        };
        let is_empty = claimed.is_empty();
        let attempts = claimed.iter().map(|claimed| finished(claimed, Settled::Delivered)).collect();
        assert!(store.settle(attempts).await.unwrap().into_iter().all(|recorded| recorded));
        if is_empty && is_last {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_prune_at_once_while_saves_and_deliveries_go_on() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    for number in 0..OLD {
        // Some are kept, because a delivery of theirs is not settled.
        let mut deliveries = vec![delivery("old")];
        if number % 50 == 0 {
            deliveries.push(ordered("waits"));
        }
        fire(&one, "t", &format!("old{number}"), deliveries).await;
    }
    while place.change("SELECT count(*) FROM deliveries d JOIN endpoints e ON e.row = d.endpoint WHERE e.name = 'old' AND d.state < 2")
        != "0"
    {
        end_all(&one, "old", Settled::Delivered).await;
    }
    let kept = place.change("SELECT count(*) FROM deliveries WHERE state < 2");
    watch(&place);
    let later = Some(at(1_000_000));
    let cutoffs =
        Cutoffs { delivered: later, diverted: later, failed: later, messages: later, traces: later, retired_keys: later, audit: later };
    let stop = Arc::new(AtomicBool::new(false));
    let settling = tokio::spawn(settle(two.clone(), Arc::clone(&stop)));
    let saving = {
        let one = one.clone();
        tokio::spawn(async move {
            for number in 0..MEANWHILE {
                fire(&one, "t", &format!("new{number}"), vec![delivery("now"), delivery("waits")]).await;
            }
        })
    };
    let (first, second) = tokio::join!(sweep(&one, &cutoffs, Pace::Full), sweep(&two, &cutoffs, Pace::Full));
    saving.await.unwrap();
    stop.store(true, Ordering::SeqCst);
    settling.await.unwrap();
    let mut removed = first.unwrap();
    removed += second.unwrap();

    let count = |sql: &str| place.change(sql).parse::<usize>().unwrap();
    let left = count("SELECT count(*) FROM deliveries WHERE state = 2");
    assert_eq!(usize::try_from(removed.delivered).unwrap() + left, OLD + MEANWHILE, "each is removed once, or is there");
    assert!(removed.delivered >= OLD as u64, "{removed:?}");
    let waiting = kept.parse::<usize>().unwrap() + MEANWHILE;
    assert_eq!(count("SELECT count(*) FROM deliveries WHERE state < 2"), waiting, "what is not settled is there");
    let without =
        "SELECT count(*) FROM deliveries d WHERE NOT EXISTS (SELECT FROM messages m WHERE m.tenant = d.tenant AND m.row = d.row >> 20)";
    assert_eq!(count(without), 0, "with its message");
    assert_eq!(count("SELECT count(*) FROM objects"), OLD + MEANWHILE, "objects stay");
    assert_eq!(count("SELECT count(*) FROM attempts"), left, "attempts go with their deliveries");
    assert_eq!(examine(&place.url(), at(0)).await.unwrap(), []);

    let most = "SELECT place || ' ' || max(rows) FROM (SELECT place, sum(rows) AS rows FROM public.removed GROUP BY place, transaction) t
        GROUP BY place HAVING max(rows) > 0 ORDER BY 1";
    let most = place.change(most);
    println!("{removed:?}, at most in one transaction: {most:?}");
    for line in most.lines() {
        let rows: i64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(rows <= MOST, "{line} rows are removed in one transaction");
    }
    assert!(most.lines().count() >= 4, "{most}");
}
