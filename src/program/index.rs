//! Database indexes: that they are on properties that can be compared, each once. Nothing of them is kept, the store has no use for
//! them.

use rustc_hash::FxHashMap;

use super::link::{Linked, Member};
use super::{FieldType, Kind, Property};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::ModelId;
use crate::schema;

/// Checks the indexes of a model.
pub(super) fn check(id: ModelId, model: &schema::Model<'_>, linked: &Linked<'_>, out: &mut Diagnostics) {
    for on in model.indexes.iter().filter_map(|index| index.on.as_ref()) {
        let mut seen = FxHashMap::default();
        let mut start = 0;
        for part in on.text.split(',') {
            let name = part.trim_ascii().trim_start_matches('-');
            let from = start + (part.len() - part.trim_ascii_start().trim_start_matches('-').len());
            let span = on.span(from..from + name.len());
            start += part.len() + 1;
            if name.is_empty() {
                let message = "a name is missing in the list; expected names with single commas between";
                let whole = on.span(start.saturating_sub(part.len() + 1)..start - 1);
                out.push(Diagnostic::new(Code::UnknownReference, whole, message));
                continue;
            }
            if let Some(first) = seen.insert(name, span) {
                let message = format!("the index names `{name}` twice");
                out.push(Diagnostic::new(Code::DuplicateIndexKey, span, message).related(first, "the first time"));
                continue;
            }
            let reason = match linked.member(id, name) {
                Some(Member::Broken) => None,
                Some(Member::Property(_, property)) => obstacle(property),
                Some(Member::HasMany(..)) => Some("a has-many, which is stored with the other model"),
                None => {
                    out.push(linked.unknown(id, name, span, "field or relation"));
                    None
                }
            };
            if let Some(reason) = reason {
                let message = format!("`{name}` cannot be indexed: it is {reason}");
                out.push(Diagnostic::new(Code::NotIndexable, span, message));
            }
        }
    }
}

/// Why a property cannot be in an index.
fn obstacle(property: &Property) -> Option<&'static str> {
    match &property.kind {
        Kind::BelongsTo(_) => None,
        Kind::Field(field) => match field {
            FieldType::Location => Some("a location"),
            FieldType::Track => Some("a track"),
            FieldType::Attachment(_) => Some("an attachment"),
            FieldType::MultipleChoice(_) | FieldType::MultipleChoiceInteger(_) => Some("a multiple choice"),
            FieldType::Text(_)
            | FieldType::Number
            | FieldType::Integer
            | FieldType::Boolean
            | FieldType::Date
            | FieldType::Datetime
            | FieldType::SingleChoice(_)
            | FieldType::SingleChoiceInteger(_) => None,
        },
    }
}
