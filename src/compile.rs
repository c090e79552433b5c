//! The pipeline on one screen: source text in, checked rules and diagnostics out. Total: whatever the input, it ends with a value.

use std::collections::BTreeSet;

use crate::check::{self, Rules, Valid};
use crate::diagnostics::{Code, Diagnostics};
use crate::ids::FileId;
use crate::program::{self, Context, Program, Settings};
use crate::schema::{self, Dialect, Schema};
use crate::suppress::{self, Suppressed, Suppression};
use crate::syntax;
use crate::template::Uses;
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
    /// What there is of the rules when there is an error: to look names up in, never to be run.
    pub rejected: Option<Box<Rules>>,
    /// Models declared.
    pub models: usize,
    /// Webhooks declared.
    pub webhooks: usize,
}

/// Compiles.
#[must_use]
pub fn compile(input: Input) -> Compilation {
    examine(input, None, |_, _| ()).0
}

/// Compiles for who wants to know what each name stands for: `uses` takes those of templates, and `look` sees what is declared beside what
/// it was resolved to.
pub fn examine<T>(mut input: Input, uses: Option<&Uses>, look: impl FnOnce(&[Schema<'_>], &Program) -> T) -> (Compilation, T) {
    input.settings.templates = input.templates.iter().map(|(name, _)| name.clone()).collect();
    let mut diagnostics = Diagnostics::default();
    let mut suppressions = Vec::new();
    let read = |&file| read(file, input.sources.file(file), input.dialect, &mut suppressions, &mut diagnostics);
    let schemas: Vec<Schema<'_>> = input.schemas.iter().map(read).collect();
    let context = Context { sources: &input.sources, templates: &input.templates, settings: &input.settings };
    let program = program::resolve(&schemas, context, &mut diagnostics);
    let (models, webhooks) = (program.models.len(), program.webhooks.len());
    let seen = look(&schemas, &program);
    drop(schemas);
    let mut cut_off = BTreeSet::new();
    for file in template_files(&program, &input) {
        let source = input.sources.file(file);
        if let Some(found) = syntax::not_utf8(file, source) {
            diagnostics.push(found);
            cut_off.insert(file);
        }
        suppressions.extend(suppress::read_template(file, &source.text, &mut diagnostics));
    }
    let (rules, rejected) = match check::check(program, input.settings, uses, &mut diagnostics) {
        Ok(rules) => (Some(rules), None),
        Err(rejected) => (None, Some(rejected)),
    };
    // What looks wrong at the cut is not: only the encoding is.
    let is_form = |code| matches!(code, Code::TemplateSyntax | Code::InvalidJsonBody);
    diagnostics.remove(|finding| is_form(finding.code) && cut_off.contains(&finding.primary.span.file));
    let suppressed = suppress::apply(suppressions, &mut diagnostics);
    diagnostics.sort();
    (Compilation { sources: input.sources, diagnostics, suppressed, rules, rejected, models, webhooks }, seen)
}

/// The template files that somebody's body is made of: in any other nothing is looked for.
fn template_files(program: &Program, input: &Input) -> BTreeSet<FileId> {
    let endpoints = input.settings.endpoints.iter().filter(|endpoint| endpoint.enabled).map(|endpoint| &endpoint.request);
    let requests = program.webhooks.iter().filter_map(|webhook| webhook.request.as_ref()).chain(endpoints);
    let bodies = requests.filter_map(|request| request.body.as_ref()).filter(|body| body.file.is_some());
    bodies.filter_map(|body| body.text.as_ref()).map(|text| text.whole().file).collect()
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
