//! The display string of each model: that there is one, that its paths lead to fields, and that no display needs itself.

use super::format_string::{Fault, parse};
use super::link::{Linked, Member};
use super::{FieldType, Kind};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of};
use crate::ids::ModelId;
use crate::schema;
use crate::text::{SourceText, Span};

const LOCATION_PARTS: [&str; 5] = ["latitude", "longitude", "altitude", "horizontal_accuracy", "vertical_accuracy"];

/// Checks the displays of all models.
pub(super) fn check(declared: &[(ModelId, &schema::Model<'_>)], linked: &Linked<'_>, out: &mut Diagnostics) {
    // Which displays a model's display shows, with the places.
    let mut shown_by: Vec<Vec<(ModelId, Span)>> = vec![Vec::new(); declared.len()];
    for (id, model) in declared {
        let Some((first, others)) = model.displays.split_first() else {
            let span = model.name.as_ref().map_or(model.element, |name| name.span);
            let message = "the model has no `display`; expected one, such as `<display>{name}</display>`";
            out.push(Diagnostic::new(Code::MissingDisplay, span, message));
            continue;
        };
        for other in others {
            let message = "the model has another `display`; expected one";
            out.push(Diagnostic::new(Code::DuplicateDisplay, other.element, message).related(first.element, "the first one"));
        }
        let Some(format) = &first.format else {
            continue;
        };
        let (relations, faults) = relations(*id, format, linked, out);
        for fault in faults {
            out.push(Diagnostic::new(fault.code, format.span(fault.range), fault.message));
        }
        if let Some(shown) = shown_by.get_mut(id.index()) {
            *shown = relations;
        }
    }
    recursion(&shown_by, linked, out);
}

/// Resolves the paths of a format string: the relations it ends in, whose display is shown, and what is wrong with its form.
pub(super) fn relations(
    model: ModelId,
    format: &SourceText,
    linked: &Linked<'_>,
    out: &mut Diagnostics,
) -> (Vec<(ModelId, Span)>, Vec<Fault>) {
    let (placeholders, mut faults) = parse(&format.text);
    // A name that is none has been reported where it is declared.
    faults.retain(|fault| !linked.is_declared(model, format.text.get(fault.range.clone()).unwrap_or("")));
    let mut relations = Vec::new();
    for placeholder in placeholders {
        let span = format.span(placeholder.path.clone());
        let path = format.text.get(placeholder.path.clone()).unwrap_or("");
        if let Some(target) = follow(model, path, placeholder.path.start, format, linked, out) {
            relations.push((target, span));
        }
    }
    (relations, faults)
}

/// The model whose display a path shows, when it ends in a relation.
fn follow(
    mut model: ModelId,
    path: &str,
    start: usize,
    format: &SourceText,
    linked: &Linked<'_>,
    out: &mut Diagnostics,
) -> Option<ModelId> {
    let mut at = start;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let span = format.span(at..at + name.len());
        at += name.len() + 1;
        let last = names.peek().is_none();
        if last && name == "id" {
            return None;
        }
        match linked.member(model, name) {
            Some(Member::Broken) => return None,
            Some(Member::Property(_, property)) => match &property.kind {
                Kind::BelongsTo(belongs_to) => {
                    model = belongs_to.model;
                    if last {
                        return Some(model);
                    }
                }
                Kind::Field(_) if last => return None,
                Kind::Field(FieldType::Location) => {
                    let part = names.next().unwrap_or("");
                    let span = format.span(at..at + part.len());
                    if !LOCATION_PARTS.contains(&part) {
                        let message = format!("a location has no part `{part}`");
                        let parts = one_of(LOCATION_PARTS);
                        out.push(Diagnostic::new(Code::UnknownReference, span, message).help(format!("expected {parts}")));
                    }
                    return None;
                }
                Kind::Field(_) => {
                    let message = format!("`{name}` is a field without parts; a path goes through belongs-to relations");
                    out.push(Diagnostic::new(Code::UnknownReference, span, message).related(property.span, "the field"));
                    return None;
                }
            },
            Some(Member::HasMany(..)) => {
                let message = format!("`{name}` is a has-many; a path goes through belongs-to relations");
                out.push(Diagnostic::new(Code::UnknownReference, span, message));
                return None;
            }
            None => {
                let id_of = name.strip_suffix("_id").filter(|_| last).and_then(|relation| linked.member(model, relation));
                if id_of.is_none() {
                    out.push(linked.unknown(model, name, span, "field or relation"));
                }
                return None;
            }
        }
    }
    None
}

/// Reports each display that shows, in the end, itself. Iterative: chains may be as long as there are models.
fn recursion(shown_by: &[Vec<(ModelId, Span)>], linked: &Linked<'_>, out: &mut Diagnostics) {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Active,
        Done,
    }
    let mut seen = vec![Seen::No; shown_by.len()];
    for start in 0..shown_by.len() {
        let mut stack = vec![(start, 0)];
        while let Some((model, next)) = stack.pop() {
            if next == 0 && seen.get(model) != Some(&Seen::No) {
                continue;
            }
            if let Some(seen) = seen.get_mut(model) {
                *seen = Seen::Active;
            }
            let Some((target, span)) = shown_by.get(model).and_then(|shown| shown.get(next)) else {
                if let Some(seen) = seen.get_mut(model) {
                    *seen = Seen::Done;
                }
                continue;
            };
            stack.push((model, next + 1));
            match seen.get(target.index()) {
                Some(Seen::No) => stack.push((target.index(), 0)),
                Some(Seen::Active) => {
                    let name = linked.model(*target).map_or("", |model| &*model.name);
                    let message = format!("this shows the display of `{name}`, which shows this display again");
                    out.push(Diagnostic::new(Code::DisplayRecursion, *span, message).help("show a field of the related object instead"));
                }
                Some(Seen::Done) | None => {}
            }
        }
    }
}
