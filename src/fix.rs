//! Repairs, applied. Input: what to compile; output: the texts with every wanted fix in them, and what is found in those. Absent: reading
//! and writing files. Only schemas and templates change; `webhookc.toml` is its owner's.

use std::collections::{BTreeMap, BTreeSet};

use crate::compile::{Compilation, Input, compile};
use crate::diagnostics::{Diagnostic, Edit, Fix};
use crate::ids::FileId;
use crate::text::SourceMap;

/// A repair can make the next one possible; a chain longer than this is not seen in practice, and ends here.
const ROUNDS: usize = 8;

/// Which fixes to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those that can only mean what the author meant.
    Safe,
    /// Guesses too.
    All,
}

/// What came of it.
#[derive(Debug)]
pub struct Fixed {
    /// What is found in the texts as they are now.
    pub compilation: Compilation,
    /// The texts that changed, as they were before.
    pub before: BTreeMap<FileId, String>,
    /// How many fixes went in.
    pub applied: usize,
}

/// Compiles, and applies fixes until there is none left. `wanted` says which findings may be repaired.
#[must_use]
pub fn fix(input: Input, reach: Reach, wanted: impl Fn(&Diagnostic) -> bool) -> Fixed {
    let (schemas, templates, settings, dialect) = (input.schemas.clone(), input.templates.clone(), input.settings.clone(), input.dialect);
    let files = schemas.iter().copied().chain(templates.iter().map(|(_, file)| *file));
    // What is cut off at a byte that is no text would be lost.
    let editable: BTreeSet<FileId> = files.filter(|file| input.sources.file(*file).invalid_at.is_none()).collect();
    let mut fixed = Fixed { compilation: compile(input), before: BTreeMap::new(), applied: 0 };
    for _ in 0..ROUNDS {
        let findings = fixed.compilation.diagnostics.iter().filter(|finding| wanted(finding));
        let chosen = compatible(findings, reach, &editable);
        if chosen.is_empty() {
            break;
        }
        fixed.applied += chosen.len();
        let edits = chosen.into_iter().flat_map(|fix| fix.edits.iter().cloned()).collect();
        let mut sources = fixed.compilation.sources;
        write(edits, &mut sources, &mut fixed.before);
        fixed.compilation =
            compile(Input { sources, schemas: schemas.clone(), templates: templates.clone(), settings: settings.clone(), dialect });
    }
    let sources = &fixed.compilation.sources;
    fixed.before.retain(|file, before| sources.file(*file).text != *before);
    fixed
}

/// The first fix of each finding that touches no other one.
#[must_use]
pub fn compatible<'a>(findings: impl Iterator<Item = &'a Diagnostic>, reach: Reach, editable: &BTreeSet<FileId>) -> Vec<&'a Fix> {
    let mut taken: BTreeMap<(FileId, u32), u32> = BTreeMap::new();
    let mut chosen = Vec::new();
    for finding in findings {
        let allowed = |fix: &&Fix| {
            (fix.safe || reach == Reach::All) && !fix.edits.is_empty() && fix.edits.iter().all(|edit| editable.contains(&edit.span.file))
        };
        let Some(fix) = finding.fixes.iter().find(allowed) else {
            continue;
        };
        if fix.edits.iter().any(|edit| is_taken(&taken, edit)) {
            continue;
        }
        taken.extend(fix.edits.iter().map(|edit| ((edit.span.file, edit.span.start), edit.span.end)));
        chosen.push(fix);
    }
    chosen
}

/// Whether an edit overlaps or touches another one. Those that are taken do not, so only the last that begins before its end can.
fn is_taken(taken: &BTreeMap<(FileId, u32), u32>, edit: &Edit) -> bool {
    let last = taken.range(..=(edit.span.file, edit.span.end)).next_back();
    last.is_some_and(|(&(file, _), &end)| file == edit.span.file && end >= edit.span.start)
}

fn write(mut edits: Vec<Edit>, sources: &mut SourceMap, before: &mut BTreeMap<FileId, String>) {
    edits.sort_by_key(|edit| edit.span);
    for part in edits.chunk_by(|one, other| one.span.file == other.span.file) {
        let Some(file) = part.first().map(|edit| edit.span.file) else { continue };
        let old = sources.file(file).text.clone();
        let mut text = String::with_capacity(old.len());
        let mut at = 0;
        for edit in part {
            text.push_str(old.get(at..edit.span.start as usize).unwrap_or_default());
            text.push_str(&edit.text);
            at = edit.span.end as usize;
        }
        text.push_str(old.get(at..).unwrap_or_default());
        sources.replace(file, text);
        before.entry(file).or_insert(old);
    }
}
