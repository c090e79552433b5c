//! One condition and the objects it looks at → whether it holds, and if not, the value seen and the value required in words.
//!
//! Values of `sensitive` models and of password fields are not repeated: the words end up in terminals and logs.

use serde_json::Value;

use crate::engine::case::Case;
use crate::engine::mistake::shown;
use crate::ids::PropertyId;
use crate::program::{Classification, Condition, FieldType, Kind, Literal, Program, Record, Subject, Test, TextFormat, Through};
use crate::template::{Embedded, Snapshot};

/// A condition that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unmet {
    pub(super) seen: String,
    pub(super) required: String,
}

/// Checks as much of a condition as the object itself tells. `None`: nothing speaks against it.
pub(super) fn on_object(program: &Program, case: &Case<'_>, condition: &Condition) -> Option<Unmet> {
    let test = &condition.test;
    match &condition.subject {
        Subject::Property(property) => on_property(program, case, test, *property),
        Subject::Embed(path) => {
            let embed = path.first().and_then(|&index| case.webhook.embeds.get(index))?;
            let Through::BelongsTo(property) = embed.through else { return None };
            match test {
                // A path says that it changed when the relation it begins with points elsewhere: the rest was not saved now.
                Test::Changed => on_property(program, case, test, property),
                Test::Set | Test::Uploaded | Test::Equals(_) | Test::OneOf(_) => {
                    on_property(program, case, &Test::Set, property).map(|unmet| Unmet { required: test.required(), ..unmet })
                }
            }
        }
    }
}

/// Checks a condition on related objects. `None`: it holds.
pub(super) fn on_related(condition: &Condition, snapshot: &Snapshot) -> Option<Unmet> {
    match (&condition.subject, &condition.test) {
        (Subject::Property(_), _) | (Subject::Embed(_), Test::Changed) => None,
        (Subject::Embed(path), test) => on_path(test, snapshot, path),
    }
}

/// At the end of a path there is an object, or a list that is not empty; below a list the test holds for each object.
fn on_path(test: &Test, snapshot: &Snapshot, path: &[usize]) -> Option<Unmet> {
    let (&index, rest) = path.split_first()?;
    let unmet = |seen: String| Some(Unmet { seen, required: test.required() });
    match snapshot.embedded.get(index)? {
        Embedded::One(None) => unmet("null".to_owned()),
        Embedded::One(Some(related)) if rest.is_empty() => {
            let id = Value::String(related.record.id.as_ref().to_owned());
            (!holds(test, &id)).then(|| unmet(shown(&id))).flatten()
        }
        Embedded::One(Some(related)) => on_path(test, related, rest),
        Embedded::Many(items) if items.is_empty() => unmet("an empty list".to_owned()),
        Embedded::Many(items) if rest.is_empty() => items.iter().find_map(|item| {
            let id = Value::String(item.record.id.as_ref().to_owned());
            (!holds(test, &id)).then(|| unmet(shown(&id))).flatten()
        }),
        Embedded::Many(items) => items.iter().find_map(|item| on_path(test, item, rest)),
    }
}

fn on_property(program: &Program, case: &Case<'_>, test: &Test, id: PropertyId) -> Option<Unmet> {
    let value = case.object.value(id);
    if matches!(test, Test::Changed) {
        let changed = case.previous.as_ref().is_none_or(|previous| previous.value(id) != value);
        return (!changed).then(|| Unmet { seen: "unchanged".to_owned(), required: test.required() });
    }
    (!holds(test, value)).then(|| Unmet { seen: seen(program, &case.object, id), required: test.required() })
}

/// Whether a test other than `changed` holds for a value.
pub(super) fn holds(test: &Test, value: &Value) -> bool {
    match test {
        Test::Set => match value {
            Value::Null => false,
            Value::String(words) => !words.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
        },
        Test::Uploaded => is_uploaded(value),
        Test::Equals(literal) => equals(literal, value),
        Test::OneOf(literals) => literals.iter().any(|literal| equals(literal, value)),
        Test::Changed => true,
    }
}

fn is_uploaded(attachment: &Value) -> bool {
    attachment.get("state").and_then(Value::as_str) == Some("uploaded")
}

/// Equality of the field's own type. A multiple choice equals its only key.
fn equals(literal: &Literal, value: &Value) -> bool {
    match (literal, value) {
        (_, Value::Array(items)) => matches!(items.as_slice(), [only] if equals(literal, only)),
        (Literal::Text(text), value) => value.as_str() == Some(text),
        (Literal::Integer(integer), value) => value.as_i64() == Some(*integer),
        (Literal::Number(number), value) => value.as_f64() == Some(*number),
        (Literal::Boolean(flag), value) => value.as_bool() == Some(*flag),
    }
}

/// A value in words.
pub(super) fn seen(program: &Program, object: &Record, id: PropertyId) -> String {
    let value = object.value(id);
    let model = program.model(object.model);
    let kind = &model.property(id).kind;
    if matches!(kind, Kind::Field(FieldType::Attachment(_))) && value.is_object() {
        return if is_uploaded(value) { "uploaded".to_owned() } else { "present".to_owned() };
    }
    let hidden = match kind {
        Kind::Field(FieldType::Text(TextFormat::Password)) => true,
        Kind::Field(_) => model.classification == Classification::Sensitive,
        Kind::BelongsTo(_) => false,
    };
    match value {
        Value::Bool(_) | Value::Number(_) | Value::String(_) if hidden && holds(&Test::Set, value) => "another value".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => shown(value),
    }
}
