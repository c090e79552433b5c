//! The pipeline on one screen: source text in, checked rules and diagnostics out. Total: whatever the input, it ends with a value.

use crate::check::{self, Rules, Valid};
use crate::diagnostics::Diagnostics;
use crate::ids::FileId;
use crate::program::{self, Context, Settings};
use crate::schema::{self, Schema};
use crate::syntax;
use crate::text::{SourceFile, SourceMap};

/// Everything the compiler may look at.
#[derive(Debug, Default)]
pub struct Input {
    /// Schemas, template files and `webhookc.toml`.
    pub sources: SourceMap,
    /// The schema files, linked into one data model.
    pub schemas: Vec<FileId>,
    /// Template files by the name that a schema uses (`comment.json`), sorted.
    pub templates: Vec<(String, FileId)>,
    /// What the configuration says.
    pub settings: Settings,
}

/// What came of it.
#[derive(Debug)]
pub struct Compilation {
    /// The sources, to show diagnostics with.
    pub sources: SourceMap,
    /// The findings, in reading order.
    pub diagnostics: Diagnostics,
    /// The rules, when there is no error.
    pub rules: Option<Valid<Rules>>,
    /// Models declared.
    pub models: usize,
    /// Webhooks declared.
    pub webhooks: usize,
}

/// Compiles.
#[must_use]
pub fn compile(input: Input) -> Compilation {
    let mut diagnostics = Diagnostics::default();
    let schemas: Vec<Schema<'_>> = input.schemas.iter().map(|&file| read(file, input.sources.file(file), &mut diagnostics)).collect();
    let context = Context { sources: &input.sources, templates: &input.templates, settings: &input.settings };
    let program = program::resolve(&schemas, context, &mut diagnostics);
    let (models, webhooks) = (program.models.len(), program.webhooks.len());
    drop(schemas);
    let rules = check::check(program, input.settings, &mut diagnostics);
    diagnostics.close();
    Compilation { sources: input.sources, diagnostics, rules, models, webhooks }
}

fn read<'s>(file: FileId, source: &'s SourceFile, out: &mut Diagnostics) -> Schema<'s> {
    let tree = syntax::parse(file, source, out);
    if source.invalid_at.is_some() {
        // The file is cut off somewhere in its last model: what was declared before counts, but nothing is said about its form.
        let mut schema = schema::declare(&tree, &mut Diagnostics::default());
        schema.models.pop();
        schema.partial = true;
        return schema;
    }
    let mut schema = schema::declare(&tree, out);
    schema.partial |= tree.root().is_none();
    schema
}
