//! What the buttons of an endpoint do: suspended and released, enabled and disabled, a new secret, deleted.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::html;

use super::show::{home, own, revealed};
use crate::access::{Caller, may};
use crate::endpoints::Read;
use crate::ids::EndpointId;
use crate::server::App;
use crate::server::access::Allowed;
use crate::server::api::endpoints::{hold, look_up, release};
use crate::server::api::rotate::{Wish, rotated};
use crate::server::inspector::controls::{WEBHOOK, WEBHOOKS};
use crate::server::inspector::form;
use crate::server::inspector::page::{About, Failure, Page, Tab};
use crate::server::inspector::received::named;
use crate::server::request::Names;
use crate::server::tenant_endpoints::{self, Kept, Submitted};

/// The right that every one of these needs.
type Change = Allowed<may::Webhooks, may::Write>;
type Path = Names<(String, String)>;

pub(super) async fn suspend(State(app): State<Arc<App>>, allowed: Change, Names((_, id)): Path, body: Body) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let fields = form::read(&page.app, body).await?;
    hold(page.running()?, &page.scope, &id, fields.get("why").map(String::as_str)).await?;
    Ok(shown(&page, &id))
}

pub(super) async fn unsuspend(State(app): State<Arc<App>>, allowed: Change, Names((_, id)): Path) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    release(page.running()?, &page.scope, &id).await?;
    Ok(shown(&page, &id))
}

pub(super) async fn enable(State(app): State<Arc<App>>, allowed: Change, Names((_, id)): Path) -> Result<Response, Failure> {
    switch(app, allowed, &id, |enabled| *enabled = true).await
}

pub(super) async fn disable(State(app): State<Arc<App>>, allowed: Change, Names((_, id)): Path) -> Result<Response, Failure> {
    switch(app, allowed, &id, |enabled| *enabled = false).await
}

async fn switch(app: Arc<App>, allowed: Change, id: &str, set: impl Fn(&mut bool)) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let kept = own(&page, running, id).await?;
    let switched = |Kept { mut definition, .. }| {
        set(&mut definition.enabled);
        Ok(Submitted { definition, read: Read::default(), mistakes: Vec::new() })
    };
    tenant_endpoints::change(running, &page.scope, &kept.row.id, switched).await?;
    Ok(shown(&page, id))
}

/// A new secret, which is shown in the answer and nowhere else.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    allowed: Change,
    caller: Caller,
    Names((_, id)): Path,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let fields = form::read(&page.app, body).await?;
    let endpoint = look_up(running, &page.scope, &id).await?;
    let grace = fields.get("grace").map(|grace| grace.trim().to_owned()).filter(|grace| !grace.is_empty());
    let wish = Wish { grace, secret: None };
    let fresh = rotated(running, &page.scope, &caller, (EndpointId::new(&*id), wish)).await?;
    let about = About { title: "New secret", tab: Tab::Endpoints, live: "", filter: "" };
    let main = html! {
        h1 { (named(&endpoint.name)) " has a new secret" }
        (revealed(&fresh.secret))
        p.note { "The one before signs as well until " (fresh.previous_valid_until) "." }
        @if page.scope.permits(WEBHOOK) { p { a.button.primary href=(page.address.endpoint(&id)) { "To the endpoint" } } }
    };
    Ok(page.draw(&about, &main))
}

/// Whether it is meant.
pub(super) async fn ask(State(app): State<Arc<App>>, allowed: Change, Names((_, id)): Path) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let kept = own(&page, page.running()?, &id).await?;
    let (link, back) = (page.address.endpoint(&id), home(&page, &id));
    let about = About { title: "Delete", tab: Tab::Endpoints, live: "", filter: "" };
    let main = html! {
        div.title data-back=(back) { h1 { "Delete " (named(&kept.definition.name)) "?" } }
        p { "Nothing is sent to it any more: what it has still to get is given up. Its deliveries so far can be looked at still. Its secret is gone." }
        form.keeping method="post" action={ (link) "/delete" } {
            button.danger { "Delete the endpoint" }
            a.button href=(back) { "Keep it" }
        }
    };
    Ok(page.draw(&about, &main))
}

pub(super) async fn delete(State(app): State<Arc<App>>, allowed: Change, Names((_, id)): Path) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let kept = own(&page, running, &id).await?;
    // One that is gone already is as it should be.
    let _gone = tenant_endpoints::delete(running, &page.scope, &kept.row.id).await?;
    Ok(page.go_on([(WEBHOOKS, page.address.to("/endpoints", &[]))]))
}

fn shown(page: &Page, id: &str) -> Response {
    Redirect::to(&home(page, id)).into_response()
}
