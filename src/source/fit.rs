//! A model and a table as it was when a row was written → which column goes into which field, and how; or everything that does not fit, by
//! table, column, model and field.
//!
//! 2026-11-27: a row is read by what the log says of its table at that time, not by what the table is when the row is read: whoever
//! alters a table and is slower or faster with the schema than the reader loses nothing. A column that the log does not have yet, since it
//! was added later, says nothing; one that it does not have any more stops the source. When it cannot be told whether a column was added or
//! renamed since, the source asks: to guess could empty a field.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Kind, TypeShape};
use super::pgoutput::{Relation, RelationColumn};
use super::plan::TablePlan;
use super::value::How;
use crate::diagnostics::one_of;
use crate::program::{FieldType, Kind as PropertyKind, Model, Property, stored_name};

/// Where in a row what is to be found.
#[derive(Clone, Debug, Default)]
pub(super) struct Fit {
    /// The places of the columns of the key, in the order of the key, and whether they are filled up with blanks.
    pub key: Vec<(usize, bool)>,
    /// The fields that each column fills, in the order of a row.
    pub columns: Vec<Vec<Target>>,
}

/// A field that a column fills.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The key of the field in a save.
    pub key: Box<str>,
    pub how: How,
}

/// Fits a row into a model.
///
/// # Errors
/// Everything that does not fit.
pub(super) fn fit(table: &TablePlan, types: &BTreeMap<u32, TypeShape>, model: &Model, relation: &Relation) -> Result<Fit, Vec<String>> {
    let fitting = Fitting { table, types, model, relation };
    let mut out = Vec::new();
    let mut columns = vec![Vec::new(); relation.columns.len()];
    for property in &model.properties {
        match fitting.property(property) {
            Ok(Some((place, target))) => columns.get_mut(place).into_iter().for_each(|column| column.push(target.clone())),
            Ok(None) => {}
            Err(why) => out.push(why),
        }
    }
    let key = fitting.key().unwrap_or_else(|why| {
        out.push(why);
        Vec::new()
    });
    if out.is_empty() { Ok(Fit { key, columns }) } else { Err(out) }
}

struct Fitting<'a> {
    table: &'a TablePlan,
    types: &'a BTreeMap<u32, TypeShape>,
    model: &'a Model,
    relation: &'a Relation,
}

impl Fitting<'_> {
    fn place(&self, column: &str) -> Option<usize> {
        self.relation.columns.iter().position(|known| &*known.name == column)
    }

    /// Where the key is. A column of it that was called otherwise is the one of those which identify a row that is left over.
    fn key(&self) -> Result<Vec<(usize, bool)>, String> {
        let key = &self.table.shape.key;
        let identifying = || (0..).zip(&self.relation.columns).filter(|(_, column)| column.identifies);
        let mut over = identifying().filter(|(_, column)| !key.contains(&column.name)).map(|(place, _)| place);
        let (over, more) = (over.next(), over.next());
        let lacking = key.iter().filter(|name| self.place(name).is_none()).count();
        let instead = over.filter(|_| lacking == 1 && more.is_none());
        let place = |name: &str| {
            let Some(place) = self.place(name).or(instead) else {
                let TablePlan { name: table, model, .. } = self.table;
                return Err(format!(
                    "a row of the table `{table}` was written without `{name}`, which is in the key now: the `{model}` that it is cannot be told"
                ));
            };
            let column = self.relation.columns.get(place).and_then(|column| self.types.get(&column.type_oid));
            Ok((place, column.is_some_and(|seen| seen.kind == Kind::Padded)))
        };
        key.iter().map(|name| place(name)).collect()
    }

    /// The names that the column of a property may have: the first is the one that it should have now.
    fn names<'n>(&'n self, property: &'n Property, key: &'n str) -> Vec<&'n str> {
        let chosen = self.table.chosen.get(&*property.name).or_else(|| self.table.chosen.get(key));
        chosen.map_or_else(|| vec![key], |names| names.iter().map(String::as_str).collect())
    }

    /// Where a field or relation has its value, if the row says something of it.
    fn property(&self, property: &Property) -> Result<Option<(usize, Target)>, String> {
        let key = stored_name(property);
        let names = self.names(property, &key);
        let found = names.iter().find_map(|name| self.place(name));
        let Some((place, column)) = found.and_then(|place| Some((place, self.relation.columns.get(place)?))) else {
            // What is uploaded comes from elsewhere.
            return if property.is_attachment() { Ok(None) } else { self.absent(property, &names) };
        };
        let seen = self.types.get(&column.type_oid);
        match how(&property.kind, seen.map_or(Kind::Other, |seen| seen.kind)) {
            Ok(how) => Ok(Some((place, Target { key: (&*key).into(), how }))),
            Err(expected) => {
                let type_name = seen.map_or("a type that is gone", |seen| &*seen.name);
                let (table, model) = (&self.table.name, &self.model.name);
                Err(format!(
                    "the column `{}` of the table `{table}` is `{type_name}`, expected {expected} for `{model}.{}`; \
                     change the type of the field, or that of the column back",
                    column.name, property.name
                ))
            }
        }
    }

    /// What follows from a row without the column of a property.
    fn absent(&self, property: &Property, names: &[&str]) -> Result<Option<(usize, Target)>, String> {
        let (table, model, field) = (&self.table.name, &self.model.name, &property.name);
        let wanted = names.first().copied().unwrap_or(field);
        let now: BTreeSet<&str> = self.table.shape.columns.iter().map(|column| &*column.name).collect();
        let is_there = names.iter().any(|name| now.contains(name));
        // All columns identify a row when all of it is told.
        let all_identify = self.relation.columns.iter().all(|column| column.identifies);
        let candidates = |column: &&RelationColumn| {
            if column.identifies && !all_identify {
                return false;
            }
            let kind = self.types.get(&column.type_oid).map_or(Kind::Other, |seen| seen.kind);
            !self.is_of_another(property, &column.name) && how(&property.kind, kind).is_ok()
        };
        if !is_there {
            let others: Vec<&str> = self.relation.columns.iter().filter(candidates).map(|column| &*column.name).collect();
            let renamed = match &others[..] {
                [only] => format!(" (perhaps it is `{only}` now)"),
                _ => String::new(),
            };
            return Err(format!(
                "the table `{table}` has no column `{wanted}`, expected one for `{model}.{field}`{renamed}; add it, name another one \
                 for `{field}` in `[source.postgres.tables]` and start the nodes anew, or take the field out of the schema"
            ));
        }
        let gone: Vec<&str> =
            self.relation.columns.iter().filter(candidates).map(|column| &*column.name).filter(|name| !now.contains(name)).collect();
        let other = match &gone[..] {
            [] => return Ok(None),
            [only] => only,
            _ => "…",
        };
        Err(format!(
            "a row of the table `{table}` was written before there was the column `{wanted}` for `{model}.{field}`, and has {} instead, \
             which the table has no more; if that is the same column, name both for `{field}` in `[source.postgres.tables]`: \
             `[\"{wanted}\", \"{other}\"]`, and start the nodes anew; if not, take the field out of the schema until these rows have been read",
            one_of(gone.iter().copied())
        ))
    }

    /// Whether a column is that of another field.
    fn is_of_another(&self, property: &Property, column: &str) -> bool {
        let others = self.model.properties.iter().filter(|other| other.name != property.name);
        let mut taken = others.map(|other| (other, stored_name(other)));
        self.table.shape.key.iter().any(|key| &**key == column) || taken.any(|(other, key)| self.names(other, &key).contains(&column))
    }
}

