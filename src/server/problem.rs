//! Errors of the API: RFC 9457 problems, each with a code of ours and, for a body, one entry per mistake.

use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostics::suggestion;
use crate::endpoints;
use crate::engine::Refused;
use crate::ingest::IngestError;
use crate::store::StoreError;

/// The content type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Characters of a sentence about a mistake.
const LONGEST_DETAIL: usize = 1_000;

/// Why a request failed. Its JSON is the answer's body.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Problem(Box<Details>);

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct Details {
    /// Identifies the kind for programs.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// Kebab-case kind, such as `unknown-model`.
    code: &'static str,
    /// One sentence.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// The mistakes of the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Mistake>,
    /// In a batch: how many saves before the refused chunk are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<usize>,
    /// When to come again: the header `Retry-After`.
    #[serde(skip)]
    retry_after: Option<Duration>,
}

/// One mistake of a body.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Mistake")]
pub(super) struct Mistake {
    /// JSON pointer (RFC 6901) into the body.
    pub(super) pointer: String,
    pub(super) code: &'static str,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
    /// Which bytes of the text at the pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) span: Option<TextSpan>,
}

/// A part of a text: where it begins, and where it ends.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct TextSpan {
    pub(super) start: TextPlace,
    pub(super) end: TextPlace,
}

