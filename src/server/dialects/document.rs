//! What the documents of other systems have in common: fields that must be there, and where a thing of theirs stands in the data model.

use crate::endpoints::{Mistake, Object, Style, document};
use crate::program::{Kind, Program, Webhook};
use crate::server::Problem;

/// Reads the body of a request, which must be an object.
pub(super) fn read(text: &[u8], style: Style, out: &mut Vec<Mistake>) -> Result<Object, Problem> {
    document(text, style, out).ok_or_else(|| Problem::document(std::mem::take(out)))
}

/// Says that a field is not there.
pub(super) fn missing(object: &Object, name: &str, out: &mut Vec<Mistake>) {
    let pointer = object.place_of(name);
    let message = format!("`{}` is missing", pointer.trim_start_matches('/').replace('/', "."));
    out.push(Mistake { pointer, code: "missing-field", message, help: None });
}

/// The path to the id of a thing that an object of this webhook's model belongs to, or has a field for: `object.workflow_id`.
pub(super) fn path_to(program: &Program, webhook: &Webhook, thing: &str) -> Option<String> {
    let id = format!("{thing}_id");
    program.model(webhook.model).properties.iter().find_map(|property| match property.kind {
        Kind::BelongsTo(_) if *property.name == *thing => Some(format!("object.{id}")),
        Kind::Field(_) if *property.name == *id => Some(format!("object.{id}")),
        Kind::BelongsTo(_) | Kind::Field(_) => None,
    })
}

/// The names of the webhooks whose objects belong to all of these things.
pub(super) fn events_about(program: &Program, things: &[&str]) -> Vec<Box<str>> {
    let about = |webhook: &&Webhook| things.iter().all(|thing| path_to(program, webhook, thing).is_some());
    program.webhooks.iter().filter(about).map(|webhook| webhook.name.clone()).collect()
}

/// That no webhook is about what this API is about, which is the schema's business and not the caller's.
pub(super) fn no_events(things: &[&str]) -> Problem {
    let detail = format!("no webhook of the schema is about an object that belongs to {}", things.join(" and "));
    Problem::new(axum::http::StatusCode::CONFLICT, "no-event-type", detail)
        .help("a model with a `<belongs-to>` of that name, and a `<webhook>` in it, is what this API sends")
}
