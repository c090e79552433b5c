//! An endpoint of a tenant is made, changed, found, deleted: what this node's own API and those of other systems have in common. All checks
//! are made before anything is kept.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::access::TenantScope;
use crate::check::{Fit, Part, TenantEndpoint, Wants};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use crate::endpoints::{AlertTo, Definition, Mistake as DocumentMistake, Read};
use crate::generation::Generation;
use crate::ids::{EndpointId, WebhookId};
use crate::reload::KeepError;
use crate::server::problem::{Mistake, TextPlace, TextSpan};
use crate::server::{Problem, Running};
use crate::store::{Over, OwnEndpoint, OwnEndpointRow, OwnFilter, OwnPage};
use crate::text::{SourceMap, Span};

/// Bytes of a request that makes or changes an endpoint: a body template and its headers, several times over.
pub(super) const LONGEST: usize = 256 * 1024;

/// Times that a change is made anew because another one came between.
const MOST_TRIES: usize = 16;
/// Endpoints that are read from the store together.
const READ_TOGETHER: usize = 1_000;

/// An endpoint with what the store knows of it.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) row: OwnEndpointRow,
    pub(super) definition: Definition,
    /// What is not wrong, and worth knowing.
    pub(super) warnings: Vec<Mistake>,
}

impl Kept {
    pub(super) fn of(row: OwnEndpointRow) -> Result<Self, Problem> {
        Ok(Self { definition: definition(&row)?, row, warnings: Vec::new() })
    }
}

/// What was submitted.
pub(super) struct Submitted {
    pub(super) definition: Definition,
    pub(super) read: Read,
    pub(super) mistakes: Vec<DocumentMistake>,
}

/// Where an endpoint is kept.
pub(super) struct Seat {
    pub(super) id: EndpointId,
    over: Over,
    /// What stands there.
    before: Option<Definition>,
}

impl Seat {
    /// A place of its own.
    pub(super) fn new(running: &Running) -> Self {
        let now = running.ingest.clock.now();
        let id = EndpointId::new(format!("ep_{}", running.ingest.entropy.uuid(now).simple()));
        Self::of(id)
    }

    /// The place of this id, if nobody has it.
    pub(super) fn of(id: EndpointId) -> Self {
        Self { id, over: Over::Nothing, before: None }
    }

    /// A place of its own, if no endpoint of the same API is found by the same there.
    pub(super) fn alone(running: &Running) -> Self {
        Self { over: Over::NothingAlike, ..Self::new(running) }
    }
}

/// Makes an endpoint.
pub(super) async fn make(running: &Running, tenant: &TenantScope, submitted: Submitted) -> Result<Kept, Problem> {
    let kept = keep(running, tenant, Seat::new(running), submitted).await?;
    kept.ok_or_else(|| Problem::new(StatusCode::CONFLICT, "endpoint-exists", "there is an endpoint with the same id already"))
}

/// Changes an endpoint into what `change` makes of it. Of two who change it at once neither undoes what the other does: it is read anew, and
/// changed again.
pub(super) async fn change(
    running: &Running,
    tenant: &TenantScope,
    id: &EndpointId,
    change: impl Fn(Kept) -> Result<Submitted, Problem>,
) -> Result<Kept, Problem> {
    for _ in 0..MOST_TRIES {
        let before = find(running, tenant, id).await?;
        let seat = Seat { id: id.clone(), over: Over::AsOf(before.row.updated_at), before: Some(before.definition.clone()) };
        if let Some(kept) = keep(running, tenant, seat, change(before)?).await? {
            return Ok(kept);
        }
    }
    let detail = format!("the endpoint `{id}` is being changed by others, {MOST_TRIES} times while this change was made");
    Err(Problem::new(StatusCode::CONFLICT, "changed-meanwhile", detail).help("repeat it in a moment"))
}

/// Checks an endpoint and keeps it; `None` when its place is taken, or what was there is not what it was.
pub(super) async fn keep(running: &Running, tenant: &TenantScope, seat: Seat, submitted: Submitted) -> Result<Option<Kept>, Problem> {
    let Seat { id, over, before } = seat;
    check_document(running, tenant, &id, &submitted)?;
    let (mistakes, warnings) = check(running, &running.ingest.generation(), &submitted).await?;
    // One that is held since a change of the schema can be given another name, or be disabled, before it is mended.
    if !mistakes.is_empty() && before.is_none_or(|before| asks_for_more(&before, &submitted.definition)) {
        return Err(Problem::mistakes(mistakes));
    }
    let Submitted { definition, read, .. } = submitted;
    let row = OwnEndpoint {
        id: id.clone(),
        name: definition.name.clone(),
        enabled: definition.enabled,
        events: definition.wants.event_types.clone(),
        dialect: definition.dialect.as_ref().map(|dialect| (dialect.name.clone(), dialect.key.clone())),
        definition: serde_json::to_string(&definition).map_err(|error| internal(&error))?,
        at: running.ingest.clock.now(),
        over,
        most: running.keyring.most(),
    };
    match running.keyring.keep(tenant, row, &definition, read.secret).await {
        Ok(()) => Ok(Some(Kept { warnings, ..find(running, tenant, &id).await? })),
        Err(KeepError::Taken | KeepError::Changed) => Ok(None),
        Err(error @ KeepError::Full(_)) => {
            let help = "delete some, or raise `endpoints` of `[tenants]` in `webhookc.toml`";
            Err(Problem::new(StatusCode::CONFLICT, "too-many-endpoints", error.to_string()).help(help))
        }
        Err(KeepError::Build(error)) => Err(internal(&error)),
    }
}

