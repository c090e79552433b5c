//! Models → the schema file, laid out as `webhookc fmt` does, and the part of `webhookc.toml` for names that differ.

use std::fmt::Write as _;

use super::model::{Field, Model, Relation};
use crate::format::{Options, format};
use crate::source::error::SourceError;
use crate::text::SourceMap;

/// What stands at the head of the file.
const HEAD: &str = "<!-- Made from the tables of a database. Nothing fires yet: give a model a webhook, behind its display, such as
     <webhook type=\"update\" name=\"something_changed\" on=\"create update delete\" /> -->\n";

/// The schema file.
///
/// # Errors
/// When it cannot be laid out, which would be our mistake.
pub(super) fn schema(models: &[Model]) -> Result<String, SourceError> {
    let mut text = String::from(HEAD);
    text.push_str("<data-model>\n");
    for model in models {
        write_model(model, &mut text);
    }
    text.push_str("</data-model>\n");
    let mut sources = SourceMap::default();
    let file = sources.add("schema.xml", text.into_bytes());
    format(file, sources.file(file), Options::default()).map_err(|found| {
        let all: Vec<_> = found.iter().map(|mistake| mistake.message.clone()).collect();
        SourceError::Unfit(all)
    })
}

fn write_model(model: &Model, out: &mut String) {
    // Writing to a string cannot fail.
    let _written = writeln!(out, "<model name=\"{}\" label=\"{}\">", model.name, escaped(&model.label));
    for Field { name, label, type_name, options, looks_like_id, .. } in &model.fields {
        if *looks_like_id {
            out.push_str("<!-- webhookc-ignore WH0211: the column is called so -->\n");
        }
        let end = if options.is_empty() { " />" } else { ">" };
        let _written = writeln!(out, "<field name=\"{name}\" label=\"{}\" type=\"{type_name}\"{end}", escaped(label));
        for option in options {
            let _written = writeln!(out, "<option key=\"{0}\">{0}</option>", escaped(option));
        }
        if !options.is_empty() {
            out.push_str("</field>\n");
        }
    }
    for Relation { name, model, .. } in &model.relations {
        let named = if name == model { String::new() } else { format!(" name=\"{name}\"") };
        let _written = writeln!(out, "<belongs-to model=\"{model}\"{named} />");
    }
    let _written = writeln!(out, "<display>{}</display>\n</model>", model.display);
}

/// What belongs below `[source.postgres]`.
pub(super) fn mapping(models: &[Model]) -> String {
    let mut out = String::new();
    for model in models {
        let fields = model.fields.iter().map(|field| (field.name.clone(), &field.column));
        let relations = model.relations.iter().map(|relation| (format!("{}_id", relation.name), &relation.column));
        let columns: Vec<_> = fields
            .chain(relations)
            .filter(|(name, column)| *name != ***column)
            .map(|(name, column)| format!("{name} = {}", quoted(column)))
            .collect();
        let (schema, table) = (&*model.table.0, &*model.table.1);
        let written = if schema == "public" && !table.contains('.') { quoted(table) } else { quoted(&format!("{schema}.{table}")) };
        let is_same = schema == "public" && table == model.name;
        // A name of letters needs no quotes.
        let written = if is_same { model.name.clone() } else { written };
        let _written = match (is_same, &*columns) {
            (true, []) => Ok(()),
            (false, []) => writeln!(out, "{written} = \"{}\"", model.name),
            (true, _) => writeln!(out, "{written} = {{ columns = {{ {} }} }}", columns.join(", ")),
            (false, _) => writeln!(out, "{written} = {{ model = \"{}\", columns = {{ {} }} }}", model.name, columns.join(", ")),
        };
    }
    if out.is_empty() { out } else { format!("[source.postgres.tables]\n{out}") }
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
