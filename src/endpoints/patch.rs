//! A change of an endpoint: fields that replace, then what is removed, then what is added, so that an addition wins.

use serde_json::Value;

use super::definition::Definition;
use super::document::{Field, Mistake, Object};
use super::draft::{Draft, Read};
use super::hidden::stay_where_given;
use super::interest::{add_event, add_headers, headers};

/// Names that one change may remove or add.
const MOST_NAMES: usize = 1_000;

/// A change.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// What replaces.
    pub draft: Draft,
    /// A list of names.
    pub add_event_types: Option<Field>,
    /// A list of names.
    pub remove_event_types: Option<Field>,
    /// Headers; each takes the place of those with its name.
    pub add_headers: Option<Field>,
    /// A list of header names.
    pub remove_headers: Option<Field>,
    /// True: what was said about failures is forgotten, before anything else is said about them.
    pub remove_failure_handling: Option<Field>,
}

impl Patch {
    /// The fields as this node's own API calls them. `text` is the document that `object` was read from.
    pub fn own(object: &mut Object, text: &[u8]) -> Self {
        Self {
            draft: Draft::own(object, text),
            add_event_types: object.take("add_event_types"),
            remove_event_types: object.take("remove_event_types"),
            add_headers: object.take("add_headers"),
            remove_headers: object.take("remove_headers"),
            remove_failure_handling: object.take("remove_failure_handling"),
        }
    }

    /// Changes the definition.
    pub fn apply(self, to: &mut Definition, out: &mut Vec<Mistake>) -> Read {
        let Self { draft, add_event_types, remove_event_types, add_headers: more_headers, remove_headers, remove_failure_handling } = self;
        if remove_failure_handling.and_then(|field| field.boolean(out)).unwrap_or(false) {
            to.failure_handling = None;
        }
        let (before_url, before_headers) = (to.wants.url.clone(), to.wants.headers.clone());
        let mut read = draft.read(to, out);
        let removed = names(remove_event_types, out);
        let before = to.wants.event_types.len();
        to.wants.event_types.retain(|known| !removed.iter().any(|(name, _)| **name == **known));
        for (name, pointer) in names(add_event_types, out) {
            add_event(name, pointer, &mut to.wants, &mut read);
        }
        if to.wants.event_types.is_empty()
            && before > 0
            && let Some((_, pointer)) = removed.first()
        {
            let message = "no event type is left, expected at least one; to receive nothing, set `enabled` to false".to_owned();
            out.push(Mistake { pointer: pointer.clone(), code: "invalid-value", message, help: None });
        }
        for (name, _) in names(remove_headers, out) {
            to.wants.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        }
        if let Some(field) = more_headers {
            let more = headers(field, &before_headers, out);
            to.wants.headers.retain(|(known, _)| !more.iter().any(|header| header.name.eq_ignore_ascii_case(known)));
            add_headers(more, &mut to.wants, &mut read);
        }
        stay_where_given(&before_url, &to.wants, &read, out);
        read
    }
}

/// The names of a list, each with its place.
fn names(field: Option<Field>, out: &mut Vec<Mistake>) -> Vec<(String, String)> {
    let Some(field) = field else { return Vec::new() };
    let items = if let Value::String(_) = field.value { vec![field] } else { field.list(MOST_NAMES, out).unwrap_or_default() };
    let name = |item: Field| {
        let pointer = item.pointer.clone();
        Some((item.text(out)?, pointer))
    };
    items.into_iter().filter_map(name).collect()
}
