//! Paths in display and message strings: `{name}`, `{relation.field}`.

use std::ops::Range;

use lsp_types::CompletionItemKind;

use super::super::lookup;
use super::super::place::Place;
use super::super::world::View;
use super::{Choice, Choices};
use crate::program::{FieldType, Kind};

/// The choices in a string of literal text and `{path}`s, which stands in `range`.
pub(super) fn choices(view: View<'_>, place: &Place<'_>, range: Range<usize>, cursor: usize) -> Choices {
    let before = view.document.text.get(range.start..cursor).unwrap_or_default();
    let Some(open) = before.rfind('{') else { return Choices::default() };
    let path = before.get(open + 1..).unwrap_or_default();
    if path.contains(['}', ':']) {
        return Choices::default();
    }
    let (walked, typed) = path.rsplit_once('.').map_or((None, path), |(walked, typed)| (Some(walked), typed));
    let mut list: Vec<Choice> = Vec::new();
    for (program, model) in lookup::models_around(view, place) {
        let end =
            walked.into_iter().flat_map(|walked| walked.split('.')).try_fold(model, |model, name| lookup::target(program, model, name));
        let Some(end) = end else { continue };
        for property in &program.model(end).properties {
            let (kind, detail) = match &property.kind {
                Kind::Field(field) => (CompletionItemKind::FIELD, lookup::type_name(field)),
                Kind::BelongsTo(to) => (CompletionItemKind::REFERENCE, format!("belongs to `{}`", program.model(to.model).name)),
            };
            if !list.iter().any(|known| known.label == *property.name) {
                list.push(Choice::new(&*property.name, kind, detail));
            }
        }
    }
    if let Some(walked) = walked
        && list.is_empty()
        && is_location(view, place, walked)
    {
        let parts = ["latitude", "longitude", "altitude", "horizontal_accuracy", "vertical_accuracy"];
        list.extend(parts.map(|part| Choice::new(part, CompletionItemKind::FIELD, "of a location")));
    }
    Choices { range: cursor - typed.len()..cursor, list }
}

fn is_location(view: View<'_>, place: &Place<'_>, path: &str) -> bool {
    let (walked, last) = path.rsplit_once('.').map_or((None, path), |(walked, last)| (Some(walked), last));
    lookup::models_around(view, place).any(|(program, model)| {
        let end =
            walked.into_iter().flat_map(|walked| walked.split('.')).try_fold(model, |model, name| lookup::target(program, model, name));
        let property = end.and_then(|end| Some((program.model(end), program.model(end).property_named(last)?)));
        property.is_some_and(|(model, property)| matches!(model.property(property).field(), Some(FieldType::Location)))
    })
}
