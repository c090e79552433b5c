//! Tables, models and what the project says of both → which column goes into which field, and how; or everything that does not fit, by table
//! and column.

use std::collections::BTreeMap;

use super::catalog::{Catalog, Column, Identity, Kind, TableShape};
use super::value::How;
use super::wire::quoted;
use crate::config;
use crate::program::{FieldType, Kind as PropertyKind, Model, Program};

/// How rows become objects.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// By schema and name.
    pub tables: BTreeMap<(Box<str>, Box<str>), TablePlan>,
}

/// How the rows of one table do.
#[derive(Clone, Debug)]
pub(super) struct TablePlan {
    /// The model.
    pub model: Box<str>,
    /// The columns of its key.
    pub key: Vec<Box<str>>,
    /// What becomes of each column, by its name.
    pub columns: BTreeMap<Box<str>, Vec<Target>>,
}

/// A field that a column fills.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The key of the field in a save.
    pub key: Box<str>,
    pub how: How,
}

/// Makes the plan.
///
/// # Errors
/// Everything that does not fit.
pub(super) fn plan(source: &config::Source, program: &Program, catalog: &Catalog) -> Result<Plan, Vec<String>> {
    let mut mistakes = Vec::new();
    let mut plan = Plan::default();
    let named = |written: &str| {
        let (schema, table) = written.split_once('.').unwrap_or(("public", written));
        (Box::<str>::from(schema), Box::<str>::from(table))
    };
    let said: BTreeMap<_, _> = source.tables.iter().map(|(written, said)| (named(written), said)).collect();
    for (name, said) in &said {
        let model = said.model.as_deref().unwrap_or(&name.1);
        if !catalog.contains_key(name) {
            mistakes
                .push(format!("there is no table `{}.{}` in the database, expected one for `[source.postgres.tables]`", name.0, name.1));
        } else if program.model_named(model).is_none() {
            mistakes.push(format!("the table `{}.{}` is for the model `{model}`, which the schema does not have", name.0, name.1));
        }
    }
    let nothing = config::SourceTable::default();
    for (name, shape) in catalog {
        let chosen = said.get(name).copied();
        // A model that another table was chosen for is not of this one.
        let is_free = || source.tables.values().all(|other| other.model.as_deref() != Some(&*name.1));
        let said = match chosen {
            Some(said) => said,
            None if &*name.0 == "public" && is_free() => &nothing,
            None => continue,
        };
        let model = said.model.as_deref().unwrap_or(&name.1);
        let Some(model) = program.model_named(model).map(|id| program.model(id)) else { continue };
        let table = Place { name: format!("{}.{}", name.0, name.1), sql: format!("{}.{}", quoted(&name.0), quoted(&name.1)), shape };
        plan.tables.insert(name.clone(), of_table(&table, model, said, &mut mistakes));
    }
    if plan.tables.is_empty() && mistakes.is_empty() {
        let help = "name one in `[source.postgres.tables]`, such as `orders = \"order\"`";
        mistakes.push(format!("no table of the database has the name of a model; {help}"));
    }
    if mistakes.is_empty() { Ok(plan) } else { Err(mistakes) }
}

struct Place<'a> {
    name: String,
    sql: String,
    shape: &'a TableShape,
}

fn of_table(table: &Place<'_>, model: &Model, said: &config::SourceTable, out: &mut Vec<String>) -> TablePlan {
    let Place { name, sql, shape } = table;
    if shape.key.is_empty() {
        out.push(format!("the table `{name}` has no primary key, expected one: an object needs an id"));
    }
    let full = format!("run `ALTER TABLE {sql} REPLICA IDENTITY DEFAULT` or `… REPLICA IDENTITY FULL`");
    match &shape.identity {
        Identity::Key | Identity::Full => {}
        Identity::Nothing => out.push(format!("the table `{name}` does not tell which row has changed (replica identity nothing); {full}")),
        Identity::Index(columns) if shape.key.iter().all(|key| columns.contains(key)) => {}
        Identity::Index(_) => {
            out.push(format!("the replica identity of the table `{name}` does not hold its primary key; {full}"));
        }
    }
    for field in said.columns.keys() {
        if model.property_named(field.strip_suffix("_id").unwrap_or(field)).or(model.property_named(field)).is_none() {
            out.push(format!("`{field}` is not a field of `{}`, which the table `{name}` is for", model.name));
        }
    }
    let mut columns: BTreeMap<Box<str>, Vec<Target>> = BTreeMap::new();
    for property in &model.properties {
        let key = crate::program::stored_name(property);
        let wanted = said.columns.get(&*property.name).or_else(|| said.columns.get(&*key)).map_or(&*key, String::as_str);
        let Some(column) = shape.columns.iter().find(|column| &*column.name == wanted) else {
            // What is uploaded comes from elsewhere.
            if !property.is_attachment() {
                let help = format!("add it, or name another one for `{key}` in `[source.postgres.tables]`");
                out.push(format!(
                    "the table `{name}` has no column `{wanted}`, expected one for `{}.{}`; {help}",
                    model.name, property.name
                ));
            }
            continue;
        };
        match how(&property.kind, column.kind) {
            Ok(how) => columns.entry(column.name.clone()).or_default().push(Target { key: key.into(), how }),
            Err(expected) => out.push(unfit((name, column), (&model.name, &property.name), expected)),
        }
    }
    TablePlan { model: model.name.clone(), key: shape.key.clone(), columns }
}

fn unfit((table, column): (&str, &Column), (model, field): (&str, &str), expected: &str) -> String {
    let Column { name, type_name, .. } = column;
    format!("the column `{name}` of the table `{table}` is `{type_name}`, expected {expected} for `{model}.{field}`")
}

/// How values of a column become those of a field.
///
/// # Errors
/// Which types are expected.
fn how(property: &PropertyKind, column: Kind) -> Result<How, &'static str> {
    let PropertyKind::Field(field) = property else {
        return match column {
            Kind::Integer | Kind::Text | Kind::Other => Ok(How::Id),
            Kind::Padded => Ok(How::PaddedId),
            Kind::Boolean
            | Kind::Number
            | Kind::Date
            | Kind::Timestamp
            | Kind::TimestampTz
            | Kind::Json
            | Kind::Bytes
            | Kind::Point
            | Kind::Texts
            | Kind::Integers
            | Kind::List => Err("an integer, a text, a `uuid` or an enum"),
        };
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
