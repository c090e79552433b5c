//! `T/audit` and `/-/audit`: who changed what by way of the API, the newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::may;
use crate::ids::Tenant;
use crate::server::access::{Allowed, OfNode};
use crate::server::openapi::Operation;
use crate::server::request::{List, Parameters, Part, json};
use crate::server::{App, Problem, Running};
use crate::store::{AuditEntry, Whose};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
struct EntryView {
    at: String,
    /// Null: the whole node.
    tenant: Option<Tenant>,
    /// `key_…`, `operator`, or `anybody` while no key was asked for.
    actor: String,
    permission: String,
    /// Method and path.
    call: String,
    /// Of the answer; 499 when the client did not wait for it.
    status: u16,
}

pub(in crate::server) async fn list(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Keys, may::Read>,
    Parameters(part): Parameters<Part>,
) -> Result<Response, Problem> {
    show(app.running()?, Whose::Tenant(scope.into_scope()), &part).await
}

pub(in crate::server) async fn list_of_all(
    State(app): State<Arc<App>>,
    scope: OfNode<may::Read, may::Keys>,
    Parameters(part): Parameters<Part>,
) -> Result<Response, Problem> {
    show(app.running()?, Whose::All(scope.into_scope()), &part).await
}

async fn show(running: &Running, whose: Whose, part: &Part) -> Result<Response, Problem> {
    let (limit, page) = part.read()?;
    let entries = running.ingest.store.audit(&whose, &page).await?;
    Ok(json(StatusCode::OK, &List::of(entries, limit, |(row, _)| row.to_string(), |(_, entry)| view(entry))))
}

fn view(entry: AuditEntry) -> EntryView {
    let AuditEntry { at, tenant, actor, permission, call, status } = entry;
    EntryView { at: at.to_string(), tenant, actor, permission, call, status }
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("audit::list")
            .says("Who changed what in the tenant, the newest first")
            .needs("keys:read")
            .asks::<Part>()
            .answers::<List<EntryView>>(200),
        Operation::of("audit::list_of_all")
            .says("Who changed what, in all tenants and the node")
            .needs("keys:read")
            .asks::<Part>()
            .answers::<List<EntryView>>(200),
    ]
}
