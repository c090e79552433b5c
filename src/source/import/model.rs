//! Tables → models: which column is a field and of which type, which is a relation, and what each is called.

use std::collections::BTreeMap;

use super::full_name;
use super::names::{Names, label};
use super::tables::{ForeignKey, Table, TableColumn};
use crate::program::is_name;
use crate::source::catalog::{Kind, Name};

/// Fields by which people call a thing, the best first.
const TELLING: [&str; 8] = ["name", "title", "label", "subject", "email", "code", "number", "description"];

/// A model of a table.
pub(super) struct Model {
    pub name: String,
    pub label: String,
    /// `schema.table`.
    pub table: Name,
    pub fields: Vec<Field>,
    pub relations: Vec<Relation>,
    /// The field that it is shown by.
    pub display: String,
}

/// A field.
pub(super) struct Field {
    pub name: String,
    pub label: String,
    pub column: Box<str>,
    pub type_name: &'static str,
    pub options: Vec<Box<str>>,
    /// Whether its name looks like the id of a relation that there is not.
    pub looks_like_id: bool,
}

/// A belongs-to.
pub(super) struct Relation {
    pub name: String,
    pub column: Box<str>,
    pub model: String,
}

/// The models.
pub(super) fn models(tables: &[Table], notes: &mut Vec<String>) -> Vec<Model> {
    let mut names = Names::default();
    let mut chosen: BTreeMap<&Name, String> = BTreeMap::new();
    let mut all: Vec<&Table> = tables.iter().collect();
    // Those that can keep their names come first.
    all.sort_by_key(|table| (&*table.name.0 != "public", !is_name(&table.name.1)));
    for table in all {
        let (schema, name) = (&table.name.0, &table.name.1);
        let longer = format!("{schema}_{name}");
        let wishes = if &**schema == "public" { vec![&**name] } else { vec![&**name, &*longer] };
        chosen.insert(&table.name, names.model(&wishes));
    }
    let keys: BTreeMap<&Name, &[Box<str>]> = tables.iter().map(|table| (&table.name, &*table.key)).collect();
    tables.iter().map(|table| model(&World { chosen: &chosen, keys: &keys }, table, notes)).collect()
}

/// What is known of all tables.
struct World<'a> {
    chosen: &'a BTreeMap<&'a Name, String>,
    keys: &'a BTreeMap<&'a Name, &'a [Box<str>]>,
}

fn model(world: &World<'_>, table: &Table, notes: &mut Vec<String>) -> Model {
    let of = full_name(table);
    let references = references(world, table, notes);
    let mut names = Names::default();
    let (mut fields, mut relations) = (Vec::new(), Vec::new());
    let mut plain: Vec<&TableColumn> = table.columns.iter().filter(|column| !references.contains_key(&column.name)).collect();
    // Those that can keep their names come first.
    plain.sort_by_key(|column| !is_name(&column.name));
    for column in plain {
        // It is the object's id.
        if matches!(&*table.key, [only] if *only == column.name) {
            continue;
        }
        match of_column(column) {
            Ok((type_name, options)) => {
                if column.options.is_some() && options.is_empty() {
                    notes.push(format!("{of}.{} is a text: a value of `{}` cannot be a key", column.name, column.type_name));
                }
                let label = label(&column.name);
                let field =
                    Field { name: names.field(&column.name), label, column: column.name.clone(), type_name, options, looks_like_id: false };
                fields.push(field);
            }
            Err(why) => notes.push(format!("left out {of}.{}: `{}` {why}", column.name, column.type_name)),
        }
    }
    for column in &table.columns {
        let Some(model) = references.get(&column.name) else { continue };
        let name = names.relation(column.name.strip_suffix("_id").unwrap_or(&column.name));
        relations.push(Relation { name, column: column.name.clone(), model: (*model).clone() });
    }
    fields.sort_by_key(|field: &Field| table.columns.iter().position(|column| column.name == field.column));
    for field in &mut fields {
        field.looks_like_id = field.name.strip_suffix("_id").is_some_and(|stem| !names.has(stem));
    }
    if table.key.len() > 1 {
        notes.push(format!("the id of {of} is its key of {} columns, joined with commas", table.key.len()));
    }
    let name = world.chosen.get(&table.name).cloned().unwrap_or_default();
    Model { name, label: label(&table.name.1), table: table.name.clone(), display: display(table, &fields), fields, relations }
}