/// How values of a column become those of a field.
///
/// # Errors
/// Which types are expected.
fn how(property: &PropertyKind, column: Kind) -> Result<How, &'static str> {
    let PropertyKind::Field(field) = property else {
        if !column.is_id() {
            return Err("an integer, a text, a `uuid` or an enum");
        }
        return Ok(if column == Kind::Padded { How::PaddedId } else { How::Id });
    };
    match (field, column) {
        (FieldType::Text(_), Kind::Bytes) => Ok(How::Base64),
        (FieldType::Text(_) | FieldType::SingleChoice(_), Kind::Padded) => Ok(How::Padded),
        (FieldType::Text(_), Kind::Texts | Kind::Integers | Kind::List) => Err("a type that is no list"),
        (FieldType::Text(_), _)
        | (FieldType::Date, Kind::Date)
        | (FieldType::Attachment(_), Kind::Text | Kind::Other | Kind::Integer)
        | (FieldType::SingleChoice(_), Kind::Text | Kind::Other) => Ok(How::Text),
        (FieldType::Number | FieldType::Integer | FieldType::SingleChoiceInteger(_), Kind::Integer | Kind::Number) => Ok(How::Number),
        (
            FieldType::Location
            | FieldType::Track
            | FieldType::Attachment(_)
            | FieldType::MultipleChoice(_)
            | FieldType::MultipleChoiceInteger(_),
            Kind::Json,
        ) => Ok(How::Json),
        (FieldType::Number, _) => Err("a number"),
        (FieldType::Integer | FieldType::SingleChoiceInteger(_), _) => Err("an integer or `numeric`"),
        (FieldType::Boolean, Kind::Boolean) => Ok(How::Boolean),
        (FieldType::Boolean, _) => Err("`boolean`"),
        (FieldType::Date, _) => Err("`date`"),
        (FieldType::Datetime, Kind::Timestamp) => Ok(How::Utc),
        (FieldType::Datetime, Kind::TimestampTz) => Ok(How::Instant),
        (FieldType::Datetime, _) => Err("`timestamptz` or `timestamp`, which is taken for UTC"),
        (FieldType::Location, Kind::Point) => Ok(How::Point),
        (FieldType::Location, _) => Err("`json` or `point` (longitude, latitude)"),
        (FieldType::Track, _) => Err("`json`"),
        (FieldType::Attachment(_), _) => Err("`json`, or the attachment's id as a text or `uuid`"),
        (FieldType::SingleChoice(_), _) => Err("a text or an enum"),
        (FieldType::MultipleChoice(_), Kind::Texts) => Ok(How::Texts),
        (FieldType::MultipleChoice(_), _) => Err("a list of texts or `json`"),
        (FieldType::MultipleChoiceInteger(_), Kind::Integers) => Ok(How::Integers),
        (FieldType::MultipleChoiceInteger(_), _) => Err("a list of integers or `json`"),
    }
}
