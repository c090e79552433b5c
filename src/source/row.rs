//! Changes of rows → saves, read by the same rules as the body of a request.

use super::fit::Fit;
use super::pgoutput::{Cell, Old, Relation};
use super::plan::TablePlan;
use super::value::{id_part, write};
use crate::check::{Rules, Valid};
use crate::engine::{Change, MAX_BODY_BYTES, Row, Save, Verb, parse_save};
use crate::ids::PropertyId;
use crate::program::quoted;

/// A change of a row.
#[derive(Clone, Debug)]
pub(super) enum RowChange {
    /// It is new, or other than it was.
    Now { new: Vec<Cell>, old: Option<Old> },
    /// It is gone.
    Gone(Old),
}

/// The saves that a change is: one, or two when the key has changed.
///
/// # Errors
/// Why the data model does not allow it, in one sentence that names the row.
pub(super) fn saves(row: &InTable<'_>, change: &RowChange) -> Result<Vec<Save>, String> {
    match change {
        RowChange::Now { new, old } => {
            let id = row.id(new)?;
            let was = old.as_ref().map(|old| row.id(old.tuple())).transpose()?.filter(|was| *was != id);
            let before = match old {
                // What was there before is believed as far as it can be read.
                Some(Old::Full(before)) => row.values(&was.clone().unwrap_or_else(|| id.clone()), before).unwrap_or_default(),
                Some(Old::Key(_)) | None => Vec::new(),
            };
            let mut values = row.values(&id, new)?;
            let told = |id: &PropertyId| values.iter().any(|(known, _)| known == id);
            // A large value that has not changed stands in the old row, if that is told.
            let unchanged: Vec<_> = before.iter().filter(|(id, _)| !told(id)).cloned().collect();
            values.extend(unchanged);
            let model = row.model()?;
            let save = |id: String, change| Save { model, id: id.into(), change };
            let Some(was) = was else {
                return Ok(vec![save(id, Change::Row(Box::new(Row { values, before, renamed_from: None })))]);
            };
            // The new object comes first, while the old one still has what is not told again.
            let renamed_from = Some(was.as_str().into());
            let now = save(id, Change::Row(Box::new(Row { values, before: Vec::new(), renamed_from })));
            Ok(vec![now, save(was, Change::RowGone(before))])
        }
        RowChange::Gone(old) => {
            let id = row.id(old.tuple())?;
            let before = match old {
                Old::Full(before) => row.values(&id, before).unwrap_or_default(),
                Old::Key(_) => Vec::new(),
            };
            Ok(vec![Save { model: row.model()?, id: id.into(), change: Change::RowGone(before) }])
        }
    }
}

/// Where a row is, and what it is for.
pub(super) struct InTable<'a> {
    pub rules: &'a Valid<Rules>,
    pub plan: &'a TablePlan,
    pub fit: &'a Fit,
    pub table: &'a Relation,
}

impl InTable<'_> {
    fn model(&self) -> Result<crate::ids::ModelId, String> {
        self.rules.program.model_named(&self.plan.model).ok_or_else(|| format!("the schema has no model `{}` any more", self.plan.model))
    }

    /// The object's id: the parts of the key, with commas between them.
    fn id(&self, cells: &[Cell]) -> Result<String, String> {
        let part = |((place, padded), column): (&(usize, bool), &str)| match cells.get(*place) {
            Some(Cell::Text(text)) => Ok(id_part(if *padded { text.trim_end_matches(' ') } else { text }).into_owned()),
            Some(Cell::Null | Cell::Unchanged) | None => Err(format!(
                "a row of `{}.{}` was told without its key `{column}`; a table needs a replica identity that holds it",
                self.table.schema, self.table.name
            )),
        };
        let parts: Result<Vec<_>, _> = self.fit.key.iter().zip(self.plan.shape.key.iter().map(|column| &**column)).map(part).collect();
        parts.map(|parts| parts.join(","))
    }

    /// What the cells say about the object; one that is not told says nothing.
    fn values(&self, id: &str, cells: &[Cell]) -> Result<Vec<(PropertyId, serde_json::Value)>, String> {
        let place = || format!("row `{}` of `{}.{}`", quoted(id), self.table.schema, self.table.name);
        let mut body = String::from("{");
        for ((column, targets), cell) in self.table.columns.iter().zip(&self.fit.columns).zip(cells) {
            for target in targets {
                if matches!(cell, Cell::Unchanged) {
                    continue;
                }
                if body.len() > 1 {
                    body.push(',');
                }
                body.push_str(&serde_json::Value::from(&*target.key).to_string());
                body.push(':');
                match cell {
                    Cell::Text(text) => write(target.how, text, &mut body).map_err(|expected| {
                        let (seen, model, field) = (quoted(text), &self.plan.model, &target.key);
                        format!("{}: the column `{}` has `{seen}`, expected {expected} for `{model}.{field}`", place(), column.name)
                    })?,
                    Cell::Null | Cell::Unchanged => body.push_str("null"),
                }
            }
        }
        body.push('}');
        if body.len() > MAX_BODY_BYTES {
            let (seen, model) = (body.len(), &self.plan.model);
            return Err(format!(
                "{}: what it says of `{model}` has {seen} bytes, expected at most {MAX_BODY_BYTES}; make the value smaller, or take the field of a large \
                 column out of the schema",
                place()
            ));
        }
        let read = parse_save(self.rules, &self.plan.model, id, Verb::Patch, body.as_bytes()).map_err(|refused| {
            let all: Vec<_> = refused.into_iter().map(|refused| refused.message).collect();
            format!("{}: {}", place(), all.join("; "))
        })?;
        match read.change {
            Change::Patch(values) => Ok(values),
            Change::Put(_) | Change::Upload(..) | Change::Delete | Change::Row(_) | Change::RowGone(_) => Ok(Vec::new()),
        }
    }
}