/// The model that each column refers to, by its name.
fn references<'w>(world: &World<'w>, table: &Table, notes: &mut Vec<String>) -> BTreeMap<Box<str>, &'w String> {
    let mut found = BTreeMap::new();
    for key in &table.foreign_keys {
        match reference(world, table, key) {
            Ok((column, model)) => {
                if found.contains_key(column) {
                    notes.push(format!("no relation for {} of {}: another one has its column", key.name, full_name(table)));
                } else {
                    found.insert(column.into(), model);
                }
            }
            Err(why) => notes.push(format!("no relation for {} of {}: {why}", key.name, full_name(table))),
        }
    }
    found
}

fn reference<'k, 'w>(world: &World<'w>, table: &'k Table, key: &'k ForeignKey) -> Result<(&'k str, &'w String), String> {
    let [column] = &*key.columns else { return Err(format!("it has {} columns, and a relation has one", key.columns.len())) };
    let (Some(model), Some(to)) = (world.chosen.get(&key.to), world.keys.get(&key.to)) else {
        return Err(format!("there is no model for {}.{}", key.to.0, key.to.1));
    };
    if **to != *key.to_columns {
        return Err(format!("it does not refer to the primary key of {}.{}", key.to.0, key.to.1));
    }
    let kind = table.columns.iter().find(|known| known.name == *column).map(|column| column.kind);
    match kind {
        Some(kind) if kind.is_id() => Ok((column, model)),
        Some(_) => Err(format!("`{column}` is no integer, text or `uuid`")),
        None => Err(format!("`{column}` is a generated column")),
    }
}

/// The type of a field for a column, and its options.
fn of_column(column: &TableColumn) -> Result<(&'static str, Vec<Box<str>>), &'static str> {
    let options = column.options.as_deref().filter(|options| options.iter().all(|key| can_be_key(key))).unwrap_or_default();
    Ok(match column.kind {
        Kind::Boolean => ("boolean", Vec::new()),
        Kind::Integer => ("integer", Vec::new()),
        Kind::Number => ("number", Vec::new()),
        Kind::Date => ("date", Vec::new()),
        Kind::Timestamp | Kind::TimestampTz => ("datetime", Vec::new()),
        Kind::Point => ("location", Vec::new()),
        Kind::Other if !options.is_empty() => ("single-choice", options.to_vec()),
        Kind::Text | Kind::Padded | Kind::Json | Kind::Bytes | Kind::Other => ("text", Vec::new()),
        Kind::Texts if !options.is_empty() => ("multiple-choice", options.to_vec()),
        Kind::Texts => return Err("is a list, and its items are no enum whose values could be the options of a choice"),
        Kind::Integers => return Err("is a list of numbers, and no options are known that it could be a choice of"),
        Kind::List => return Err("is a list, for which there is no type of a field"),
    })
}

/// Whether a value of an enum can stand in a schema.
fn can_be_key(key: &str) -> bool {
    !key.trim().is_empty() && !key.contains(char::is_control)
}

fn display(table: &Table, fields: &[Field]) -> String {
    let texts: Vec<&Field> = fields.iter().filter(|field| field.type_name == "text").collect();
    let telling = TELLING.iter().find_map(|name| texts.iter().find(|field| field.name.eq_ignore_ascii_case(name)));
    let is_filled = |field: &&&Field| {
        let column = table.columns.iter().find(|column| column.name == field.column);
        column.is_some_and(|column| column.not_null && matches!(column.kind, Kind::Text | Kind::Padded))
    };
    telling.or_else(|| texts.iter().find(is_filled)).map_or_else(|| "{id}".to_owned(), |field| format!("{{{}}}", field.name))
}
