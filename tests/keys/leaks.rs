//! No tenant sees anything of another: random keys, tenants and calls against a node in which each tenant's things carry its mark. What must
//! come of each call is known beforehand: 401, 404, 403 or let in; and no answer holds the mark of a tenant that the key has no right to.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use webhookc::access::{Group, Permission, Permissions, Verb};
use webhookc::server::KeychainOptions;
use webhookc::time::{Entropy, SeededEntropy};

use crate::world::{World, of};

/// Calls, unless `LEAK_CASES` says otherwise.
const CASES: u32 = 100_000;
const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

/// What each of a tenant's things is known by.
fn mark(tenant: usize) -> String {
    format!("mark-of-{}", TENANTS[tenant])
}

/// A key and what it may do.
struct Held {
    token: String,
    /// `None`: all.
    tenant: Option<usize>,
    may: Permissions,
}

/// Ids of one tenant's things.
#[derive(Default)]
struct Things {
    message: String,
    delivery: String,
    key: String,
}

/// A call: method, path below the tenant, what it needs.
fn calls(of: &Things) -> Vec<(&'static str, String, Permission)> {
    let need = |group, verb| Permission { group, verb };
    let (objects, webhooks, deliveries, keys) = (Group::Objects, Group::Webhooks, Group::Deliveries, Group::Keys);
    let Things { message, delivery, key } = of;
    vec![
        ("GET", "/objects/asset/1".to_owned(), need(objects, Verb::Read)),
        ("GET", "/explain/asset/1".to_owned(), need(objects, Verb::Read)),
        ("GET", "/webhooks".to_owned(), need(webhooks, Verb::List)),
        ("GET", "/webhooks/asset_ready".to_owned(), need(webhooks, Verb::Read)),
        ("GET", "/endpoints".to_owned(), need(webhooks, Verb::List)),
        ("GET", "/endpoints/ep_erp".to_owned(), need(webhooks, Verb::Read)),
        ("GET", "/messages".to_owned(), need(deliveries, Verb::List)),
        ("GET", format!("/messages?cursor={message}"), need(deliveries, Verb::List)),
        ("GET", format!("/messages/{message}"), need(deliveries, Verb::Read)),
        ("GET", "/deliveries".to_owned(), need(deliveries, Verb::List)),
        ("GET", format!("/deliveries?message={message}"), need(deliveries, Verb::List)),
        ("GET", format!("/deliveries?cursor={delivery}"), need(deliveries, Verb::List)),
        ("GET", format!("/deliveries/{delivery}"), need(deliveries, Verb::Read)),
        ("GET", format!("/deliveries/{delivery}/attempts"), need(deliveries, Verb::Read)),
        ("GET", "/keys".to_owned(), need(keys, Verb::List)),
        ("GET", format!("/keys?cursor={key}"), need(keys, Verb::List)),
        ("GET", format!("/keys/{key}"), need(keys, Verb::Read)),
        ("GET", "/audit".to_owned(), need(keys, Verb::Read)),
    ]
}

/// Calls that change something: rarer, because each is a commit.
fn changes(of: &Things) -> Vec<(&'static str, String, Permission)> {
    let need = |group, verb| Permission { group, verb };
    vec![
        ("PATCH", "/objects/asset/1".to_owned(), need(Group::Objects, Verb::Write)),
        ("POST", "/endpoints/ep_erp/suspend".to_owned(), need(Group::Webhooks, Verb::Write)),
        ("POST", "/endpoints/ep_erp/unsuspend".to_owned(), need(Group::Webhooks, Verb::Write)),
        ("POST", format!("/deliveries/{}/resend", of.delivery), need(Group::Deliveries, Verb::Resend)),
        ("DELETE", format!("/keys/{}", of.key), need(Group::Keys, Verb::Write)),
    ]
}

struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, count: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize % count
    }

    fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

