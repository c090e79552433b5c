//! A stored object and a change → the object after it, or why that cannot be.
//!
//! An attachment whose data has arrived stays uploaded: a later save with the same attachment id merges over what is stored, so an
//! object may be saved again by the id alone. An upload is refused when it is for another attachment than the present one; it came
//! too late.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::mistake::{NO_SUCH_OBJECT, Refused};
use crate::engine::save::{Change, Save};
use crate::ids::PropertyId;
use crate::program::{Model, Operation, Program, Record, quoted};

/// What a save does to the object.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) operation: Operation,
    /// The object as it is now; after a delete, as it last was.
    pub(super) object: Arc<Record>,
}

/// Applies the change. `updated_at` is the time of the save.
pub(super) fn apply(program: &Program, save: &Save, before: Option<&Arc<Record>>, updated_at: &str) -> Result<Applied, Refused> {
    let model = program.model(save.model);
    let record = |values: Vec<Value>| Arc::new(Record { model: save.model, id: save.id.clone(), updated_at: updated_at.into(), values });
    match (&save.change, before) {
        (Change::Put(values), None) => Ok(Applied { operation: Operation::Create, object: record(values.clone()) }),
        (Change::Put(values), Some(before)) => {
            let mut values = values.clone();
            for ((property, value), stored) in model.properties.iter().zip(&mut values).zip(&before.values) {
                if property.is_attachment() {
                    keep_upload(stored, value);
                }
            }
            Ok(Applied { operation: Operation::Update, object: record(values) })
        }
        (Change::Patch(changes), Some(before)) => {
            Ok(Applied { operation: Operation::Update, object: record(merged(model, changes, before)) })
        }
        (Change::Row(row), Some(before)) => {
            Ok(Applied { operation: Operation::Update, object: record(merged(model, &row.values, before)) })
        }
        (Change::Row(row), None) => {
            let nothing = Record::empty(program, save.model, &save.id, updated_at);
            Ok(Applied { operation: Operation::Create, object: record(merged(model, &row.values, &nothing)) })
        }
        (Change::Upload(id, uploaded), Some(before)) => {
            let merged = upload(model, *id, before, uploaded)?;
            let mut values = before.values.clone();
            if let Some(slot) = values.get_mut(id.index()) {
                *slot = merged;
            }
            Ok(Applied { operation: Operation::Update, object: record(values) })
        }
        (Change::Delete | Change::RowGone(_), Some(before)) => Ok(Applied { operation: Operation::Delete, object: Arc::clone(before) }),
        (Change::Patch(_) | Change::Upload(..), None) => Err(no_such_object(model, &save.id, Some("create it with PUT first"))),
        (Change::Delete | Change::RowGone(_), None) => Err(no_such_object(model, &save.id, None)),
    }
}

/// What an object was, with these values over it.
fn merged(model: &Model, changes: &[(PropertyId, Value)], before: &Record) -> Vec<Value> {
    let mut values = before.values.clone();
    for (id, value) in changes {
        let mut value = value.clone();
        if model.property(*id).is_attachment() {
            keep_upload(before.value(*id), &mut value);
        }
        if let Some(slot) = values.get_mut(id.index()) {
            *slot = value;
        }
    }
    values
}

fn no_such_object(model: &Model, id: &str, help: Option<&str>) -> Refused {
    let message = format!("there is no `{}` with the id `{}`", model.name, quoted(id));
    Refused::whole(NO_SUCH_OBJECT, message, help.map(str::to_owned))
}

/// Merges what is known of the same attachment under the new value.
fn keep_upload(stored: &Value, value: &mut Value) {
    if let (Value::Object(stored), Value::Object(new)) = (stored, &mut *value)
        && stored.get("id") == new.get("id")
    {
        merge(stored, new);
    }
}

fn merge(stored: &Map<String, Value>, new: &mut Map<String, Value>) {
    for (key, known) in stored {
        if key == "state" {
            if known == "uploaded" {
                new.insert(key.clone(), known.clone());
            }
        } else if !new.contains_key(key) {
            new.insert(key.clone(), known.clone());
        }
    }
}

fn upload(model: &Model, id: PropertyId, before: &Record, uploaded: &Value) -> Result<Value, Refused> {
    let name = &model.property(id).name;
    let Value::Object(stored) = before.value(id) else {
        let message = format!("`{name}` of `{}` is null, expected an attachment that can be uploaded", quoted(&before.id));
        return Err(Refused::whole("no-such-attachment", message, Some(format!("save `{name}` with the attachment's id first"))));
    };
    let Value::Object(new) = uploaded else { return Ok(Value::Object(stored.clone())) };
    if let (Some(present), Some(seen)) = (stored.get("id").and_then(Value::as_str), new.get("id").and_then(Value::as_str))
        && present != seen
    {
        let message = format!("`{name}` is now the attachment `{}`, expected `{}`", quoted(present), quoted(seen));
        return Err(Refused::whole("other-attachment", message, None));
    }
    let mut merged = new.clone();
    merge(stored, &mut merged);
    Ok(Value::Object(merged))
}
