//! The engine's questions in the store's names, and the store's rows as the engine's records.

use std::sync::Arc;

use crate::engine::{Found, Read, Wait, WaitCount};
use crate::ids::{ModelId, PropertyId};
use crate::program::{Kind, Operation, Program, Record};
use crate::store::{Answer, ObjectRow, Query, WaitRow};

/// The question for the store.
pub(super) fn query(program: &Program, read: &Read) -> Query {
    let model_name = |model: ModelId| program.model(model).name.clone();
    match read {
        Read::Object(model, id) => Query::Object { model: model_name(*model), id: id.clone() },
        Read::Children { model, property, parent, limit } => Query::Children {
            model: model_name(*model),
            property: stored_name(program, *model, *property),
            parent: parent.clone(),
            limit: *limit,
        },
        Read::Ready(webhook, object) => Query::Ready { event: program.webhook(*webhook).name.clone(), object: object.clone() },
        Read::Waiting(model, id) => Query::Waiting { model: model_name(*model), id: id.clone() },
        Read::WaitsOf(model, id) => Query::WaitsOf { model: model_name(*model), object: id.clone() },
        Read::WaitCount { webhook, object, model, id } => {
            let event = program.webhook(*webhook).name.clone();
            Query::WaitCount { event, object: object.clone(), for_model: model_name(*model), for_id: id.clone() }
        }
    }
}

/// The answer for the engine.
///
/// # Errors
/// When a stored object cannot be read: what was seen, as one sentence.
pub(super) fn found(program: &Program, read: &Read, answer: Answer) -> Result<Found, String> {
    match (read, answer) {
        (Read::Object(model, _), Answer::Object(row)) => Ok(Found::Object(row.map(|row| record(program, *model, &row)).transpose()?)),
        (Read::Children { model, .. }, Answer::Children(rows)) => {
            Ok(Found::Children(rows.iter().map(|row| record(program, *model, row)).collect::<Result<_, _>>()?))
        }
        (Read::Ready(..), Answer::Ready(fired)) => Ok(Found::Ready(fired)),
        (Read::Waiting(..), Answer::Waiting(rows)) => {
            let waits = rows.iter().filter_map(|row| wait(program, row).transpose());
            Ok(Found::Waiting(waits.collect::<Result<_, _>>()?))
        }
        (Read::WaitsOf(..), Answer::WaitsOf(events)) => {
            // Those that are no longer part of the program wait for one that has them.
            Ok(Found::WaitsOf(events.iter().filter_map(|event| program.webhook_named(event)).collect()))
        }
        (Read::WaitCount { .. }, Answer::WaitCount { already, for_object, of_tenant }) => {
            Ok(Found::WaitCount(WaitCount { already, for_object, of_tenant }))
        }
        (
            Read::Object(..) | Read::Children { .. } | Read::Ready(..) | Read::Waiting(..) | Read::WaitsOf(..) | Read::WaitCount { .. },
            _,
        ) => Err("the store answered another question".to_owned()),
    }
}

/// The name under which a record stores a property.
pub(super) fn stored_name(program: &Program, model: ModelId, property: PropertyId) -> Box<str> {
    let property = program.model(model).property(property);
    match property.kind {
        Kind::Field(_) => property.name.clone(),
        Kind::BelongsTo(_) => format!("{}_id", property.name).into(),
    }
}

fn record(program: &Program, model: ModelId, row: &ObjectRow) -> Result<Arc<Record>, String> {
    let stored = serde_json::from_str(&row.json)
        .map_err(|error| format!("the stored object `{}/{}` cannot be read: {error}", program.model(model).name, row.id))?;
    Ok(Arc::new(Record::from_stored(program, model, &row.id, &row.updated_at, stored)))
}

/// The wait, unless its webhook or its model is no longer part of the program.
pub(super) fn wait(program: &Program, row: &WaitRow) -> Result<Option<Wait>, String> {
    let Some(webhook) = program.webhook_named(&row.event) else { return Ok(None) };
    let model = program.webhook(webhook).model;
    if program.model(model).name != row.model {
        return Ok(None);
    }
    let operations = [Operation::Create, Operation::Update, Operation::Delete];
    let Some(operation) = operations.into_iter().find(|operation| operation.as_str() == &*row.operation) else {
        return Err(format!("the stored operation `{}` is not known", row.operation));
    };
    let previous = row.previous.as_ref().map(|row| record(program, model, row)).transpose()?;
    Ok(Some(Wait { webhook, object: row.object.clone(), operation, previous }))
}
