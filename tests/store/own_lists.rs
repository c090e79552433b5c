//! Lists of the endpoints that tenants have made: whatever is asked for, and however often they were changed, suspended and deleted, they
//! are those that a plain look at each of them finds.

use proptest::prelude::*;
use webhookc::store::{Over, OwnEndpoint, OwnFilter, OwnPage, Placed, Store, Suspension};

use crate::script::{Backend, Place, at, endpoint, tenant};

const NAMES: [&str; 2] = ["a", "b"];
const EVENTS: [&str; 3] = ["ready", "changed", "*"];
const DIALECTS: [Option<(&str, &str)>; 3] = [None, Some(("one", "k")), Some(("one", "l"))];

/// What happens to one of eight endpoints of two tenants.
#[derive(Clone, Debug)]
enum Step {
    Put { name: usize, enabled: bool, events: Vec<usize>, dialect: usize },
    Suspend,
    Unsuspend,
    Delete,
}

/// An endpoint as it should be kept.
#[derive(Clone, Debug)]
struct Known {
    id: String,
    endpoint: OwnEndpoint,
    suspended: bool,
}

fn step() -> impl Strategy<Value = (usize, bool, Step)> {
    let put = (0..NAMES.len(), any::<bool>(), prop::collection::vec(0..EVENTS.len(), 1..3), 0..DIALECTS.len())
        .prop_map(|(name, enabled, events, dialect)| Step::Put { name, enabled, events, dialect });
    let step = prop_oneof![4 => put, 2 => Just(Step::Suspend), 1 => Just(Step::Unsuspend), 1 => Just(Step::Delete)];
    (0..8_usize, any::<bool>(), step)
}

fn filter() -> impl Strategy<Value = (OwnFilter, usize, usize)> {
    let flag = || prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let name = prop_oneof![3 => Just(None), 1 => (0..NAMES.len()).prop_map(|name| Some(NAMES[name].to_owned()))];
    let dialect = prop_oneof![3 => Just(None), 1 => (0..DIALECTS.len()).prop_map(|index| DIALECTS[index])];
    let events = prop::collection::vec((0..EVENTS.len()).prop_map(|event| EVENTS[event].to_owned()), 0..3);
    (name, (flag(), flag(), flag()), events, dialect, any::<bool>(), (0..3_usize, 1..9_usize)).prop_map(
        |(name, (enabled, suspended, active), event_types, dialect, with_key, (offset, limit))| {
            let dialect_key = dialect.filter(|_| with_key).map(|(_, key)| key.to_owned());
            let dialect = dialect.map(|(name, _)| name.to_owned());
            (OwnFilter { name, enabled, suspended, active, event_types, dialect, dialect_key }, offset, limit)
        },
    )
}

fn passes(known: &Known, filter: &OwnFilter) -> bool {
    let (endpoint, suspended) = (&known.endpoint, known.suspended);
    let (dialect, key) = endpoint.dialect.clone().unzip();
    let takes = |event: &String| endpoint.events.iter().any(|known| **known == **event || &**known == "*");
    filter.name.as_ref().is_none_or(|name| *name == endpoint.name)
        && filter.enabled.is_none_or(|wanted| wanted == endpoint.enabled)
        && filter.suspended.is_none_or(|wanted| wanted == suspended)
        && filter.active.is_none_or(|wanted| wanted == (endpoint.enabled && !suspended))
        && (filter.event_types.is_empty() || filter.event_types.iter().any(takes))
        && filter.dialect.as_ref().is_none_or(|wanted| dialect.as_ref() == Some(wanted))
        && filter.dialect_key.as_ref().is_none_or(|wanted| key.as_ref() == Some(wanted))
}

