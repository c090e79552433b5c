//! The tenants, to choose one: for whoever may see several.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::address::Address;
use super::bar;
use super::controls::NODE;
use super::page::{Failure, answer, whole};
use super::turning::cut;
use crate::access::{Actor, Caller};
use crate::ids::{DEFAULT_TENANT, Tenant};
use crate::server::App;
use crate::server::request::{Names, Parameters, tenant};

/// Tenants on a page.
const PAGE: usize = 100;

/// Where somebody begins: with the tenant that is its own, or with the choice of one.
pub(super) fn home(caller: &Caller) -> String {
    let of = |tenant: &Tenant| Address::of(tenant).to(bar::first(|permission| caller.permissions().contains(permission)), &[]);
    match (caller.tenant(), caller.actor()) {
        (Some(own), _) => of(own),
        (None, Actor::Key(_)) => "/tenants".to_owned(),
        (None, Actor::Anybody | Actor::Operator) => of(&Tenant::new(DEFAULT_TENANT)),
    }
}

pub(super) async fn begin(caller: Caller) -> Redirect {
    Redirect::temporary(&home(&caller))
}

#[derive(Deserialize)]
pub(super) struct Asked {
    /// How the names begin.
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
    /// The one that is chosen by its name, whether or not there is anything of it yet.
    open: Option<String>,
}

pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller, Parameters(asked): Parameters<Asked>) -> Result<Response, Failure> {
    let scope = caller.in_all().map_err(crate::server::Problem::from)?;
    let of = |tenant: &Tenant| Address::of(tenant).to(bar::first(|permission| caller.permissions().contains(permission)), &[]);
    let prefix = asked.q.trim();
    if asked.open.is_some() {
        return Ok(Redirect::to(&of(&tenant(prefix)?)).into_response());
    }
    let mut tenants = app.running()?.ingest.store.tenants(&scope, prefix, &asked.after, PAGE + 1).await?;
    let next = cut(&mut tenants, PAGE).cloned();
    let main = html! {
        h1 { "Tenants" }
        form.tools role="search" action="/tenants" {
            input #search.field type="search" name="q" value=(prefix) placeholder="how its name begins" aria-label="How the name begins" autocomplete="off" spellcheck="false";
            span.actions {
                button { "Search" }
                button name="open" value="1" { "Open the one of this name" }
            }
        }
        @if tenants.is_empty() {
            div.empty {
                h2 { @if prefix.is_empty() { "No tenant yet" } @else { "No tenant is called so" } }
                p { "A tenant is there from its first save or endpoint on." }
            }
        } @else {
            ul.tenants { @for tenant in &tenants { li data-row=(of(tenant)) { a href=(of(tenant)) { (tenant.as_str()) } } } }
        }
        nav.turning aria-label="Parts of the list" {
            @if !asked.after.is_empty() { a href=(address(prefix, "")) { "First" } }
            @if let Some(next) = next { a rel="next" href=(address(prefix, next.as_str())) { "More" } }
        }
    };
    Ok(answer(StatusCode::OK, of_all("Tenants", &caller, &main)))
}

/// The first page of a tenant has no slash at its end.
pub(super) async fn without_slash(Names(name): Names<String>) -> Result<Response, Failure> {
    Ok(Redirect::permanent(&Address::of(&tenant(&name)?).to("", &[])).into_response())
}

fn address(prefix: &str, after: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("q", prefix), ("after", after)]).finish();
    format!("/tenants?{query}")
}

/// A page that is of no tenant.
pub(super) fn of_all(title: &str, caller: &Caller, main: &Markup) -> Markup {
    let current = |name: &str| (name == title).then_some("page");
    whole(
        &format!("{title} · webhookc"),
        &html! {
            body {
                a.skip href="#main" { "Skip to the content" }
                header.bar {
                    a.brand href="/" { "webhookc" }
                    nav aria-label="Pages" {
                        a href="/tenants" aria-current=[current("Tenants")] { "Tenants" }
                        @if caller.permissions().contains(NODE) { a href="/node" aria-current=[current("Node")] { "Node" } }
                    }
                    (bar::leaving(caller.actor()))
                }
                main #main tabindex="-1" { (main) }
            }
        },
    )
}
