//! The bar over every page: where one can go, whose pages these are, who is signed in. What somebody may not look at is not offered.

use maud::{Markup, html};

use super::controls::{DELIVERIES, DIVERTED, NODE, OBJECTS, WEBHOOKS};
use super::page::{Page, Tab};
use crate::access::{Actor, Permission};
use crate::ids::DEFAULT_TENANT;

/// A page that the bar leads to.
struct Place {
    tab: Tab,
    name: &'static str,
    path: &'static str,
    /// The key that goes there, after `g`.
    key: &'static str,
    needs: Permission,
}

/// Every one, in the order in which they stand.
const PLACES: [Place; 5] = [
    Place { tab: Tab::Saves, name: "Saves", path: "", key: "s", needs: OBJECTS },
    Place { tab: Tab::Deliveries, name: "Deliveries", path: "/deliveries", key: "d", needs: DELIVERIES },
    Place { tab: Tab::Diverted, name: "Diverted", path: "/diverted", key: "v", needs: DIVERTED },
    Place { tab: Tab::Endpoints, name: "Endpoints", path: "/endpoints", key: "e", needs: WEBHOOKS },
    Place { tab: Tab::Webhooks, name: "Webhooks", path: "/webhooks", key: "w", needs: WEBHOOKS },
];

/// The path of the first page that may be looked at with these permissions.
pub(super) fn first(permits: impl Fn(Permission) -> bool) -> &'static str {
    PLACES.iter().find(|place| permits(place.needs)).map_or("", |place| place.path)
}

/// The links to the pages of a tenant.
pub(super) fn navigation(page: &Page, tab: Tab) -> Markup {
    let tenant = page.scope.tenant().as_str();
    let several = page.scope.sees_others() && !page.app.options.dev;
    html! {
        a.brand href="/" { "webhookc" }
        @if several {
            a.tenant href="/tenants" title="Choose another tenant" { (tenant) }
        } @else if tenant != DEFAULT_TENANT {
            span.tenant { (tenant) }
        }
        nav aria-label="Pages" {
            @for place in PLACES.iter().filter(|place| page.scope.permits(place.needs)) {
                a href=(page.address.to(place.path, &[])) data-key=(place.key) aria-current=[(place.tab == tab).then_some("page")] { (place.name) }
            }
            @if page.scope.permits(NODE) { a href="/node" data-key="n" { "Node" } }
        }
    }
}

/// What ends a session, for whoever has one.
pub(super) fn leaving(by: Actor) -> Markup {
    html! {
        @match by {
            Actor::Key(id) => {
                form.leave method="post" action="/sign-out" { button.quiet title={ "Signed in with " (id) } { "Sign out" } }
            }
            Actor::Anybody | Actor::Operator => {}
        }
    }
}
