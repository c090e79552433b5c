//! `POST T/saves`: a batch as a JSON array or NDJSON, read as it arrives. A chunk of 1,000 saves is stored all or nothing; the first
//! chunk that is refused ends the batch, and the answer says how many saves before it are stored. The answers, which may be larger than the
//! saves, are in memory until the last of them has been sent: they have a limit too, and take up room among the bodies.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use serde_json::json;

use super::objects::SaveAnswer;
use crate::access::{TenantScope, may};
use crate::engine::{self, ItemError, MAX_BODY_BYTES, Save};
use crate::generation::Generation;
use crate::ingest::IngestError;
use crate::server::access::Allowed;
use crate::server::batch::Splitter;
use crate::server::body::{Arrival, Room};
use crate::server::openapi::{Operation, object};
use crate::server::request::{Explain, Parameters};
use crate::server::{App, Problem, Running};

/// Bytes of a batch.
pub(in crate::server) const BATCH: usize = 64 << 20;
/// Bytes of the answers to a batch, from which on no chunk is stored any more.
const ANSWERS: usize = 64 << 20;
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
        answers: Answers { text: Vec::new(), room: Room::of_answers(&app) },
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
    answers: Answers,
}

/// The answers to the saves, and their hold on the memory.
struct Answers {
    /// In the shape that the saves came in; an array is not closed yet.
    text: Vec<u8>,
    room: Room,
}

impl Answers {
    /// Takes up room for what has been written; an error comes before more is stored.
    fn make_room(&mut self) -> Result<(), Problem> {
        if self.text.len() < ANSWERS {
            return self.room.grow(self.text.len());
        }
        let detail = format!("the answers to the saves are larger than {} MiB, expected a batch of fewer saves", ANSWERS >> 20);
        let help = "send those that are not saved in another batch; without `explain` the answers are smaller";
        Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "answers-too-large", detail).help(help))
    }
}

impl AsRef<[u8]> for Answers {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
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
        self.answers.make_room()?;
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
        self.saved += stored.len();
        let text = &mut self.answers.text;
        for ((model, id), save) in names.iter().zip(&stored) {
            if !self.splitter.is_lines() {
                text.push(if text.is_empty() { b'[' } else { b',' });
            }
            serde_json::to_writer(&mut *text, &SaveAnswer::of(model, id, save, self.explain))
                .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer could not be written"))?;
            if self.splitter.is_lines() {
                text.push(b'\n');
            }
        }
        Ok(())
    }

    /// The answers in the shape the saves came in.
    fn answer(self) -> Response {
        let Self { splitter, mut answers, .. } = self;
        if splitter.is_lines() {
            return ([(header::CONTENT_TYPE, "application/x-ndjson")], Bytes::from_owner(answers)).into_response();
        }
        answers.text.extend_from_slice(if answers.text.is_empty() { b"[]" } else { b"]" });
        ([(header::CONTENT_TYPE, "application/json")], Bytes::from_owner(answers)).into_response()
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
            .and("An array, or one save a line; an empty body is a batch of none. 1,000 saves at a time are stored all or nothing; the first that is refused ends the batch, and `saved` says how many are stored. So does a chunk before which the answers have become larger than 64 MiB (413, `answers-too-large`).")
            .needs("objects:write")
            .asks::<Explain>()
            .may_take(json!({ "type": "array", "items": item }))
            .takes_as("application/x-ndjson", json!({ "type": "string", "description": "One save a line." }))
            .answers::<Vec<SaveAnswer<'_>>>(200)
            .answers_with(200, "application/x-ndjson", json!({ "type": "string", "description": "One answer a line." })),
    ]
}