/// An endpoint with nothing to say.
fn plain(id: &str, most: usize) -> OwnEndpoint {
    OwnEndpoint {
        id: endpoint(id),
        name: id.to_owned(),
        enabled: true,
        events: vec!["*".into()],
        dialect: None,
        definition: "{}".to_owned(),
        at: at(0),
        over: Over::Nothing,
        most,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_made_at_once_no_more_get_in_than_there_is_room() {
    let place = Place::new();
    let mut stores = vec![place.open().await];
    if crate::BACKEND == Backend::Postgres {
        stores.push(place.open().await);
    }
    let makings = (0..24_usize).map(|number| {
        let store = stores[number % stores.len()].clone();
        tokio::spawn(async move { store.put_own_endpoint(&tenant("t"), plain(&format!("ep_{number}"), 5)).await.unwrap() })
    });
    let mut kept = 0;
    for making in makings.collect::<Vec<_>>() {
        let placed = making.await.unwrap();
        assert!(matches!(placed, Placed::Kept | Placed::Full), "{placed:?}");
        kept += usize::from(placed == Placed::Kept);
    }
    assert_eq!(kept, 5);
    let all = page(&stores[0], "t", &OwnFilter::default(), OwnPage { after: 0, offset: 0, limit: 100 }).await;
    assert_eq!(all.len(), 5);
    let first = &all[0].1;
    let put = async |of: &str, endpoint: OwnEndpoint| stores[0].put_own_endpoint(&tenant(of), endpoint).await.unwrap();
    let changed = OwnEndpoint { over: Over::AsOf(at(0)), ..plain(first, 5) };
    assert_eq!(put("t", changed).await, Placed::Kept, "one that is there can be changed");
    assert_eq!(put("u", plain("ep_u", 5)).await, Placed::Kept, "and another tenant has a room of its own");
    assert_eq!(put("t", plain("ep_more", 5)).await, Placed::Full);
    assert!(stores[0].delete_own_endpoint(&tenant("t"), &endpoint(first), at(1)).await.unwrap());
    assert_eq!(put("t", plain("ep_more", 5)).await, Placed::Kept);
    for store in stores {
        store.close().await;
    }
}

/// Of those that want the same place at once one gets it, on whatever node; and a change is made of what was looked at, or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_one_place_one_gets_it() {
    let place = Place::new();
    let mut stores = vec![place.open().await];
    if crate::BACKEND == Backend::Postgres {
        stores.push(place.open().await);
    }
    let all = async |puts: Vec<OwnEndpoint>| {
        let each = puts.into_iter().zip(stores.iter().cycle().cloned());
        let each = each.map(|(put, store)| tokio::spawn(async move { store.put_own_endpoint(&tenant("t"), put).await.unwrap() }));
        let mut placed = Vec::new();
        for put in each.collect::<Vec<_>>() {
            placed.push(put.await.unwrap());
        }
        placed.sort_by_key(|placed| *placed != Placed::Kept);
        placed
    };
    let rest = |one: Placed, rest: Placed| std::iter::once(one).chain(vec![rest; 11]).collect::<Vec<_>>();
    let alone = |id: String, key: &str| {
        let dialect = Some(("one".to_owned(), key.to_owned()));
        OwnEndpoint { over: Over::NothingAlike, dialect, ..plain(&id, 100) }
    };
    let alike = (0..12).map(|number| alone(format!("ep_{number}"), "k")).collect();
    assert_eq!(all(alike).await, rest(Placed::Kept, Placed::Taken));
    assert_eq!(all(vec![alone("ep_other".to_owned(), "l")]).await, [Placed::Kept], "found by something else");
    assert_eq!(all(vec![plain("ep_same", 100); 12]).await, rest(Placed::Kept, Placed::Taken));
    let mut seen = stores[0].own_endpoint(&tenant("t"), &endpoint("ep_same")).await.unwrap().unwrap().updated_at;
    for _ in 0..3 {
        let changes = (0..12).map(|number| OwnEndpoint { name: number.to_string(), over: Over::AsOf(seen), ..plain("ep_same", 100) });
        assert_eq!(all(changes.collect()).await, rest(Placed::Kept, Placed::Changed));
        let now = stores[0].own_endpoint(&tenant("t"), &endpoint("ep_same")).await.unwrap().unwrap().updated_at;
        assert!(now > seen, "the clock stands still, and yet it is a later time");
        seen = now;
    }
    assert!(stores[0].delete_own_endpoint(&tenant("t"), &endpoint("ep_same"), at(1)).await.unwrap());
    let late = OwnEndpoint { over: Over::AsOf(seen), ..plain("ep_same", 100) };
    assert_eq!(all(vec![late]).await, [Placed::Changed], "what was deleted does not come back");
    for store in stores {
        store.close().await;
    }
}

async fn perform(store: &Store, known: &mut Vec<Known>, of: &str, id: &str, step: Step) {
    let (scope, place) = (tenant(of), known.iter().position(|known| known.id == id));
    match (step, place) {
        (Step::Put { name, enabled, events, dialect }, place) => {
            let seen = store.own_endpoint(&scope, &endpoint(id)).await.unwrap();
            let endpoint = OwnEndpoint {
                over: seen.map_or(Over::Nothing, |row| Over::AsOf(row.updated_at)),
                name: NAMES[name].to_owned(),
                enabled,
                events: events.iter().map(|event| EVENTS[*event].into()).collect(),
                dialect: DIALECTS[dialect].map(|(name, key)| (name.to_owned(), key.to_owned())),
                ..plain(id, 100)
            };
            assert_eq!(store.put_own_endpoint(&scope, endpoint.clone()).await.unwrap(), Placed::Kept);
            if let Some(place) = place {
                known[place].endpoint = endpoint;
                return;
            }
            // Its lane was not deleted with it, and neither was what had suspended it.
            let states = store.suspended(&scope).await.unwrap();
            let suspended = states.iter().any(|state| state.endpoint == endpoint.id);
            known.push(Known { id: id.to_owned(), endpoint, suspended });
        }
        (Step::Suspend, Some(place)) => {
            let suspension = Suspension { at: at(1), why: "no".into(), alarm: None };
            store.suspend(&scope, &endpoint(id), suspension).await.unwrap();
            known[place].suspended = true;
        }
        (Step::Unsuspend, Some(place)) => {
            store.unsuspend(&scope, &endpoint(id)).await.unwrap();
            known[place].suspended = false;
        }
        (Step::Delete, Some(place)) => {
            assert!(store.delete_own_endpoint(&scope, &endpoint(id), at(2)).await.unwrap());
            known.remove(place);
        }
        (Step::Suspend | Step::Unsuspend | Step::Delete, None) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_is_what_a_look_at_each_endpoint_finds(
        steps in prop::collection::vec(step(), 1..40), filters in prop::collection::vec(filter(), 40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let store = place.open().await;
            let mut known = [Vec::new(), Vec::new()];
            for (id, second, step) in steps {
                let of = if second { "u" } else { "t" };
                perform(&store, &mut known[usize::from(second)], of, &format!("ep_{of}{id}"), step).await;
            }
            for (of, known) in ["t", "u"].into_iter().zip(&known) {
                for (filter, offset, limit) in &filters {
                    let expected: Vec<&Known> = known.iter().filter(|known| passes(known, filter)).collect();
                    let all = page(&store, of, filter, OwnPage { after: 0, offset: 0, limit: 100 }).await;
                    assert_eq!(names(&all), expected.iter().map(|known| known.id.clone()).collect::<Vec<_>>(), "{filter:?}");
                    let part = page(&store, of, filter, OwnPage { after: 0, offset: *offset, limit: *limit }).await;
                    assert_eq!(part, all.iter().skip(*offset).take(*limit).cloned().collect::<Vec<_>>(), "{filter:?}");
                    if let Some((after, _)) = all.get(*offset) {
                        let rest = page(&store, of, filter, OwnPage { after: *after, offset: 0, limit: 100 }).await;
                        assert_eq!(rest, all[offset + 1..], "{filter:?}");
                    }
                }
            }
            store.close().await;
        });
    }
}

fn names(rows: &[(i64, String)]) -> Vec<String> {
    rows.iter().map(|(_, id)| id.clone()).collect()
}

async fn page(store: &Store, of: &str, filter: &OwnFilter, page: OwnPage) -> Vec<(i64, String)> {
    let rows = store.own_endpoints(&tenant(of), filter, page).await.unwrap();
    rows.into_iter().map(|row| (row.row, row.id.to_string())).collect()
}
