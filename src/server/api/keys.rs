//! `T/keys` and `/-/keys`: keys of one tenant, or of all and of the node; made, looked at, taken back. `T/links` makes links. What a key may
//! do it cannot do to itself: nobody gives away a permission that it does not have.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::{Caller, Group, Key, KeyId, Kind, Permission, PermissionError, Permissions, Token, may};
use crate::delivery::{Rate, parse_duration};
use crate::ids::Tenant;
use crate::server::access::{Allowed, OfNode};
use crate::server::request::{List, Names, Nothing, Parameters, json, limit, parsed, wish};
use crate::server::{App, Problem, Running};
use crate::store::{Page, Whose};

/// Characters of a name.
const LONGEST_NAME: usize = 100;
/// How long a link is of use when nothing is said: a day's work.
const LINK: Duration = Duration::from_hours(12);
/// The longest that a link may be of use; it stands in browsers' histories.
const LONGEST_LINK: Duration = Duration::from_hours(30 * 24);

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
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

#[derive(Serialize)]
struct KeyView {
    id: KeyId,
    kind: &'static str,
    /// Null: all tenants, and the node.
    tenant: Option<Tenant>,
    name: String,
    permissions: Permissions,
    rate_limit: Option<String>,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    made_by: Option<KeyId>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct NewKey {
    /// Shown here and nowhere else.
    key: String,
    #[serde(flatten)]
    view: KeyView,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Part {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(in crate::server) async fn make(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::Write>,
    caller: Caller,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let order = Order { kind: Kind::Key, tenant: Some(scope.tenant().clone()), caller, wish: wish(&app, body).await? };
    order.fill(app.running()?).await
}

pub(in crate::server) async fn make_of_all(
    State(app): State<Arc<App>>,
    _scope: OfNode<may::Write, may::Keys>,
    caller: Caller,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let order = Order { kind: Kind::Key, tenant: None, caller, wish: wish(&app, body).await? };
    order.fill(app.running()?).await
}

pub(in crate::server) async fn make_link(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::Write>,
    caller: Caller,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let order = Order { kind: Kind::Link, tenant: Some(scope.tenant().clone()), caller, wish: wish(&app, body).await? };
    order.fill(app.running()?).await
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
    let limit = limit(part.limit)?;
    let before = part.cursor.as_deref().map(parsed).transpose()?;
    let now = running.ingest.clock.now();
    let keys = running.ingest.store.access_keys(&whose, &Page { before, limit: limit + 1 }).await?;
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
    wish: Wish,
}

impl Order {
    async fn fill(self, running: &Running) -> Result<Response, Problem> {
        let now = running.ingest.clock.now();
        let key = Token::random(self.kind, &*running.ingest.entropy);
        let made = self.key(&key, now)?;
        running.keychain.add(made.clone()).await?;
        let mut answer = json(StatusCode::CREATED, &NewKey { key: key.reveal(), view: view(made, now) });
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }

    /// What such a key can ever have: one tenant has no node, and whoever has a link is not to make keys.
    fn most(&self) -> Permissions {
        let of = |groups: &[Group]| Permission::all().filter(|permission| groups.contains(&permission.group)).collect::<Permissions>();
        match (self.kind, &self.tenant) {
            (Kind::Key, None) => Permissions::all(),
            (Kind::Key, Some(_)) => of(&[Group::Objects, Group::Webhooks, Group::Deliveries, Group::DivertedEvents, Group::Keys]),
            (Kind::Link, _) => of(&[Group::Objects, Group::Webhooks, Group::Deliveries, Group::DivertedEvents]),
        }
    }

    fn key(&self, token: &Token, now: Timestamp) -> Result<Key, Problem> {
        let wrong = |code, text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, text);
        let name = self.wish.name.as_deref().unwrap_or_default().trim().to_owned();
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(wrong("invalid-name", format!("`name` is not a line of at most {LONGEST_NAME} characters")));
        }
        let words = match &self.wish.permissions {
            Some(Words::One(text)) => text.clone(),
            Some(Words::Many(words)) => words.join(","),
            None => String::new(),
        };
        let permissions: Permissions = words.parse().map_err(|error: PermissionError| wrong("invalid-permissions", error.to_string()))?;
        // `*` is all that can be given.
        let everything = words.split([',', ' ']).any(|word| word == "*");
        let permissions = if everything { self.most().and(self.caller.permissions()) } else { permissions };
        let never = permissions.without(self.most());
        if !never.is_empty() {
            let what = if self.kind == Kind::Link { "a link" } else { "a key of one tenant" };
            return Err(wrong("invalid-permissions", format!("{what} cannot have `{never}`")));
        }
        let excess = permissions.without(self.caller.permissions());
        if !excess.is_empty() {
            let text = format!("the key that makes the call lacks `{excess}`, and cannot give it away");
            return Err(Problem::new(StatusCode::FORBIDDEN, "permission-missing", text));
        }
        let spans = self.wish.expires.as_deref().map(parse_duration).transpose();
        let span = spans.map_err(|error| wrong("invalid-expires", error.to_string()))?;
        let span = match (self.kind, span) {
            (Kind::Key, span) => span,
            (Kind::Link, span) => Some(span.unwrap_or(LINK)),
        };
        if span.is_some_and(|span| span.is_zero()) || self.kind == Kind::Link && span.is_some_and(|span| span > LONGEST_LINK) {
            let text = format!(
                "`expires` is out of bounds, expected more than 0 s and, of a link, at most {} days",
                LONGEST_LINK.as_secs() / 86_400
            );
            return Err(wrong("invalid-expires", text));
        }
        let rate_limit = self.wish.rate_limit.as_deref().map(str::parse::<Rate>).transpose();
        let expires_at = span.map(|span| now.saturating_add(span).unwrap_or(Timestamp::MAX));
        Ok(Key {
            id: token.id,
            kind: self.kind,
            tenant: self.tenant.clone(),
            name,
            permissions,
            rate_limit: rate_limit.map_err(|error| wrong("invalid-rate-limit", error.to_string()))?,
            hash: token.hash(),
            made_by: self.caller.key().map(|key| key.id),
            created_at: now,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        })
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
