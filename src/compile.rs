//! The pipeline on one screen: source text in, checked rules and diagnostics out. Total: whatever the input, it ends with a value.

use crate::check::{self, Rules, Valid};
use crate::diagnostics::Diagnostics;
use crate::ids::FileId;
use crate::program::{self, Context, Settings};
use crate::schema::{self, Dialect, Schema};
use crate::suppress::{self, Suppressed, Suppression};
use crate::syntax;
use crate::text::{SourceFile, SourceMap};

/// Everything the compiler may look at.
#[derive(Debug, Default)]
pub struct Input {
    /// Schemas, template files and `webhookc.toml`.
    pub sources: SourceMap,
    /// The schema files, linked into one data model.
    pub schemas: Vec<FileId>,
    /// The dialect of the schema files; each file's root element tells when it is not given.
    pub dialect: Option<Dialect>,
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
    /// Findings that the source suppresses, in reading order; no output counts them.
    pub suppressed: Vec<Suppressed>,
    /// The rules, when there is no error.
    pub rules: Option<Valid<Rules>>,
    /// Models declared.
    pub models: usize,
    /// Webhooks declared.
    pub webhooks: usize,
}

/// Compiles.
#[must_use]
pub fn compile(mut input: Input) -> Compilation {
    input.settings.templates = input.templates.iter().map(|(name, _)| name.clone()).collect();
    let mut diagnostics = Diagnostics::default();
    let mut suppressions = Vec::new();
    let read = |&file| read(file, input.sources.file(file), input.dialect, &mut suppressions, &mut diagnostics);
    let schemas: Vec<Schema<'_>> = input.schemas.iter().map(read).collect();
    let context = Context { sources: &input.sources, templates: &input.templates, settings: &input.settings };
    let program = program::resolve(&schemas, context, &mut diagnostics);
    let (models, webhooks) = (program.models.len(), program.webhooks.len());
    drop(schemas);
    let rules = check::check(program, input.settings, &mut diagnostics);
    let suppressed = suppress::apply(suppressions, &mut diagnostics);
    diagnostics.sort();
    Compilation { sources: input.sources, diagnostics, suppressed, rules, models, webhooks }
}

fn read<'s>(
    file: FileId,
    source: &'s SourceFile,
    dialect: Option<Dialect>,
    suppressions: &mut Vec<Suppression>,
    out: &mut Diagnostics,
) -> Schema<'s> {
    let tree = syntax::parse(file, source, out);
    if source.invalid_at.is_some() {
        // The file is cut off somewhere in its last model: what was declared before counts, but nothing is said about its form.
        let mut schema = schema::declare(&tree, dialect, &mut Diagnostics::default());
        schema.models.pop();
        schema.partial = true;
        return schema;
    }
    suppressions.extend(suppress::read(&tree, out));
    let mut schema = schema::declare(&tree, dialect, out);
    schema.partial |= tree.root().is_none();
    schema
}
