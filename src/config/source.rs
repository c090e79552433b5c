//! `[source.postgres]`: a database whose tables are read as they change.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Mistake, Table, Value};
use super::secret::SecretSource;
use crate::ids::{DEFAULT_TENANT, Tenant};

/// What slot and publication are called unless told otherwise.
const NAME: &str = "webhookc";

/// A database that is read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its URL, or where that is.
    pub url: SecretSource,
    /// The replication slot.
    pub slot: String,
    /// The publication.
    pub publication: String,
    /// Whose objects its rows are.
    pub tenant: Tenant,
    /// What is done about a row that the data model does not allow.
    pub refused: OnRefused,
    /// What is said of tables, by name, `schema.table` or `table`.
    pub tables: BTreeMap<String, SourceTable>,
}

/// What is done about a row that the data model does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefused {
    /// Nothing goes on until it is mended.
    Stop,
    /// It is logged, counted and left out.
    Skip,
}

/// What is said of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTable {
    /// The model of its rows; of the same name unless given.
    pub model: Option<String>,
    /// The column of each field or relation that is called otherwise; of several names, that one which a row has.
    pub columns: BTreeMap<String, Vec<String>>,
}

/// Reads `[source.postgres]`.
pub(super) fn source(table: &mut Table<'_>, out: &mut Vec<Mistake>) -> Option<Source> {
    let url = table.take("url");
    if url.is_none() {
        let help = "add `url = { env = \"DATABASE_URL\" }`, or the URL itself when it has no password";
        out.push(Mistake::new(table.span, "the source has no `url`").help(help));
    }
    let url = url.and_then(|value| SecretSource::of(&value, true, out));
    let slot = name(table.take("slot"), out);
    let publication = name(table.take("publication"), out);
    let tenant = table.take("tenant").and_then(|value| value.string(out)).and_then(|text| match Tenant::parse(&text.value) {
        Ok(tenant) => Some(tenant),
        Err(error) => {
            out.push(Mistake::new(text.span, error.to_string()));
            None
        }
    });
    let refused = table.take("refused").and_then(|value| value.string(out));
    let refused = match refused.as_ref().map(|text| &*text.value) {
        None | Some("stop") => OnRefused::Stop,
        Some("skip") => OnRefused::Skip,
        Some(other) => {
            let span = refused.as_ref().map_or(table.span, |text| text.span);
            out.push(Mistake::new(span, format!("`refused` is `{other}`, expected `stop` or `skip`")));
            OnRefused::Stop
        }
    };
    let tables = table.take("tables").and_then(|value| value.table("[source.postgres.tables]".to_owned(), out));
    let tables = tables.map(Table::into_values).unwrap_or_default();
    let tables = tables.iter().filter_map(|value| Some((value.key.to_owned(), of_table(value, out)?))).collect();
    Some(Source { url: url?, slot, publication, tenant: tenant.unwrap_or_else(|| Tenant::new(DEFAULT_TENANT)), refused, tables })
}

/// The name of a slot or publication: what a slot may be called.
fn name(value: Option<Value<'_>>, out: &mut Vec<Mistake>) -> String {
    let Some(text) = value.and_then(|value| value.string(out)) else { return NAME.to_owned() };
    let plain = text.value.len() < 64 && text.value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !plain {
        let message = format!("`{}` cannot be a name here, expected at most 63 of `a` to `z`, `0` to `9` and `_`", text.value);
        out.push(Mistake::new(text.span, message));
    }
    text.value
}

/// A model's name, or a table with `model` and `columns`.
fn of_table(value: &Value<'_>, out: &mut Vec<Mistake>) -> Option<SourceTable> {
    if let DeValue::String(model) = value.raw() {
        return Some(SourceTable { model: Some(model.to_string()), columns: BTreeMap::new() });
    }
    if !matches!(value.raw(), DeValue::Table(_)) {
        value.mismatch("a model's name, or a table with `model` and `columns`", out);
        return None;
    }
    let mut table = value.table(format!("the table `{}`", value.key), out)?;
    let model = table.take("model").and_then(|value| value.string(out)).map(|text| text.value);
    let columns = table.take("columns").and_then(|value| value.table("`columns`".to_owned(), out));
    let columns = columns.map(Table::into_values).unwrap_or_default();
    let columns = columns.iter().map(|value| (value.key.to_owned(), column(value, out))).collect();
    table.finish(out);
    Some(SourceTable { model, columns })
}

/// The names of a column: one, or several when it was called otherwise before.
fn column(value: &Value<'_>, out: &mut Vec<Mistake>) -> Vec<String> {
    let names: Vec<String> = value.strings(out).into_iter().map(|name| name.value).collect();
    if matches!(value.raw(), DeValue::Array(names) if names.is_empty()) {
        out.push(Mistake::new(value.span(), format!("no column is named for `{}`, expected at least one", value.key)));
    }
    names
}
