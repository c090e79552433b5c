//! Reading endpoints: one, or a page of those that pass a filter. First those of the program, then those that the tenant has made, in the
//! order in which they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::EndpointView;
use super::{answer, declared};
use crate::access::{TenantScope, may};
use crate::generation::Generation;
use crate::ids::EndpointId;
use crate::server::access::Allowed;
use crate::server::openapi::Operation;
use crate::server::request::{List, Names, Nothing, Parameters, flag, json, limit, names};
use crate::server::tenant_endpoints::{self, Kept};
use crate::server::{App, Problem, Running};
use crate::store::{EndpointState, OwnFilter, OwnPage};

/// The filters of a list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Filter {
    /// Exactly this name.
    name: Option<String>,
    #[schemars(regex(pattern = "^(true|false)$"))]
    enabled: Option<String>,
    #[schemars(regex(pattern = "^(true|false)$"))]
    suspended: Option<String>,
    /// Enabled and not suspended.
    #[schemars(regex(pattern = "^(true|false)$"))]
    active: Option<String>,
    /// Those that take any of these event types, at most 64; with commas between them.
    event_types: Option<String>,
    /// Items to leave out, in the place of `cursor`.
    #[schemars(range(min = 0))]
    offset: Option<usize>,
    /// As `limit`.
    #[schemars(range(min = 1, max = 500))]
    count: Option<usize>,
    /// The most items, 50 unless given.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    /// `next` of the part before.
    cursor: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// At this index of the program's.
    Declared(usize),
    /// Behind this row of the tenant's.
    Own(i64),
}

impl Cursor {
    fn read(text: &str) -> Result<Self, Problem> {
        let number = |prefix: &str| text.strip_prefix(prefix);
        let declared = number("program.").and_then(|number| number.parse().ok()).map(Self::Declared);
        let read = declared.or_else(|| number("own.").and_then(|number| number.parse().ok()).map(Self::Own));
        read.ok_or_else(|| {
            let detail = format!("`cursor` is `{text}`, expected the `next` of an earlier page");
            Problem::bad_request("invalid-parameter", detail)
        })
    }

    fn write(self) -> String {
        match self {
            Self::Declared(index) => format!("program.{index}"),
            Self::Own(row) => format!("own.{row}"),
        }
    }
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::List>,
    Parameters(asked): Parameters<Filter>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let most = limit(asked.count.or(asked.limit))?;
    let filter = OwnFilter {
        name: asked.name,
        enabled: flag("enabled", asked.enabled.as_deref())?,
        suspended: flag("suspended", asked.suspended.as_deref())?,
        active: flag("active", asked.active.as_deref())?,
        event_types: names("event_types", asked.event_types.as_deref())?,
        dialect: None,
        dialect_key: None,
    };
    let part = Part { cursor: asked.cursor.as_deref(), skip: asked.offset.unwrap_or(0), most };
    let (data, next) = find(running, &scope, &filter, part).await?;
    Ok(json(StatusCode::OK, &List { data, next }))
}

/// A part of the list.
pub(in crate::server) struct Part<'a> {
    /// The `next` of the part before; `None` for the first.
    pub(in crate::server) cursor: Option<&'a str>,
    /// Endpoints that are left out at its beginning.
    pub(in crate::server) skip: usize,
    pub(in crate::server) most: usize,
}

/// The endpoints that a filter lets through, and where the next part begins.
pub(in crate::server) async fn find(
    running: &Running,
    scope: &TenantScope,
    filter: &OwnFilter,
    part: Part<'_>,
) -> Result<(Vec<EndpointView>, Option<String>), Problem> {
    let cursor = part.cursor.map(Cursor::read).transpose()?.unwrap_or(Cursor::Declared(0));
    let generation = running.ingest.generation();
    let mut page = Page { views: Vec::new(), most: part.most, skip: part.skip, next: None };
    let after = match cursor {
        Cursor::Declared(from) => {
            page.declared(&generation, suspended(running, scope).await?, filter, from);
            0
        }
        Cursor::Own(after) => after,
    };
    if page.next.is_none() {
        page.own(running, &generation, scope, filter, after).await?;
    }
    Ok((page.views, page.next.map(Cursor::write)))
}

/// A page that is being filled.
struct Page {
    views: Vec<EndpointView>,
    most: usize,
    /// Endpoints to leave out still.
    skip: usize,
    next: Option<Cursor>,
}

impl Page {
    fn declared(&mut self, generation: &Generation, mut suspended: BTreeMap<EndpointId, EndpointState>, filter: &OwnFilter, from: usize) {
        for (index, endpoint) in generation.rules.endpoints.iter().enumerate().skip(from) {
            if !declared::passes(generation, index, suspended.contains_key(&endpoint.id), filter) {
                continue;
            }
            if self.skip > 0 {
                self.skip -= 1;
            } else if self.views.len() < self.most {
                self.views.push(declared::view(generation, index, endpoint, suspended.remove(&endpoint.id)));
            } else {
                self.next = Some(Cursor::Declared(index));
                return;
            }
        }
    }

    async fn own(
        &mut self,
        running: &Running,
        generation: &Generation,
        tenant: &TenantScope,
        filter: &OwnFilter,
        after: i64,
    ) -> Result<(), Problem> {
        let room = self.most - self.views.len();
        let page = OwnPage { after, offset: self.skip, limit: room + 1 };
        let mut rows = running.ingest.store.own_endpoints(tenant, filter, page).await?;
        let more = rows.len() > room;
        rows.truncate(room);
        if more {
            self.next = Some(Cursor::Own(rows.last().map_or(after, |row| row.row)));
        }
        for row in rows {
            self.views.push(answer::own(generation, Kept::of(row)?));
        }
        Ok(())
    }
}

/// The endpoints that are suspended for a tenant.
async fn suspended(running: &Running, tenant: &TenantScope) -> Result<BTreeMap<EndpointId, EndpointState>, Problem> {
    let states = running.ingest.store.suspended(tenant).await?;
    Ok(states.into_iter().map(|state| (state.endpoint.clone(), state)).collect())
}

pub(in crate::server) async fn one(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Read>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    show(app.running()?, &scope, &id).await
}

/// The answer about one endpoint.
pub(super) async fn show(running: &Running, tenant: &TenantScope, id: &str) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &look_up(running, tenant, id).await?))
}

/// One endpoint, whoever made it.
pub(in crate::server) async fn look_up(running: &Running, tenant: &TenantScope, id: &str) -> Result<EndpointView, Problem> {
    let generation = running.ingest.generation();
    let own = EndpointId::new(id);
    if generation.own.endpoint(&own).is_some() {
        let kept = tenant_endpoints::find(running, tenant, &own).await?;
        return Ok(answer::own(&generation, kept));
    }
    let (index, endpoint) = declared::find(&generation, id)?;
    let state = suspended(running, tenant).await?.remove(&endpoint.id);
    Ok(declared::view(&generation, index, endpoint, state))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("endpoints::list")
            .says("Endpoints: those of the program, then those that the tenant has made")
            .needs("webhooks:list")
            .asks::<Filter>()
            .answers::<List<EndpointView>>(200),
        Operation::of("endpoints::one").says("An endpoint").needs("webhooks:read").answers::<EndpointView>(200),
    ]
}
