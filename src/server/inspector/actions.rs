//! What the forms do: send again, save an object, save a sample. Each answers with the page to look at next.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::controls::{DELIVERY, OBJECTS};
use super::object::{Asked, Refused, draw, draw_refused};
use super::page::{Failure, Page};
use super::{delivery, form};
use crate::access::{Permission, may};
use crate::engine::{Save, Verb, parse_save};
use crate::ids::DeliveryId;
use crate::ingest::IngestError;
use crate::sample::samples;
use crate::server::access::Allowed;
use crate::server::request::{Names, parsed};
use crate::server::{App, Problem};

/// Sends a delivery again.
pub(super) async fn resend(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Deliveries, may::Resend>,
    Names((_, id)): Names<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let id: DeliveryId = parsed(&id)?;
    delivery::find(&page, running, id).await?;
    // One that is under way is sent without being asked.
    let _resent = running.ingest.store.resend(&page.scope, id, running.ingest.clock.now()).await?;
    Ok(back(&page, &headers, (DELIVERY, page.address.delivery(id))))
}

/// Where the form was, if that is a page of this tenant; otherwise `place`, for whoever may look at it.
fn back(page: &Page, headers: &HeaderMap, place: (Permission, String)) -> Response {
    let from = headers.get(axum::http::header::REFERER).and_then(|from| from.to_str().ok());
    let path = from.and_then(|from| url::Url::parse(from).ok()).map(|from| match from.query() {
        Some(query) => format!("{}?{query}", from.path()),
        None => from.path().to_owned(),
    });
    let home = page.address.to("", &[]);
    let own = path.filter(|path| path.strip_prefix(&home).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])));
    own.map_or_else(|| page.go_on([place]), |own| Redirect::to(&own).into_response())
}

/// Saves an object as it stands in the form; one that is refused is shown again with its mistakes.
pub(super) async fn save(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Objects, may::Write>,
    Names((_, model, id)): Names<(String, String, String)>,
    body: Body,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let fields = form::read(&page.app, body).await?;
    let text = fields.get("fields").map(String::as_str).unwrap_or_default();
    let generation = running.ingest.generation();
    let refused = match parse_save(&generation.rules, &model, &id, Verb::Put, text.as_bytes()) {
        Ok(save) => match running.ingest.save(&page.scope, vec![save], &generation).await {
            Ok(saved) => {
                let link =
                    saved.first().map_or_else(|| page.address.object(&model, &id), |saved| page.address.save(&model, &id, saved.sequence));
                return Ok(page.go_on([(OBJECTS, link)]));
            }
            Err(IngestError::Refused { refused, .. }) => vec![refused],
            Err(IngestError::Store(error)) => return Err(error.into()),
        },
        Err(refused) => refused,
    };
    let why = refused.into_iter().map(|refused| {
        let place = if refused.pointer.is_empty() { String::new() } else { format!("{}: ", refused.pointer) };
        let help = refused.help.map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{place}{}{help}", refused.message)
    });
    let why: Vec<String> = why.collect();
    let (about, refused) = ((&*model, &*id), Refused { text, why: &why });
    let mut shown = if page.scope.permits(OBJECTS) {
        draw(&page, about, &Asked::nothing(), Some(refused)).await?
    } else {
        draw_refused(&page, about, refused)
    };
    *shown.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    Ok(shown)
}

/// Saves a sample of a model, after those that it belongs to. Each press makes other ones.
pub(super) async fn sample(
    State(app): State<Arc<App>>,
    allowed: Allowed<may::Objects, may::Write>,
    Names((_, model)): Names<(String, String)>,
) -> Result<Response, Failure> {
    let page = Page::open(app, allowed.into_scope());
    let running = page.running()?;
    let generation = running.ingest.generation();
    let Some(id) = generation.rules.program.model_named(&model) else {
        return Err(Problem::not_found("unknown-model", format!("there is no model `{model}`")).into());
    };
    let mut seed = [0; 8];
    running.ingest.entropy.fill(&mut seed);
    let seed = u64::from_le_bytes(seed);
    let mut last = None;
    for sample in samples(&generation.rules.program, id, 1, seed) {
        let fields = serde_json::Value::Object(sample.fields.clone()).to_string();
        // A number of its own, so that a sample is a new object.
        let name = format!("{}-{:06x}", sample.id, seed & 0xff_ffff);
        let save = parse_save(&generation.rules, &sample.model, &name, Verb::Put, fields.as_bytes());
        let save: Save = save.map_err(|refused| Problem::refused(refused, ""))?;
        let saved = running.ingest.save(&page.scope, vec![save], &generation).await.map_err(Problem::from)?;
        last = saved.first().map(|saved| page.address.save(&sample.model, &name, saved.sequence));
    }
    let saved = last.unwrap_or_else(|| page.address.to("", &[]));
    Ok(page.go_on([(OBJECTS, saved)]))
}
