//! What the documents of other systems have in common: fields that must be there, and where a thing of theirs stands in the data model.

use crate::access::TenantScope;
use crate::check::is_about;
use crate::endpoints::{Mistake, Object, Style, document};
use crate::ids::EndpointId;
use crate::program::Program;
use crate::server::tenant_endpoints::Kept;
use crate::server::{Problem, Running};

/// Reads the body of a request, which must be an object.
pub(super) fn read(text: &[u8], style: Style, out: &mut Vec<Mistake>) -> Result<Object, Problem> {
    document(text, style, out).ok_or_else(|| Problem::document(std::mem::take(out)))
}

/// An endpoint that a dialect's API has made. What another one has made is as unknown there as what is not there at all.
pub(super) async fn made_by(dialect: &'static str, running: &Running, scope: &TenantScope, id: &str) -> Result<Option<Kept>, Problem> {
    let row = running.ingest.store.own_endpoint(scope, &EndpointId::new(id)).await?;
    let kept = row.map(Kept::of).transpose()?;
    Ok(kept.filter(|kept| kept.definition.dialect.as_ref().is_some_and(|made| made.name == dialect)))
}

/// Says that a field is not there.
pub(super) fn missing(object: &Object, name: &str, out: &mut Vec<Mistake>) {
    let pointer = object.place_of(name);
    let message = format!("`{}` is missing", pointer.trim_start_matches('/').replace('/', "."));
    out.push(Mistake { pointer, code: "missing-field", message, help: None });
}

/// Whether a webhook is about objects that belong to all of these things.
pub(super) fn is_any_about(program: &Program, things: &[&str]) -> bool {
    program.webhooks.iter().any(|webhook| is_about(program, webhook, things))
}

/// That no webhook is about what this API is about, which is the schema's business and not the caller's.
pub(super) fn no_events(things: &[&str]) -> Problem {
    let detail = format!("no webhook of the schema is about an object that belongs to {}", things.join(" and "));
    Problem::new(axum::http::StatusCode::CONFLICT, "no-event-type", detail)
        .help("a model with a `<belongs-to>` of that name, and a `<webhook>` in it, is what this API sends")
}
