//! The outline of a schema file: its models with their fields, relations and webhooks; and what can be folded.

use lsp_types::{DocumentSymbol, FoldingRange, FoldingRangeKind, Range, SymbolKind};

use super::declared::{Part, PartKind, parts_of};
use super::world::View;
use crate::text::Span;

/// Parts in one outline: of a larger file only the models are listed, which is what fits into an answer.
const MOST: usize = 5_000;

/// The outline of the file as it was last compiled; what was touched since is left out.
pub(super) fn symbols(view: View<'_>) -> Vec<DocumentSymbol> {
    let Some(file) = view.snapshot.file(&view.document.path) else { return Vec::new() };
    let parts: Vec<&Part> = parts_of(&view.snapshot.parts, file).collect();
    let deep = parts.iter().map(|part| 1 + part.below.len()).sum::<usize>() <= MOST;
    let end = u32::try_from(view.snapshot.sources.file(file).text.len()).unwrap_or(u32::MAX);
    let mut found = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let until = parts.get(index + 1).map_or(end, |next| next.start);
        found.extend(symbol(view, part, until, deep));
    }
    found
}

fn symbol(view: View<'_>, part: &Part, until: u32, deep: bool) -> Option<DocumentSymbol> {
    let selection = view.now(part.span)?;
    let start = view.now(Span { end: part.start, start: part.start, ..part.span })?.start.min(selection.start);
    let end = view.now(Span { start: until, end: until, ..part.span }).map_or(selection.end, |range| range.start).max(selection.end);
    // What stands between two models belongs to neither.
    let text = view.document.text.get(start..end).unwrap_or_default();
    let text = if part.kind == PartKind::Model { text } else { text.rfind("</model").and_then(|at| text.get(..at)).unwrap_or(text) };
    let length = text.rfind('>').map_or(text.trim_end().len(), |at| at + 1);
    let end = start + length.max(selection.end - start);
    let below = if deep { &part.below[..] } else { &[] };
    let children = below.iter().enumerate().filter_map(|(index, part)| {
        let until = below.get(index + 1).map_or(until, |next| next.start);
        symbol(view, part, until.max(part.span.end), deep)
    });
    let children: Vec<DocumentSymbol> = children.collect();
    #[expect(deprecated, reason = "the field has to be named")]
    Some(DocumentSymbol {
        name: part.name.clone(),
        detail: (!part.detail.is_empty()).then(|| part.detail.clone()),
        kind: match part.kind {
            PartKind::Model => SymbolKind::CLASS,
            PartKind::Field => SymbolKind::FIELD,
            PartKind::Relation => SymbolKind::PROPERTY,
            PartKind::Webhook => SymbolKind::EVENT,
        },
        tags: None,
        deprecated: None,
        range: view.range(start..end),
        selection_range: view.range(selection),
        children: (!children.is_empty()).then_some(children),
    })
}

/// Each model and each of its webhooks can be folded.
pub(super) fn folds(view: View<'_>) -> Vec<FoldingRange> {
    fn lines(symbol: &DocumentSymbol, found: &mut Vec<FoldingRange>) {
        let Range { start, end } = symbol.range;
        if end.line > start.line {
            let kind = Some(FoldingRangeKind::Region);
            found.push(FoldingRange { start_line: start.line, end_line: end.line, kind, ..FoldingRange::default() });
        }
        symbol.children.iter().flatten().for_each(|child| lines(child, found));
    }
    let mut found = Vec::new();
    for symbol in &symbols(view) {
        lines(symbol, &mut found);
    }
    found
}
