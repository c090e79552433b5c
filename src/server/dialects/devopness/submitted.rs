//! A hook as submitted → an endpoint. What its `action_type` and `resource` limit it to are conditions on the data model: the event's model
//! has a field `action_type`, and belongs to a model of the resource's name.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{NAME, answer};
use crate::check::{Accepts, Part, path_to};
use crate::endpoints::{Definition, Dialect, Draft, Field, Mistake, Read, Style};
use crate::program::Program;
use crate::server::Problem;
use crate::server::dialects::document::{missing, read};
use crate::server::tenant_endpoints::{Kept, Submitted, stands};

/// Characters of a name there.
const LONGEST_NAME: usize = 60;
/// Characters of a kind of action or of resource.
const LONGEST_KIND: usize = 60;

/// What only tells how a hook stands.
const READ_ONLY: &[&str] = &["id", "type", "active", "created_at", "updated_at"];

/// The header that says what the body is.
pub(super) const CONTENT_TYPE: &str = "Content-Type";
/// What a body is that is no JSON, when nothing is said.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// The body template as it was written.
fn body_text(text: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Hook<'t> {
        #[serde(borrow)]
        settings: Option<Settings<'t>>,
    }
    #[derive(Deserialize)]
    struct Settings<'t> {
        #[serde(borrow)]
        request_body: Option<&'t RawValue>,
    }
    let hook: Hook<'_> = serde_json::from_slice(text).ok()?;
    Some(hook.settings?.request_body?.get().to_owned())
}

/// What a hook is limited to.
struct Limits {
    action_type: Option<String>,
    resource_type: Option<String>,
    resource_id: Option<String>,
}

/// What the schema may know no longer of the hook that is replaced: it can be renamed or disabled nevertheless, as long as this stays.
#[derive(Default)]
struct Stood {
    events: Vec<Value>,
    resource_type: Value,
    /// Where the id of its resource stands.
    path: Option<Box<str>>,
}

impl Stood {
    fn of(before: &Kept) -> Self {
        let document = before.definition.dialect.as_ref().map_or(&Value::Null, |dialect| &dialect.document);
        // What a hook is limited to was added behind the conditions of its own.
        let limit = before.definition.wants.conditions.last();
        let limit = limit.filter(|limit| *limit.accepted_values == [document["resource_id"].clone()]);
        Self {
            events: document["events"].as_array().cloned().unwrap_or_default(),
            resource_type: document["resource_type"].clone(),
            path: limit.map(|limit| limit.path.clone()),
        }
    }

    fn path_to(self, resource: Option<&str>) -> Option<Box<str>> {
        self.path.filter(|_| resource.is_some_and(|resource| self.resource_type == resource))
    }
}

/// The document without the lines that are notes to its reader (`// NOTE: …`), as in the seed's own example. Everything else keeps its
/// place. No text in JSON has a line break of its own, so that no note stands in one.
fn without_notes(text: &[u8]) -> Vec<u8> {
    let mut left = text.to_vec();
    for line in left.split_mut(|byte| *byte == b'\n').filter(|line| line.trim_ascii_start().starts_with(b"//")) {
        line.fill(b' ');
    }
    left
}

/// A hook, whole; `before` is the one that it replaces.
pub(super) fn hook(program: &Program, before: Option<Kept>, text: &[u8]) -> Result<Submitted, Problem> {
    let mut out = Vec::new();
    let text = &without_notes(text);
    let mut object = read(text, Style::Snake, &mut out)?;
    for name in ["name", "action_type", "resource_type", "resource_id", "target_url", "trigger_when"] {
        if !object.has(name) {
            missing(&object, name, &mut out);
        }
    }
    let name = object.take("name");
    let wrong_name = name.clone().is_some_and(|field| field.text_within(1..=LONGEST_NAME, &mut out).is_none());
    let action_type = object.take("action_type").and_then(|field| field.text_within(1..=LONGEST_KIND, &mut out));
    let resource_type = object.take("resource_type").and_then(|field| field.text_within(1..=LONGEST_KIND, &mut out));
    let resource_id = object.take("resource_id").and_then(|field| id(field, &mut out));
    let mut draft = Draft { name: name.filter(|_| !wrong_name), url: object.take("target_url"), ..Draft::default() };
    if let Some(mut settings) = object.take("settings").and_then(|field| field.object(&mut out)) {
        draft.headers = settings.take("request_headers");
        draft.body = settings.take("request_body");
        draft.body_text = body_text(text);
        draft.content_type = media_type(draft.headers.as_ref(), draft.body.as_ref());
        settings.finish(&mut out);
    }
    let stood = before.as_ref().map(Stood::of).unwrap_or_default();
    let mut events = Vec::new();
    if let Some(mut when) = object.take("trigger_when").and_then(|field| field.object(&mut out)) {
        if !when.has("events") {
            missing(&when, "events", &mut out);
        }
        let field = when.take("events");
        draft.conditions = when.take("conditions");
        when.finish(&mut out);
        (draft.event_types, events) = event_types(program, &stood.events, field, &mut out);
    }
    let mut definition = before.as_ref().map_or_else(Draft::blank, |before| before.definition.clone());
    if let Some(before) = before {
        object.take_told(READ_ONLY, &stands(&answer::hook(before)), &mut out);
    }
    object.finish(&mut out);
    let conditions = draft.conditions.clone().map_or_else(|| json!([]), |field| field.value);
    // A hook is replaced as a whole, but for what only this node's own API says of it. Headers that are not shown may be sent back as they are.
    let wants = &mut definition.wants;
    (wants.body, wants.content_type, wants.conditions) = (None, None, Vec::new());
    if draft.headers.is_none() {
        wants.headers.clear();
    }
    let mut read = draft.apply(&mut definition, &mut out);
    leave_out_media_type(&mut definition, &mut read);
    let limits = Limits { action_type, resource_type, resource_id };
    let path = stood.path_to(limits.resource_type.as_deref());
    limit(program, (&limits, path), &mut definition, &mut read, &mut out);
    let Limits { action_type, resource_type, resource_id } = limits;
    let key = format!("{}/{}", resource_type.as_deref().unwrap_or_default(), resource_id.as_deref().unwrap_or_default());
    let document = json!({
        "action_type": action_type, "resource_type": resource_type, "resource_id": resource_id, "events": events, "conditions": conditions,
    });
    definition.dialect = Some(Dialect { name: NAME.to_owned(), key, document });
    Ok(Submitted { definition, read, mistakes: out })
}