/// A place in a text: bytes from 0, line and column (in characters) from 1.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct TextPlace {
    pub(super) offset: u32,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Mistake {
    /// The sentence with the name of the field, where it does not say it by itself.
    fn named(&self) -> String {
        let name = self.pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~");
        let field = name.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
        let says = [format!("`{name}`"), format!("`{field}`")].iter().any(|name| self.detail.contains(name));
        if field.is_empty() || says { self.detail.clone() } else { format!("`{name}`: {}", self.detail) }
    }

    fn of(mistake: endpoints::Mistake) -> Self {
        let endpoints::Mistake { pointer, code, message, help } = mistake;
        Self { pointer, code, detail: message, help, span: None }
    }
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind: format!("urn:webhookc:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            help: None,
            errors: Vec::new(),
            saved: None,
            retry_after: None,
        }))
    }

    pub(super) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(super) fn not_ready() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", "no program is live yet: the node is starting, or the schema has errors")
            .help("send it again in a moment; if it stays so, fix what the node has reported, and it goes on by itself")
    }

    pub(super) fn shutting_down() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "the node is shutting down")
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Advises the name that was meant, if one of these is near what was seen.
    pub(super) fn did_you_mean<'k>(self, seen: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        match suggestion(seen, known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// A save that was refused; `prefix` points to it in the body.
    pub(super) fn refused(refused: Vec<Refused>, prefix: &str) -> Self {
        let Some(first) = refused.first() else {
            return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "the save was refused");
        };
        let detail = match refused.len() {
            1 => first.message.clone(),
            count => format!("{count} mistakes, the first: {}", first.message),
        };
        let mut problem = Self::new(status_of(first.kind), first.kind, detail);
        problem.0.help.clone_from(&first.help);
        let mistake = |refused: Refused| Mistake {
            pointer: format!("{prefix}{}", refused.pointer),
            code: refused.kind,
            detail: refused.message,
            help: refused.help,
            span: None,
        };
        problem.0.errors = refused.into_iter().map(mistake).collect();
        problem
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The status in words.
    pub(super) fn title(&self) -> &'static str {
        self.0.title
    }

    /// One sentence.
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Whether no key came, or what came is none.
    pub(super) fn is_about_showing_a_key(&self) -> bool {
        matches!(self.0.code, "key-missing" | "key-malformed")
    }

    /// What to do about it.
    pub(super) fn advice(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The mistakes of what was submitted.
    pub(super) fn errors(&self) -> &[Mistake] {
        &self.0.errors
    }

    /// Everything that is wrong with a submitted document.
    pub(super) fn document(mistakes: Vec<endpoints::Mistake>) -> Self {
        Self::mistakes(mistakes.into_iter().map(Mistake::of).collect())
    }

    /// What is wrong with one field of a body.
    pub(super) fn at(pointer: &str, code: &'static str, detail: String) -> Self {
        Self::mistakes(vec![Mistake { pointer: pointer.to_owned(), code, detail, help: None, span: None }])
    }

    /// Everything that is wrong with a body.
    pub(super) fn mistakes(mut mistakes: Vec<Mistake>) -> Self {
        for mistake in &mut mistakes {
            shorten(&mut mistake.detail);
        }
        let Some(first) = mistakes.first() else {
            return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "the request was refused");
        };
        let detail = match mistakes.len() {
            1 => first.named(),
            count => format!("{count} mistakes, the first: {}", first.named()),
        };
        let mut problem = Self::new(status_of(first.code), first.code, detail);
        problem.0.help.clone_from(&first.help);
        problem.0.errors = mistakes;
        problem
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// When to come again, as `Retry-After` says it: in whole seconds, and never too few.
    pub(super) fn wait(&self) -> Option<HeaderValue> {
        self.0.retry_after.map(|wait| HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
    }

    pub(super) fn saved(mut self, saved: usize) -> Self {
        self.0.saved = Some(saved);
        self
    }

    /// Whether a part of the request has been done.
    pub(super) fn is_done_in_part(&self) -> bool {
        self.0.saved.is_some_and(|saved| saved > 0)
    }
}

/// What a sentence repeats of a request is not repeated at length.
fn shorten(detail: &mut String) {
    if let Some((end, _)) = detail.char_indices().nth(LONGEST_DETAIL) {
        detail.truncate(end);
        detail.push('…');
    }
}

/// What a kind of refusal is in HTTP.
fn status_of(kind: &str) -> StatusCode {
    match kind {
        "invalid-json" => StatusCode::BAD_REQUEST,
        "unknown-model" | "no-such-object" => StatusCode::NOT_FOUND,
        "too-large" => StatusCode::PAYLOAD_TOO_LARGE,
        "too-many-waiting" => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// What a store that cannot answer is in HTTP, and the code for it.
pub(super) fn of_store(error: &StoreError) -> (StatusCode, &'static str) {
    match error {
        StoreError::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "store-busy"),
        StoreError::Away(_) => (StatusCode::SERVICE_UNAVAILABLE, "store-away"),
        StoreError::Full => (StatusCode::SERVICE_UNAVAILABLE, "store-full"),
        StoreError::Closed => (StatusCode::SERVICE_UNAVAILABLE, "shutting-down"),
        // Of a node that is at work: another version has changed the tables.
        StoreError::Open { .. } => (StatusCode::SERVICE_UNAVAILABLE, "store-outgrown"),
        StoreError::Target { .. }
        | StoreError::Locked
        | StoreError::WrongKey { .. }
        | StoreError::Secret { .. }
        | StoreError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store-failed"),
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (status, code) = of_store(&error);
        tracing::error!(%error, "the store could not answer");
        Self::new(status, code, error.to_string())
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Refused { refused, .. } => Self::refused(vec![refused], ""),
            IngestError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, wait) = (self.status(), self.wait());
        let mut answer = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], self.to_json()).into_response();
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = wait {
            answer.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        // For whoever can say it better to a browser.
        answer.extensions_mut().insert(self);
        answer
    }
}

pub(super) fn unknown_path(uri: &Uri) -> Problem {
    Problem::not_found("unknown-path", format!("there is nothing at `{}`", uri.path()))
        .help("objects are at `/api/v1/tenants/default/objects/MODEL/ID`")
}

/// The router adds `Allow`.
#[must_use]
pub(super) fn wrong_method(method: &Method, uri: &Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", format!("`{method}` is not possible at `{}`", uri.path()))
        .help("the header `Allow` lists the methods that are")
}
