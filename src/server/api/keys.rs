//! `T/keys` and `/-/keys`: keys of one tenant, or of all and of the node; made, looked at, taken back. `T/links` makes links. What a key may
//! do it cannot do to itself: nobody gives away a permission that it does not have.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as schema};

use crate::access::{Caller, Key, KeyId, KeyOrder, Kind, OrderError, Permissions, Token, may};
use crate::ids::Tenant;
use crate::server::access::{Allowed, OfNode};
use crate::server::confidential::never_stored;
use crate::server::openapi::{Operation, object};
use crate::server::request::{List, Names, Nothing, Parameters, Part, json, parsed, wish};
use crate::server::{App, Problem, Running};
use crate::store::Whose;

/// What may be asked of a new key.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// What it is for.
    name: Option<String>,
    /// `["webhooks:read", …]`, or one text with commas.
    permissions: Option<Words>,
    /// How long it is of use: `90d`; without end when it is left out.
    expires: Option<String>,
    /// Calls that it may make: `100/s`.
    rate_limit: Option<String>,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one text, or a list of texts")]
enum Words {
    One(String),
    Many(Vec<String>),
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Key")]
struct KeyView {
    #[schemars(with = "String")]
    id: KeyId,
    kind: &'static str,
    /// Null: all tenants, and the node.
    tenant: Option<Tenant>,
    name: String,
    #[schemars(with = "Vec<String>")]
    permissions: Permissions,
    rate_limit: Option<String>,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    #[schemars(with = "Option<String>")]
    made_by: Option<KeyId>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewKey")]
struct NewKey {
    /// Shown here and nowhere else.
    key: String,
    #[serde(flatten)]
    view: KeyView,
}

pub(in crate::server) async fn make(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::Write>,
    caller: Caller,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    Order { kind: Kind::Key, tenant: Some(scope.tenant().clone()), caller }.fill(&app, body).await
}

pub(in crate::server) async fn make_of_all(
    State(app): State<Arc<App>>,
    _scope: OfNode<may::Write, may::Keys>,
    caller: Caller,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    Order { kind: Kind::Key, tenant: None, caller }.fill(&app, body).await
}

pub(in crate::server) async fn make_link(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::Write>,
    caller: Caller,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    Order { kind: Kind::Link, tenant: Some(scope.tenant().clone()), caller }.fill(&app, body).await
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::List>,
    Parameters(part): Parameters<Part>,
) -> Result<Response, Problem> {
    show_many(app.running()?, Whose::Tenant(scope.into_scope()), &part).await
}

pub(in crate::server) async fn list_of_all(
    State(app): State<Arc<App>>,
    scope: OfNode<may::List, may::Keys>,
    Parameters(part): Parameters<Part>,
) -> Result<Response, Problem> {
    show_many(app.running()?, Whose::All(scope.into_scope()), &part).await
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let (running, id) = (app.running()?, parsed(&id)?);
    let key = running.ingest.store.access_key(id).await?.filter(|key| key.tenant.as_ref() == Some(scope.tenant()));
    Ok(show(running, key.ok_or_else(|| unknown(id))?))
}

pub(in crate::server) async fn revoke(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    take_back(app.running()?, Whose::Tenant(scope.into_scope()), &id).await
}

pub(in crate::server) async fn revoke_of_all(
    State(app): State<Arc<App>>,
    scope: OfNode<may::Write, may::Keys>,
    Names(id): Names<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    take_back(app.running()?, Whose::All(scope.into_scope()), &id).await
}

async fn show_many(running: &Running, whose: Whose, part: &Part) -> Result<Response, Problem> {
    let (limit, page) = part.read()?;
    let now = running.ingest.clock.now();
    let keys = running.ingest.store.access_keys(&whose, &page).await?;
    Ok(json(StatusCode::OK, &List::of(keys, limit, |key| key.id.to_string(), |key| view(key, now))))
}

async fn take_back(running: &Running, whose: Whose, id: &str) -> Result<Response, Problem> {
    let id = parsed(id)?;
    let key = running.keychain.revoke(&whose, id).await?;
    Ok(show(running, key.ok_or_else(|| unknown(id))?))
}

fn show(running: &Running, key: Key) -> Response {
    json(StatusCode::OK, &view(key, running.ingest.clock.now()))
}

fn unknown(id: KeyId) -> Problem {
    Problem::not_found("unknown-key", format!("there is no key `{id}`"))
}

/// A key to be made.
struct Order {
    kind: Kind,
    tenant: Option<Tenant>,
    caller: Caller,
}

impl Order {
    /// Makes it as its body wishes.
    async fn fill(self, app: &App, body: Body) -> Result<Response, Problem> {
        let Self { kind, tenant, caller } = self;
        let wish: Wish = wish(app, body).await?;
        let running = app.running()?;
        let now = running.ingest.clock.now();
        let token = Token::random(kind, &*running.ingest.entropy);
        let permissions = match wish.permissions {
            Some(Words::One(text)) => text,
            Some(Words::Many(words)) => words.join(","),
            None => String::new(),
        };
        let order = KeyOrder {
            kind,
            tenant,
            name: wish.name.as_deref().unwrap_or_default(),
            permissions: &permissions,
            expires: wish.expires.as_deref(),
            rate_limit: wish.rate_limit.as_deref(),
            own: caller.permissions(),
            made_by: caller.key().map(|key| key.id),
        };
        let key = order.fill(&token, now)?;
        running.keychain.add(key.clone()).await?;
        Ok(never_stored(json(StatusCode::CREATED, &NewKey { key: token.reveal(), view: view(key, now) })))
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let (field, code) = match &error {
            OrderError::Name => ("/name", "invalid-name"),
            OrderError::Permissions(_) | OrderError::Never { .. } => ("/permissions", "invalid-permissions"),
            OrderError::Lacking(_) => return Self::new(StatusCode::FORBIDDEN, "permission-missing", error.to_string()),
            OrderError::Expires(_) | OrderError::Span { .. } => ("/expires", "invalid-expires"),
            OrderError::Rate(_) => ("/rate_limit", "invalid-rate-limit"),
        };
        Self::at(field, code, error.to_string())
    }
}

fn view(key: Key, now: Timestamp) -> KeyView {
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    KeyView {
        id: key.id,
        kind: key.kind.as_str(),
        state: key.state(now).as_str(),
        tenant: key.tenant,
        name: key.name,
        permissions: key.permissions,
        rate_limit: key.rate_limit.map(|rate| rate.to_string()),
        made_by: key.made_by,
        created_at: key.created_at.to_string(),
        expires_at: text(key.expires_at),
        revoked_at: text(key.revoked_at),
        last_used_at: text(key.last_used_at),
    }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("keys::list")
            .says("The tenant's keys and links, the newest first")
            .needs("keys:list")
            .asks::<Part>()
            .answers::<List<KeyView>>(200),
        Operation::of("keys::make")
            .says("Make a key of the tenant")
            .and("The key is shown in this answer and nowhere else. Nobody gives away a permission that he does not have.")
            .needs("keys:write")
            .takes(wished())
            .answers::<NewKey>(201),
        Operation::of("keys::one").says("A key").needs("keys:read").answers::<KeyView>(200),
        Operation::of("keys::revoke").says("Take a key back, at once").needs("keys:write").answers::<KeyView>(200),
        Operation::of("keys::make_link")
            .says("Make a link: a token that shows the tenant's pages for a while")
            .and("It lasts 12 hours unless given, 30 days at most, and no longer than the key that made it.")
            .needs("keys:write")
            .takes(wished())
            .answers::<NewKey>(201),
        Operation::of("keys::list_of_all")
            .says("All keys, of tenants and of the node")
            .needs("keys:list")
            .asks::<Part>()
            .answers::<List<KeyView>>(200),
        Operation::of("keys::make_of_all")
            .says("Make a key of the node")
            .needs("keys:write")
            .takes(wished())
            .answers::<NewKey>(201)
            .refuses(&[422]),
        Operation::of("keys::revoke_of_all").says("Take any key back").needs("keys:write").answers::<KeyView>(200),
    ]
}

/// The body that asks for a key.
fn wished() -> Value {
    let text = |description: &str| schema!({ "type": ["string", "null"], "description": description });
    object(
        &["permissions"],
        schema!({
            "name": text("What it is for, at most 100 characters."),
            "permissions": {
                "type": ["string", "array"], "items": { "type": "string" },
                "description": "`group:verb` such as `webhooks:read`, `webhooks:*`, or `*` for all that whoever asks may do; a list, or one text with commas.",
            },
            "expires": text("How long it is of use, such as `90d`."),
            "rate_limit": text("Calls that it may make, such as `100/s`."),
        }),
    )
}