/// Checks an endpoint as it is checked when it is kept; what is worth knowing.
pub(super) async fn examine(
    running: &Running,
    tenant: &TenantScope,
    id: &EndpointId,
    submitted: &Submitted,
) -> Result<Vec<Mistake>, Problem> {
    check_document(running, tenant, id, submitted)?;
    let (mistakes, warnings) = check(running, &running.ingest.generation(), submitted).await?;
    if mistakes.is_empty() { Ok(warnings) } else { Err(Problem::mistakes(mistakes)) }
}

/// What was read has no mistake.
fn check_document(running: &Running, tenant: &TenantScope, id: &EndpointId, submitted: &Submitted) -> Result<(), Problem> {
    let Submitted { definition, read, mistakes } = submitted;
    let mut mistakes = mistakes.clone();
    check_alert(running, tenant, id, definition, read, &mut mistakes);
    if mistakes.is_empty() { Ok(()) } else { Err(Problem::document(mistakes)) }
}

/// Whether a change is about what is compiled, or has it sent again.
fn asks_for_more(before: &Definition, after: &Definition) -> bool {
    let laid_out_alike = Wants { body: before.wants.body.clone(), ..after.wants.clone() };
    laid_out_alike != before.wants
        || !says_the_same(before.wants.body.as_deref(), after.wants.body.as_deref())
        || after.alert_place() != before.alert_place()
        || (after.enabled && !before.enabled)
}

/// Whether two bodies are the same text, or the same JSON: what is sent back has been read and written by others.
fn says_the_same(before: Option<&str>, after: Option<&str>) -> bool {
    let read = |body: Option<&str>| body.and_then(|text| serde_json::from_str::<Value>(text).ok());
    before == after || read(before).is_some_and(|before| Some(before) == read(after))
}

/// An endpoint that the tenant has made.
pub(super) async fn find(running: &Running, tenant: &TenantScope, id: &EndpointId) -> Result<Kept, Problem> {
    let row = running.ingest.store.own_endpoint(tenant, id).await?;
    Kept::of(row.ok_or_else(|| Problem::not_found("unknown-endpoint", format!("there is no endpoint `{id}`")))?)
}

/// All endpoints that a filter lets through, in the order in which they were made.
pub(super) async fn all(running: &Running, tenant: &TenantScope, filter: &OwnFilter) -> Result<Vec<Kept>, Problem> {
    let (mut kept, mut after) = (Vec::new(), 0);
    loop {
        let page = OwnPage { after, offset: 0, limit: READ_TOGETHER };
        let rows = running.ingest.store.own_endpoints(tenant, filter, page).await?;
        let is_last = rows.len() < READ_TOGETHER;
        after = rows.last().map_or(after, |row| row.row);
        for row in rows {
            kept.push(Kept::of(row)?);
        }
        if is_last {
            return Ok(kept);
        }
    }
}

/// What is said of a stored endpoint.
pub(super) fn definition(row: &OwnEndpointRow) -> Result<Definition, Problem> {
    serde_json::from_str(&row.definition).map_err(|error| internal(&error))
}

/// Deletes an endpoint; `false` when there is none. What it has still to get is given up behind the answer.
pub(super) async fn delete(running: &Running, tenant: &TenantScope, id: &EndpointId) -> Result<bool, Problem> {
    let now = running.ingest.clock.now();
    let gone = running.keyring.forget(tenant, id, now).await.map_err(|error| internal(&error))?;
    if gone {
        let store = running.ingest.store.clone();
        tokio::spawn(async move { while let Ok(true) = store.settle_gone().await {} });
    }
    Ok(gone)
}

/// Why an endpoint does not receive what it asks for, by the rules in force.
pub(super) fn held(generation: &Generation, id: &EndpointId) -> Option<String> {
    generation.own.endpoint(id)?.endpoint.held(&generation.rules)
}

/// An answer as whoever sends it back has it.
pub(super) fn stands(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).unwrap_or_default()
}

fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "an endpoint could not be kept or read");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the endpoint could not be kept or read")
}

/// The endpoint that is told of trouble must be another one of the tenant.
fn check_alert(
    running: &Running,
    tenant: &TenantScope,
    id: &EndpointId,
    definition: &Definition,
    read: &Read,
    out: &mut Vec<DocumentMistake>,
) {
    let told = definition.failure_handling.as_ref().and_then(|handling| handling.alert_endpoint.as_ref());
    let (Some(AlertTo::Endpoint(told)), Some(pointer)) = (told, &read.alert) else { return };
    let known = running.ingest.generation().own.endpoint(told).is_some_and(|own| own.tenant == *tenant.tenant());
    let message = if told == id {
        format!("the endpoint `{told}` cannot be told of its own trouble, expected another one")
    } else if !known {
        format!("there is no endpoint `{told}` to tell of trouble, expected the id of another one that was made by API")
    } else {
        return;
    };
    out.push(DocumentMistake { pointer: pointer.clone(), code: "unknown-endpoint", message, help: None });
}

