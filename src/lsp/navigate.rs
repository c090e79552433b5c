//! From a name to where it is declared, and to all places where it stands.

use lsp_types::{DocumentHighlight, DocumentHighlightKind, Location, Position, Range, Url};

use super::index::{Entry, Role, Symbol};
use super::world::View;

/// Where the name at a place is declared.
pub(super) fn definition(view: View<'_>, offset: usize) -> Vec<Location> {
    let mut found: Vec<Location> = Vec::new();
    for entry in same_place(view, offset) {
        if let Symbol::Template(name) = &entry.symbol {
            let file = view.snapshot.templates.iter().find(|(known, _)| **known == **name).map(|(_, file)| *file);
            let url = file.and_then(|file| Url::from_file_path(view.snapshot.path(file)?).ok());
            let start = Range::new(Position::new(0, 0), Position::new(0, 0));
            found.extend(url.map(|url| Location::new(url, start)));
            continue;
        }
        let declared = view.snapshot.index.of(&entry.symbol).filter(|other| other.role != Role::Used && other.role != Role::UsedWithId);
        for location in declared.filter_map(|other| view.location(other.span)) {
            if !found.contains(&location) {
                found.push(location);
            }
        }
    }
    found
}

/// All places of the name at a place, those where it is declared only when asked.
pub(super) fn references(view: View<'_>, offset: usize, with_declaration: bool) -> Vec<Location> {
    let mut found: Vec<Location> = Vec::new();
    let Some(entry) = chosen(view, offset) else { return found };
    for other in view.snapshot.index.of(&entry.symbol) {
        let is_use = matches!(other.role, Role::Used | Role::UsedWithId);
        if is_use || with_declaration {
            found.extend(view.location(other.span));
        }
    }
    found.dedup();
    found
}

/// The places of the name at a place in its own file.
pub(super) fn highlights(view: View<'_>, offset: usize) -> Vec<DocumentHighlight> {
    let Some(entry) = chosen(view, offset) else { return Vec::new() };
    let own = view.snapshot.index.of(&entry.symbol).filter(|other| other.span.file == entry.span.file);
    let ranges = own.filter_map(|other| Some((view.range(view.now(other.span)?), other.role)));
    ranges
        .map(|(range, role)| {
            let kind = if matches!(role, Role::Declared) { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ };
            DocumentHighlight { range, kind: Some(kind) }
        })
        .collect()
}

/// The name at a place; where several stand at one place, the one that is written there.
fn chosen(view: View<'_>, offset: usize) -> Option<&Entry> {
    view.entries(offset).into_iter().next()
}

/// Every meaning of the name at a place: a template of several webhooks has several.
fn same_place(view: View<'_>, offset: usize) -> Vec<&Entry> {
    let entries = view.entries(offset);
    let Some(first) = entries.first().copied() else { return Vec::new() };
    entries
        .into_iter()
        .filter(|entry| entry.span == first.span && matches!(entry.role, Role::Used | Role::UsedWithId | Role::Declared))
        .collect()
}