/// What the body is: as the header says, which is none of the headers here; otherwise JSON, unless it is a text that cannot be. Where
/// there is no body of its own, `application/json` is what is sent anyway.
fn media_type(headers: Option<&Field>, body: Option<&Field>) -> Option<Field> {
    let items = headers.filter(|field| field.value.is_array()).map(|field| field.clone().one_or_many());
    let named = items.into_iter().flatten().find_map(|item| {
        let mut header = item.object(&mut Vec::new())?;
        let is_it = header.take("name")?.value.as_str().is_some_and(|name| name.eq_ignore_ascii_case(CONTENT_TYPE));
        header.take("value").filter(|_| is_it)
    });
    let Some(body) = body else { return named.filter(|media| media.value != "application/json") };
    let is_text = body.value.as_str().is_some_and(|text| !text.trim_start().starts_with(['{', '[']));
    named.or_else(|| is_text.then(|| Field { value: Value::from(TEXT), ..body.clone() }))
}

/// The first header that says what the body is, which has been read.
fn leave_out_media_type(definition: &mut Definition, read: &mut Read) {
    let headers = &mut definition.wants.headers;
    let Some(at) = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE)) else { return };
    headers.remove(at);
    let index = u32::try_from(at).unwrap_or(u32::MAX);
    read.places.retain(|(part, _)| !matches!(part, Part::HeaderName(known) | Part::HeaderValue(known) if *known == index));
    for (part, _) in &mut read.places {
        if let Part::HeaderName(known) | Part::HeaderValue(known) = part
            && *known > index
        {
            *known -= 1;
        }
    }
}

/// A number, or a text.
fn id(field: Field, out: &mut Vec<Mistake>) -> Option<String> {
    match &field.value {
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        Value::String(_) => field.text_within(1..=LONGEST_KIND, out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            field.mismatch("the id of a resource, a whole number from 0 or a text", out);
            None
        }
    }
}

/// `action.started` is the webhook of this name or, as names in a schema have no dots, `action_started`. The names there, too. Of those
/// that `stood` in the hook before, others say whether there are any.
fn event_types(program: &Program, stood: &[Value], field: Option<Field>, out: &mut Vec<Mistake>) -> (Option<Field>, Vec<String>) {
    let Some(field) = field else { return (None, Vec::new()) };
    let mut seen = Vec::new();
    let place = field.clone();
    for item in place.one_or_many() {
        if let Value::String(name) = &item.value {
            let own = name.replace('.', "_");
            seen.push(name.clone());
            if program.webhook_named(name).is_none() && program.webhook_named(&own).is_none() && !stood.contains(&item.value) {
                let names: Vec<String> = program.webhooks.iter().map(|webhook| webhook.name.replacen('_', ".", 1)).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                item.unknown_word(&names, out);
            }
        }
    }
    let known = |value: Value| match value.as_str() {
        Some(name) if program.webhook_named(name).is_none() => Value::from(name.replace('.', "_")),
        Some(_) | None => value,
    };
    let mut field = field;
    field.value = if let Value::Array(items) = field.value { items.into_iter().map(known).collect() } else { known(field.value) };
    (Some(field), seen)
}

/// Adds the conditions that the kind of action and the resource are; `stood` is the path to the same kind of resource before.
fn limit(
    program: &Program,
    (limits, stood): (&Limits, Option<Box<str>>),
    definition: &mut Definition,
    read: &mut Read,
    out: &mut Vec<Mistake>,
) {
    if let Some(action) = &limits.action_type {
        add(definition, read, ("object.action_type".to_owned(), action), "/action_type");
    }
    let (Some(resource), Some(id)) = (&limits.resource_type, &limits.resource_id) else { return };
    let subscribed = definition.wants.event_types.iter().find_map(|name| program.webhook_named(name));
    let webhook = subscribed.map(|id| program.webhook(id));
    let path = webhook.and_then(|webhook| path_to(program, webhook, resource)).or_else(|| stood.map(String::from));
    if let Some(path) = path {
        return add(definition, read, (path, id), "/resource_type");
    }
    let Some(webhook) = webhook else { return };
    let model = &program.model(webhook.model).name;
    let message = format!("`resource_type` is `{resource}`, but `{model}` does not belong to one");
    out.push(Mistake { pointer: "/resource_type".to_owned(), code: "invalid-value", message, help: None });
}

/// Adds the condition that the path leads to this value.
fn add(definition: &mut Definition, read: &mut Read, (path, value): (String, &str), pointer: &str) {
    let conditions = &mut definition.wants.conditions;
    let index = u32::try_from(conditions.len()).unwrap_or(u32::MAX);
    read.places.push((Part::Path(index), pointer.to_owned()));
    conditions.push(Accepts { path: path.into(), accepted_values: vec![Value::from(value)] });
}