async fn fill(world: &World, admin: &str, tenant: usize) -> Things {
    let (name, mark) = (TENANTS[tenant], mark(tenant));
    let fields = json!({"name": mark, "asset_photo": {"id": format!("{mark}-photo"), "state": "uploaded"}, "user_id": mark});
    assert_eq!(world.call(Some(admin), "PUT", &of(name, "/objects/asset/1"), &fields.to_string()).await.status, 201);
    let first = |list: &Value| list["data"][0]["id"].as_str().unwrap().to_owned();
    let message = first(&world.call(Some(admin), "GET", &of(name, "/messages"), "").await.body);
    let delivery = first(&world.call(Some(admin), "GET", &of(name, "/deliveries"), "").await.body);
    let (_, key) = world.make(Some(admin), &of(name, "/keys"), &json!({"permissions": "webhooks:read", "name": mark})).await;
    assert_eq!(world.call(Some(admin), "POST", &of(name, &format!("/endpoints/ep_erp/suspend?why={mark}")), "").await.status, 200);
    Things { message, delivery, key }
}

async fn keys(world: &World, admin: &str, dice: &Dice) -> Vec<Held> {
    let all: Vec<Permission> = Permissions::all().iter().filter(|permission| permission.group != Group::Node).collect();
    let mut held = vec![Held { token: admin.to_owned(), tenant: None, may: Permissions::all() }];
    for n in 0..24 {
        let tenant = n % TENANTS.len();
        let some: Permissions = all.iter().filter(|_| n < 3 || dice.below(2) == 0).copied().collect();
        let some = if some.is_empty() { all.iter().take(1).copied().collect() } else { some };
        let wish = json!({"permissions": some.to_string(), "name": mark(tenant)});
        let (token, _) = world.make(Some(admin), &of(TENANTS[tenant], "/keys"), &wish).await;
        held.push(Held { token, tenant: Some(tenant), may: some });
    }
    held
}

#[tokio::test]
async fn no_tenant_sees_anything_of_another() {
    let cases = std::env::var("LEAK_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let dice = Dice(SeededEntropy::new(20_261_126));
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
    let mut things = Vec::new();
    for tenant in 0..TENANTS.len() {
        things.push(fill(&world, &admin, tenant).await);
    }
    let held = keys(&world, &admin, &dice).await;
    let mut seen = [0_u32; 4];
    for case in 0..cases {
        let (key, named, whose) = (dice.pick(&held), dice.below(TENANTS.len()), dice.below(TENANTS.len()));
        // Ids of any tenant below the path of any tenant.
        let (method, path, needs) =
            if dice.below(100) == 0 { dice.pick(&changes(&things[whose])).clone() } else { dice.pick(&calls(&things[whose])).clone() };
        let broken = dice.below(20) == 0;
        let token = if broken { key.token.replace(['0', '1', '2'], "3") } else { key.token.clone() };
        let request = Request::builder().method(method).uri(of(TENANTS[named], &path)).header("host", "localhost");
        let request =
            request.header("authorization", format!("Bearer {token}")).body(Body::from(if method == "PATCH" { "{}" } else { "" }));
        let answer = world.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let text = String::from_utf8(to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
        let about = format!("case {case}: {method} {} {path} with a key of {:?}: {status} {text}", TENANTS[named], key.tenant);
        let is_own = key.tenant.is_none_or(|own| own == named);
        let expected = match (token == key.token, is_own, key.may.contains(needs)) {
            (false, _, _) => 401,
            (true, false, _) => 404,
            (true, true, false) => 403,
            (true, true, true) => 0,
        };
        if expected == 0 {
            assert!(!matches!(status, 401 | 403), "{about}");
            // What is another's is not there, not even for a key of all tenants below another's path.
            let by_id = path.contains("/dlv_") || path.contains("/msg_") || path.contains("/key_");
            assert!(!by_id || (status == 404) == (whose != named), "{about}");
            for other in (0..TENANTS.len()).filter(|other| *other != named) {
                assert!(!text.contains(&mark(other)), "{about}");
            }
            seen[3] += 1;
        } else {
            assert_eq!(status, expected, "{about}");
            assert!(!text.contains("mark-of-"), "{about}");
            seen[match expected {
                401 => 0,
                403 => 1,
                _ => 2,
            }] += 1;
        }
    }
    assert!(cases < 1_000 || seen.iter().all(|count| *count > cases / 50), "{seen:?}");
}
