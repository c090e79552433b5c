//! `POST T/webhooks/{name}/backfill`: a `ready` webhook over objects that were there before it, a part of them at a time.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as schema;

use super::webhooks;
use crate::access::may;
use crate::ingest::{Backfill, Mode};
use crate::program::WebhookType;
use crate::server::access::Allowed;
use crate::server::openapi::{Operation, object};
use crate::server::request::{Names, Nothing, Parameters, json, limit, wish};
use crate::server::{App, Problem};
use crate::store::IdPage;

/// What may be asked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wish {
    /// The object behind which to begin: `next` of the answer before.
    after: Option<String>,
    /// How many objects are looked at.
    limit: Option<usize>,
    /// Whether it is only counted what would happen.
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BackfillStep")]
struct Filled<'a> {
    webhook: &'a str,
    dry_run: bool,
    looked_at: usize,
    fired: usize,
    waiting: usize,
    already: usize,
    unmet: usize,
    failed: usize,
    /// Behind which object to go on; null at the end.
    next: Option<Box<str>>,
}

pub(in crate::server) async fn backfill(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Webhooks, may::Write>,
    Names((_, name)): Names<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
    body: Body,
) -> Result<Response, Problem> {
    let running = app.running()?;
    let asked: Wish = wish(&app, body).await?;
    let generation = running.ingest.generation();
    let rules = &generation.rules;
    let id = rules.program.webhook_named(&name);
    let id = id.ok_or_else(|| webhooks::unknown(&rules.program, &name))?;
    let webhook = rules.program.webhook(id);
    if webhook.kind != WebhookType::Ready {
        let detail = format!("`{name}` is of type `update`, expected a webhook of type `ready`");
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-ready-webhook", detail);
        return Err(problem.help("one of type `update` fires at each save: save the objects again"));
    }
    // Whether one of the tenant's own endpoints takes it is decided for each object.
    let own = generation.own.of_tenant(scope.tenant());
    if own.is_none() && rules.subscriptions.get(id.index()).is_none_or(Vec::is_empty) {
        let detail = format!("nobody receives `{name}`, expected an endpoint that subscribes to it");
        return Err(Problem::new(StatusCode::CONFLICT, "no-subscriber", detail));
    }
    let most = limit(asked.limit)?;
    let model = &rules.program.model(webhook.model).name;
    let page = IdPage { after: asked.after.as_deref(), older_than: None, limit: most };
    let objects = running.ingest.store.object_ids(&scope, model, page).await?;
    let (looked_at, last) = (objects.len(), objects.last().cloned());
    let mode = if asked.dry_run { Mode::DryRun } else { Mode::Fire };
    let filled = running.ingest.backfill(&scope, &generation, Backfill { webhook: id, objects, mode }).await?;
    let answer = Filled {
        webhook: &webhook.name,
        dry_run: asked.dry_run,
        looked_at,
        fired: filled.fired,
        waiting: filled.waiting,
        already: filled.already,
        unmet: filled.unmet,
        failed: filled.failed,
        next: last.filter(|_| looked_at == most),
    };
    Ok(json(StatusCode::OK, &answer))
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    vec![
        Operation::of("backfill::backfill")
            .says("Decide a `ready` webhook for objects that were there before it, a part of them at a time")
            .and("`next` of the answer is the next `after`; null at the end.")
            .needs("webhooks:write")
            .may_take(object(&[], schema!({
                "after": { "type": ["string", "null"], "description": "The object behind which to begin." },
                "limit": { "type": ["integer", "null"], "minimum": 1, "maximum": 500, "description": "Objects that are looked at, 50 unless given." },
                "dry_run": { "type": "boolean", "description": "Only count what would happen." },
            })))
            .answers::<Filled<'_>>(200),
    ]
}
