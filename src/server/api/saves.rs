//! `POST T/saves`: a batch as a JSON array or NDJSON, read as it arrives. A chunk of 1,000 saves is stored all or nothing; the first
//! chunk that is refused ends the batch, and the answer says how many saves before it are stored.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::BytesMut;
use serde_json::json;

use super::objects::SaveAnswer;
use crate::access::{TenantScope, may};
use crate::engine::{self, ItemError, MAX_BODY_BYTES, Save};
use crate::generation::Generation;
use crate::ingest::IngestError;
use crate::server::access::Allowed;
use crate::server::batch::Splitter;
use crate::server::body::Arrival;
use crate::server::openapi::{Operation, object};
use crate::server::request::{Explain, Parameters};
use crate::server::{App, Problem, Running};

/// Bytes of a batch.
pub(in crate::server) const BATCH: usize = 64 << 20;
/// Saves that are stored together.
const CHUNK: usize = 1_000;
/// What an item may have around its fields: names and ids.
const ENVELOPE: usize = 8 << 10;

pub(in crate::server) async fn batch(
    State(app): State<Arc<App>>,
    scope: Allowed<may::Objects, may::Write>,
    Parameters(explain): Parameters<Explain>,
    body: Body,
) -> Result<Response, Problem> {
    let mut batch = Batch {
        running: app.running()?,
        scope: scope.into_scope(),
        explain: explain.explain.is_some(),
        splitter: Splitter::new(MAX_BODY_BYTES + ENVELOPE),
        waiting: Vec::new(),
        saved: 0,
        answers: Vec::new(),
    };
    let outcome = match Arrival::new(&app, body, BATCH) {
        Ok(arrival) => batch.run(arrival).await,
        Err(refused) => Err(refused),
    };
    let saved = batch.saved;
    outcome.map(|()| batch.answer()).map_err(|problem| problem.saved(saved))
}

struct Batch<'a> {
    running: &'a Running,
    scope: TenantScope,
    explain: bool,
    splitter: Splitter,
    /// Items of the chunk that is being filled.
    waiting: Vec<BytesMut>,
    /// Saves that are stored.
    saved: usize,
    /// Their answers, each ended by a line break.
    answers: Vec<u8>,
}

impl Batch<'_> {
    async fn run(&mut self, mut body: Arrival) -> Result<(), Problem> {
        while let Some(bytes) = body.next().await? {
            self.splitter.push(&bytes);
            if self.take_items(false).await? {
                // All but the beginning of an item has been stored.
                body.forget();
            }
        }
        self.take_items(true).await?;
        self.store().await
    }

    /// Cuts what has arrived into items; whether a chunk of them has been stored.
    async fn take_items(&mut self, end: bool) -> Result<bool, Problem> {
        let mut stored = false;
        while let Some(item) = self.splitter.next(end).map_err(|error| Problem::bad_request("invalid-json", error.to_string()))? {
            self.waiting.push(item);
            if self.waiting.len() == CHUNK {
                self.store().await?;
                stored = true;
            }
        }
        Ok(stored)
    }

    /// Stores the chunk and writes down the answers.
    async fn store(&mut self) -> Result<(), Problem> {
        let items = std::mem::take(&mut self.waiting);
        if items.is_empty() {
            return Ok(());
        }
        let generation = self.running.ingest.generation();
        let mut saves = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            saves.push(read_item(&generation, item, self.saved + index)?);
        }
        let names: Vec<(String, Box<str>)> =
            saves.iter().map(|save| (generation.rules.program.model(save.model).name.to_string(), save.id.clone())).collect();
        let stored = self.running.ingest.save(&self.scope, saves, &generation).await.map_err(|error| match error {
            IngestError::Refused { index, refused } => Problem::refused(vec![refused], &format!("/{}", self.saved + index)),
            IngestError::Store(error) => error.into(),
        })?;
        for ((model, id), save) in names.iter().zip(&stored) {
            serde_json::to_writer(&mut self.answers, &SaveAnswer::of(model, id, save, self.explain))
                .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer could not be written"))?;
            self.answers.push(b'\n');
        }
        self.saved += stored.len();
        Ok(())
    }

    /// The answers in the shape the saves came in.
    fn answer(self) -> Response {
        if self.splitter.is_lines() {
            return ([(header::CONTENT_TYPE, "application/x-ndjson")], self.answers).into_response();
        }
        let mut array = Vec::with_capacity(self.answers.len() + 2);
        array.push(b'[');
        // JSON written without indentation has no line break but ours.
        let end = self.answers.len().saturating_sub(1);
        array.extend(self.answers.iter().take(end).map(|&byte| if byte == b'\n' { b',' } else { byte }));
        array.push(b']');
        ([(header::CONTENT_TYPE, "application/json")], array).into_response()
    }
}

/// One item, checked; `index` is its position in the batch.
pub(in crate::server) fn read_item(generation: &Generation, item: &[u8], index: usize) -> Result<Save, Problem> {
    engine::read_item(&generation.rules, item).map_err(|error| match error {
        ItemError::Malformed(detail) => Problem::bad_request("invalid-json", format!("save {index}: {detail}")),
        ItemError::Refused(refused) => Problem::refused(refused, &format!("/{index}/fields")),
    })
}

/// What is said of these calls.
pub(in crate::server) fn described() -> Vec<Operation> {
    let item = object(
        &["model", "id"],
        json!({
            "model": { "type": "string" }, "id": { "type": "string", "minLength": 1 },
            "verb": { "enum": ["put", "patch", "delete", "upload"], "default": "put" },
            "field": { "type": ["string", "null"], "description": "The attachment, with the verb `upload`." },
            "fields": { "type": ["object", "null"], "description": "What is saved: needed unless the verb is `delete`, which has none." },
        }),
    );
    vec![
        Operation::of("saves::batch")
            .says("Save many objects, in order")
            .and("An array, or one save a line; an empty body is a batch of none. 1,000 saves at a time are stored all or nothing; the first that is refused ends the batch, and `saved` says how many are stored.")
            .needs("objects:write")
            .asks::<Explain>()
            .may_take(json!({ "type": "array", "items": item }))
            .takes_as("application/x-ndjson", json!({ "type": "string", "description": "One save a line." }))
            .answers::<Vec<SaveAnswer<'_>>>(200)
            .answers_with(200, "application/x-ndjson", json!({ "type": "string", "description": "One answer a line." })),
    ]
}
