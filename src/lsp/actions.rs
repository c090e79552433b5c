//! Quick fixes: the repairs that findings bring, all safe ones of a file at once, and a suppression with its reason.

use std::collections::{BTreeMap, BTreeSet};

use lsp_types::{CodeAction, CodeActionKind, CodeActionOrCommand, TextEdit, Url};

use super::edits::{Addresses, workspace_edit};
use super::findings::converted;
use super::world::View;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Edit, Severity};
use crate::fix::{Reach, compatible};
use crate::suppress::place_of_comment;
use crate::syntax;
use crate::text::Span;

/// The kind of the action that applies all safe fixes.
pub(super) const FIX_ALL: &str = "source.fixAll.webhookc";

/// What can be done about the findings in a range.
pub(super) fn actions(view: View<'_>, range: &std::ops::Range<usize>, only: Option<&[CodeActionKind]>) -> Vec<CodeActionOrCommand> {
    let Some(file) = view.snapshot.file(&view.document.path) else { return Vec::new() };
    let asked = |kind: &str| {
        only.is_none_or(|only| only.iter().any(|only| kind == only.as_str() || kind.starts_with(&format!("{}.", only.as_str()))))
    };
    let mut found = Vec::new();
    let own = || view.snapshot.diagnostics.iter().filter(|finding| finding.primary.span.file == file);
    if asked(CodeActionKind::QUICKFIX.as_str()) {
        for finding in own() {
            let Some(place) = view.now(finding.primary.span) else { continue };
            if place.start <= range.end && range.start <= place.end {
                found.extend(fixes(view, finding));
                found.extend(suppression(view, finding));
            }
        }
    }
    if asked(FIX_ALL) {
        let editable = BTreeSet::from([file]);
        let safe = compatible(own(), Reach::Safe, &editable);
        let count = safe.len();
        let edits: Option<Vec<TextEdit>> =
            safe.into_iter().flat_map(|fix| &fix.edits).map(|edit| text_edit(view, edit).map(|(_, edit)| edit)).collect();
        if let Some(edits) = edits.filter(|edits| !edits.is_empty()) {
            let edit = workspace_edit(vec![(view.document.url.clone(), edits)], &Addresses::of(view.world));
            let title = format!("apply {}", if count == 1 { "the safe fix".to_owned() } else { format!("{count} safe fixes") });
            found.push(CodeAction { title, kind: Some(CodeActionKind::from(FIX_ALL)), edit: Some(edit), ..CodeAction::default() });
        }
    }
    found.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

/// The repairs of a finding.
fn fixes(view: View<'_>, finding: &Diagnostic) -> Vec<CodeAction> {
    let actions = finding.fixes.iter().filter_map(|fix| {
        let mut changes: BTreeMap<Url, Vec<TextEdit>> = BTreeMap::new();
        for edit in &fix.edits {
            let (url, edit) = text_edit(view, edit)?;
            changes.entry(url).or_default().push(edit);
        }
        let edit = workspace_edit(changes.into_iter().collect(), &Addresses::of(view.world));
        Some(CodeAction {
            title: fix.title.clone(),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: converted(view.world, view.snapshot, finding).map(|(_, diagnostic)| vec![diagnostic]),
            edit: Some(edit),
            is_preferred: Some(fix.safe || finding.fixes.len() == 1),
            ..CodeAction::default()
        })
    });
    actions.collect()
}

fn text_edit(view: View<'_>, edit: &Edit) -> Option<(Url, TextEdit)> {
    let place = view.location(edit.span)?;
    Some((place.uri, TextEdit { range: place.range, new_text: edit.text.clone() }))
}

/// A comment that takes a warning or note away; its reason has to be written by who knows it.
fn suppression(view: View<'_>, finding: &Diagnostic) -> Option<CodeAction> {
    let about_suppression = matches!(finding.code, Code::UnusedSuppression | Code::SuppressionWithoutReason);
    if finding.severity() == Severity::Error || about_suppression {
        return None;
    }
    let code = finding.code.as_str();
    let span = finding.primary.span;
    let is_template = view.snapshot.templates.iter().any(|(_, file)| *file == span.file);
    let (at, comment) = if view.snapshot.is_schema(span.file) {
        let (at, indentation) = before_element(view, span)?;
        (at, format!("<!-- webhookc-ignore {code}: say why it may stay -->\n{indentation}"))
    } else if is_template {
        let text = &view.snapshot.sources.file(span.file).text;
        let at = u32::try_from(place_of_comment(text, &span.range())?).ok()?;
        (at, format!("{{# webhookc-ignore {code}: say why it may stay #}}"))
    } else {
        return None;
    };
    let now = view.now(Span { file: span.file, start: at, end: at })?;
    let edit = TextEdit { range: view.range(now), new_text: comment };
    Some(CodeAction {
        title: format!("suppress {code} here, with a reason"),
        kind: Some(CodeActionKind::QUICKFIX),
        edit: Some(workspace_edit(vec![(view.document.url.clone(), vec![edit])], &Addresses::of(view.world))),
        ..CodeAction::default()
    })
}

/// Where the innermost element around a place begins that stands on a line of its own, and the indentation of that line.
fn before_element(view: View<'_>, span: Span) -> Option<(u32, String)> {
    let source = view.snapshot.sources.file(span.file);
    let tree = syntax::parse(span.file, source, &mut Diagnostics::default());
    let mut element = tree.root()?;
    let mut best = None;
    loop {
        if let Some(indentation) = element.indentation() {
            best = Some((element.span().start, indentation.to_owned()));
        }
        match element.children().find(|child| child.span().start <= span.start && span.end <= child.span().end) {
            Some(child) => element = child,
            None => break,
        }
    }
    best
}
