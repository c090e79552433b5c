//! Making, changing and deleting endpoints. Everything is checked before anything is kept: a request that is refused changes nothing.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::{answer, declared};
use crate::access::may;
use crate::endpoints::{Draft, Mistake, Patch, Style, document};
use crate::generation::Generation;
use crate::ids::EndpointId;
use crate::server::access::Allowed;
use crate::server::confidential::unstored;
use crate::server::request::{Names, Nothing, Parameters, json, located};
use crate::server::tenant_endpoints::{self, Kept, LONGEST, Submitted, stands};
use crate::server::{App, Problem, Running, body};

pub(in crate::server) async fn make(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let mut mistakes = Vec::new();
    let Some(mut object) = document(&text, Style::Snake, &mut mistakes) else { return Err(Problem::document(mistakes)) };
    let draft = Draft::own(&mut object, &text);
    object.finish(&mut mistakes);
    for (missing, name) in [(draft.name.is_none(), "name"), (draft.event_types.is_none(), "event_types"), (draft.url.is_none(), "url")] {
        if missing {
            let message = format!("the endpoint has no `{name}`");
            mistakes.push(Mistake { pointer: format!("/{name}"), code: "missing-field", message, help: None });
        }
    }
    let mut definition = Draft::blank();
    let read = draft.apply(&mut definition, &mut mistakes);
    let kept = tenant_endpoints::make(running, &scope, Submitted { definition, read, mistakes }).await?;
    let path = format!("/api/v1/tenants/{}/endpoints/{}", scope.tenant(), kept.row.id);
    let url = kept.definition.wants.url.clone();
    let answer = json(StatusCode::CREATED, &answer::own(&running.ingest.generation(), kept));
    Ok(located(unstored(&url, answer), &path))
}

pub(in crate::server) async fn change(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let text = body::read(&app, body, LONGEST).await?.bytes;
    let id = changeable(running, &id)?;
    let kept = tenant_endpoints::change(running, &scope, &id, |before| changed(&running.ingest.generation(), before, &text)).await?;
    Ok(json(StatusCode::OK, &answer::own(&running.ingest.generation(), kept)))
}

pub(in crate::server) async fn delete(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, id)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let id = changeable(running, &id)?;
    if tenant_endpoints::delete(running, &scope, &id).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Problem::not_found("unknown-endpoint", format!("there is no endpoint `{id}`")))
}

/// An endpoint as the document has it that says what is to be changed.
fn changed(generation: &Generation, before: Kept, text: &[u8]) -> Result<Submitted, Problem> {
    let mut mistakes = Vec::new();
    let mut definition = before.definition.clone();
    let Some(mut object) = document(text, Style::Snake, &mut mistakes) else { return Err(Problem::document(mistakes)) };
    object.take_told(answer::READ_ONLY, &stands(&answer::own(generation, before)), &mut mistakes);
    let patch = Patch::own(&mut object, text);
    object.finish(&mut mistakes);
    let read = patch.apply(&mut definition, &mut mistakes);
    Ok(Submitted { definition, read, mistakes })
}

/// The id, unless it is that of an endpoint of the program.
fn changeable(running: &Running, id: &str) -> Result<EndpointId, Problem> {
    match declared::find(&running.ingest.generation(), id) {
        Ok((_, endpoint)) => {
            let detail = format!(
                "the endpoint `{}` is declared in the schema or in `webhookc.toml`, it cannot be changed here",
                endpoint.name.value
            );
            Err(Problem::new(StatusCode::CONFLICT, "declared-endpoint", detail).help("change it there; it can be suspended here"))
        }
        Err(_) => Ok(EndpointId::new(id)),
    }
}
