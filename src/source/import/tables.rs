//! The tables that are asked for, as the catalogue has them, without those that no model can be of.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;

use super::Wish;
use crate::report::counted;
use crate::source::catalog::{self, Catalog, Column, Kind, Name, TableShape, oid};
use crate::source::error::SourceError;

/// Whatever has rows.
const RELATIONS: &str = "
    SELECT n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text,
        EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'),
        EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    ORDER BY 1, 2";
/// Columns that may not be null, and those that are generated.
const COLUMNS: &str = "
    SELECT n.nspname::text, c.relname::text, a.attname::text, a.attgenerated <> ''
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND (a.attnotnull OR a.attgenerated <> '')
        AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    ORDER BY 1, 2, a.attnum";
const FOREIGN_KEYS: &str = "
    SELECT n.nspname::text, c.relname::text, k.conname::text, fn.nspname::text, fc.relname::text,
        (SELECT array_agg(a.attname::text ORDER BY u.place) FROM unnest(k.conkey) WITH ORDINALITY u (number, place)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
        (SELECT array_agg(a.attname::text ORDER BY u.place) FROM unnest(k.confkey) WITH ORDINALITY u (number, place)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number)
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class fc ON fc.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0
    ORDER BY 1, 2, 3";
const ENUMS: &str = "SELECT enumtypid::bigint, enumlabel::text FROM pg_enum ORDER BY enumtypid, enumsortorder";

/// A table that a model can be of.
pub(super) struct Table {
    pub name: Name,
    pub columns: Vec<TableColumn>,
    /// The columns of its primary key, in their order.
    pub key: Vec<Box<str>>,
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column.
pub(super) struct TableColumn {
    pub name: Box<str>,
    /// As people write it.
    pub type_name: Box<str>,
    pub kind: Kind,
    /// The values of the enum that it is, or that its items are.
    pub options: Option<Vec<Box<str>>>,
    pub not_null: bool,
}

/// A foreign key.
pub(super) struct ForeignKey {
    pub name: Box<str>,
    pub columns: Vec<Box<str>>,
    pub to: Name,
    pub to_columns: Vec<Box<str>>,
}

/// Reads them; what cannot be a model is noted.
pub(super) async fn read(client: &Client, wish: &Wish, notes: &mut Vec<String>) -> Result<Vec<Table>, SourceError> {
    let wanted = Wanted::of(wish);
    let Catalog { mut tables, types } = catalog::read(client).await?;
    let enums = enums(client).await?;
    let mut foreign_keys = foreign_keys(client).await?;
    let not_null = not_null(client, &wanted, notes).await?;
    let (mut found, mut elsewhere, mut seen) = (Vec::new(), BTreeMap::<Box<str>, usize>::new(), BTreeSet::new());
    for row in client.query(RELATIONS, &[]).await? {
        let name: Name = (row.try_get::<_, String>(0)?.into(), row.try_get::<_, String>(1)?.into());
        if !wanted.has(&name, &mut seen) {
            *elsewhere.entry(name.0).or_default() += usize::from(wanted.is_open());
            continue;
        }
        let (kind, persistence): (String, String) = (row.try_get(2)?, row.try_get(3)?);
        let shape = tables.remove(&name).unwrap_or_default();
        if let Some(why) = unusable(&kind, &persistence, row.try_get(4)?, &shape) {
            notes.push(format!("left out {}.{}: {why}", name.0, name.1));
            continue;
        }
        if row.try_get(5)? {
            notes.push(format!("{}.{} inherits from another table: its rows are objects of a model of its own", name.0, name.1));
        }
        let column = |column: Column| {
            let seen = types.get(&column.type_oid);
            TableColumn {
                not_null: not_null.contains(&(name.clone(), column.name.clone())),
                type_name: seen.map_or("an unknown type".into(), |seen| seen.name.clone()),
                kind: seen.map_or(Kind::Other, |seen| seen.kind),
                options: seen.and_then(|seen| enums.get(&seen.base)).cloned(),
                name: column.name,
            }
        };
        let columns = shape.columns.into_iter().map(column).collect();
        found.push(Table { columns, key: shape.key, foreign_keys: foreign_keys.remove(&name).unwrap_or_default(), name });
    }
    let others = elsewhere.into_iter().filter(|(_, count)| *count > 0);
    notes.extend(
        others.map(|(schema, count)| format!("left out the schema {schema} with {}: name it with `--schema`", counted(count, "table"))),
    );
    wanted.check(&seen, found.len())?;
    Ok(found)
}

/// Why no model can be of it.
fn unusable(kind: &str, persistence: &str, of_extension: bool, shape: &TableShape) -> Option<&'static str> {
    match (kind, persistence) {
        ("v", _) => Some("a view has no rows of its own"),
        ("m", _) => Some("a materialized view is not in the log"),
        ("f", _) => Some("a foreign table is not in the log"),
        (_, "u") => Some("an unlogged table is not in the log"),
        (_, "t") => Some("a temporary table is not in the log"),
        _ if of_extension => Some("it belongs to an extension"),
        _ if shape.key.is_empty() => Some("it has no primary key, and an object needs an id"),
        _ if shape.is_deferrable => Some("its primary key is deferrable, so that rows could not be told apart in a transaction"),
        _ => None,
    }
}

async fn enums(client: &Client) -> Result<BTreeMap<u32, Vec<Box<str>>>, SourceError> {
    let mut enums: BTreeMap<u32, Vec<Box<str>>> = BTreeMap::new();
    for row in client.query(ENUMS, &[]).await? {
        enums.entry(oid(&row, 0)?).or_default().push(row.try_get::<_, String>(1)?.into());
    }
    Ok(enums)
}

async fn foreign_keys(client: &Client) -> Result<BTreeMap<Name, Vec<ForeignKey>>, SourceError> {
    let mut keys: BTreeMap<Name, Vec<ForeignKey>> = BTreeMap::new();
    for row in client.query(FOREIGN_KEYS, &[]).await? {
        let text = |index| row.try_get::<_, String>(index).map(Box::<str>::from);
        let names = |index| row.try_get::<_, Vec<String>>(index).map(|names| names.into_iter().map(Box::from).collect());
        let key = ForeignKey { name: text(2)?, to: (text(3)?, text(4)?), columns: names(5)?, to_columns: names(6)? };
        keys.entry((text(0)?, text(1)?)).or_default().push(key);
    }
    Ok(keys)
}

async fn not_null(client: &Client, wanted: &Wanted, notes: &mut Vec<String>) -> Result<BTreeSet<(Name, Box<str>)>, SourceError> {
    let mut not_null = BTreeSet::new();
    for row in client.query(COLUMNS, &[]).await? {
        let text = |index| row.try_get::<_, String>(index).map(Box::<str>::from);
        let (table, column) = ((text(0)?, text(1)?), text(2)?);
        if row.try_get(3)? {
            if wanted.has(&table, &mut BTreeSet::new()) {
                notes.push(format!("left out {}.{}.{column}: a generated column is not in the log", table.0, table.1));
            }
        } else {
            not_null.insert((table, column));
        }
    }
    Ok(not_null)
}

/// What is asked for.
struct Wanted {
    schemas: Vec<String>,
    /// Schema, if one is named, and table.
    tables: Vec<(Option<String>, String)>,
}

impl Wanted {
    fn of(wish: &Wish) -> Self {
        let split = |written: &String| match written.split_once('.') {
            Some((schema, table)) => (Some(schema.to_owned()), table.to_owned()),
            None => (None, written.clone()),
        };
        let schemas = if wish.schemas.is_empty() { vec!["public".to_owned()] } else { wish.schemas.clone() };
        Self { schemas, tables: wish.tables.iter().map(split).collect() }
    }

    /// Whether nothing but the schema is asked for.
    fn is_open(&self) -> bool {
        self.tables.is_empty()
    }

    /// Whether a table is asked for; `seen` is told by which of the names.
    fn has(&self, (schema, table): &Name, seen: &mut BTreeSet<usize>) -> bool {
        let of_schema = self.schemas.iter().any(|pattern| fits(pattern, schema));
        let matching = |(in_schema, name): &(Option<String>, String)| {
            fits(name, table) && in_schema.as_ref().map_or(of_schema, |pattern| fits(pattern, schema))
        };
        let by: Vec<usize> = (0..).zip(&self.tables).filter(|(_, pattern)| matching(pattern)).map(|(place, _)| place).collect();
        seen.extend(&by);
        if self.is_open() { of_schema } else { !by.is_empty() }
    }

    /// That every name has met a table, and any is left.
    fn check(&self, seen: &BTreeSet<usize>, found: usize) -> Result<(), SourceError> {
        let schemas = self.schemas.join("`, `");
        let missed = (0..).zip(&self.tables).filter(|(place, _)| !seen.contains(place)).map(|(_, (schema, table))| match schema {
            Some(schema) => format!("there is no table `{schema}.{table}`"),
            None => format!("there is no table `{table}` in the schema `{schemas}`"),
        });
        let mut mistakes: Vec<String> = missed.collect();
        if found == 0 && mistakes.is_empty() {
            mistakes.push(format!("no table of the schema `{schemas}` can be a model; name another schema with `--schema`"));
        }
        if mistakes.is_empty() { Ok(()) } else { Err(SourceError::Unfit(mistakes)) }
    }
}

/// Whether a text is what a pattern says, in which `*` is any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| fits(rest, text.get(at..).unwrap_or_default()))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, expected) in
            [("a", "a", true), ("a", "ab", false), ("a*", "ab", true), ("*b*", "abc", true), ("*", "", true), ("a*c", "ab", false)]
        {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
