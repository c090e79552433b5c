//! What an object belongs to: a model with a `<belongs-to>` or a field of that name. APIs that speak of a thing, and not of event types, mean
//! every event about an object that belongs to it, also those that the schema gets later.

use crate::program::{Kind, Program, Webhook};

/// The path to the id of a thing that an object of this webhook's model belongs to, or has a field for: `object.workflow_id`.
#[must_use]
pub fn path_to(program: &Program, webhook: &Webhook, thing: &str) -> Option<String> {
    let id = format!("{thing}_id");
    program.model(webhook.model).properties.iter().find_map(|property| match property.kind {
        Kind::BelongsTo(_) if *property.name == *thing => Some(path_of(thing)),
        Kind::Field(_) if *property.name == *id => Some(path_of(thing)),
        Kind::BelongsTo(_) | Kind::Field(_) => None,
    })
}

/// The path to the id of a thing, in every model that belongs to it.
#[must_use]
pub fn path_of(thing: &str) -> String {
    format!("object.{thing}_id")
}

/// Whether an object of this webhook's model belongs to all of these things.
#[must_use]
pub fn is_about<T: AsRef<str>>(program: &Program, webhook: &Webhook, things: &[T]) -> bool {
    things.iter().all(|thing| path_to(program, webhook, thing.as_ref()).is_some())
}