/// Compiles everything, and asks whether the target may be called; what is wrong, and what is worth knowing.
async fn check(running: &Running, generation: &Generation, submitted: &Submitted) -> Result<(Vec<Mistake>, Vec<Mistake>), Problem> {
    let Submitted { definition, read, .. } = submitted;
    let (rules, wants, place) = (Arc::clone(&generation.rules), definition.wants.clone(), definition.alert_place());
    let compiled = tokio::task::spawn_blocking(move || {
        let found = wants.check(&rules);
        let alerts = place.as_ref().map(Wants::check_alone).unwrap_or_default();
        let webhooks = (0_u32..).zip(&rules.program.webhooks);
        let first = webhooks.filter(|(_, webhook)| wants.includes(&rules.program, webhook)).map(|(index, _)| WebhookId(index)).next();
        let origin = first.and_then(|webhook| match &*TenantEndpoint::new(EndpointId::new(""), "".into(), wants).fit(&rules, webhook) {
            Fit::Ready(fitted) => fitted.request.origin().map(str::to_owned),
            Fit::Held(_) => None,
        });
        (found, alerts, origin)
    });
    let (found, alerts, origin) = compiled.await.map_err(|error| internal(&error))?;
    let alert_place = definition.alert_place();
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    sort_in(&found, &definition.wants, |part| pointer(part, read), (&mut errors, &mut warnings));
    if let Some(wants) = &alert_place {
        sort_in(&alerts, wants, |part| alert_pointer(part, read), (&mut errors, &mut warnings));
    }
    for (origin, at) in
        [(origin, pointer(Part::Url, read)), (alert_place.map(|wants| wants.url.to_string()), alert_pointer(Part::Url, read))]
    {
        let url = origin.and_then(|origin| Url::parse(&origin).ok());
        let Some(host) = url.as_ref().and_then(Url::host) else { continue };
        if let Err(why) = running.egress.admits(&host).await {
            errors.push(Mistake { pointer: at, code: "forbidden-target", detail: why, help: None, span: None });
        }
    }
    Ok((errors, warnings))
}

fn sort_in(
    found: &Diagnostics,
    wants: &Wants,
    pointer: impl Fn(Part) -> String,
    (errors, warnings): (&mut Vec<Mistake>, &mut Vec<Mistake>),
) {
    for diagnostic in found {
        let mistake = mistake(diagnostic, wants, &pointer);
        if diagnostic.severity() == Severity::Error { errors.push(mistake) } else { warnings.push(mistake) }
    }
}

fn mistake(found: &Diagnostic, wants: &Wants, pointer: impl Fn(Part) -> String) -> Mistake {
    let part = Part::of(found.primary.span.file);
    let help = found.help.first().cloned().or_else(|| found.fixes.first().map(|fix| fix.title.clone()));
    let (mut pointer, mut span) = (pointer(part), Some(span(wants.text(part), found.primary.span)));
    // What a condition leads to can never be one of its values: these are at fault.
    if found.code == Code::TypeMismatch
        && let (Part::Path(_), Some(condition)) = (part, pointer.strip_suffix("/path"))
    {
        (pointer, span) = (format!("{condition}/accepted_values"), None);
    }
    Mistake { pointer, code: found.code.as_str(), detail: found.message.clone(), help, span }
}

fn span(text: &str, span: Span) -> TextSpan {
    let mut sources = SourceMap::default();
    let file = sources.add("", text.as_bytes().to_vec());
    let place = |offset: u32| {
        let at = sources.file(file).position(offset);
        TextPlace { offset, line: at.line, column: at.column }
    };
    TextSpan { start: place(span.start), end: place(span.end) }
}

/// Where a part stands in what was submitted, or where it would.
fn pointer(part: Part, read: &Read) -> String {
    if let Some((_, pointer)) = read.places.iter().find(|(known, _)| *known == part) {
        return pointer.clone();
    }
    match part {
        Part::EventType(index) => format!("/event_types/{index}"),
        Part::Model => "/scope/model".to_owned(),
        Part::Url => "/url".to_owned(),
        Part::HeaderName(index) | Part::HeaderValue(index) => format!("/headers/{index}"),
        Part::ContentType => "/content_type".to_owned(),
        Part::Body => "/body".to_owned(),
        Part::Path(index) => format!("/conditions/{index}/path"),
    }
}

/// Where a part of the place stands that is told of trouble.
fn alert_pointer(part: Part, read: &Read) -> String {
    let place = read.alert.as_deref().unwrap_or("/failure_handling/alert_endpoint");
    match part {
        Part::HeaderName(_) | Part::HeaderValue(_) => format!("{place}/headers"),
        Part::EventType(_) | Part::Model | Part::Url | Part::ContentType | Part::Body | Part::Path(_) => format!("{place}/url"),
    }
}
