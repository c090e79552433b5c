//! The fields and belongs-to of a model, and that no two things of a model share a name.

use rustc_hash::FxHashMap;

use super::link::Linked;
use super::names::{check_member, duplicate};
use super::{BelongsTo, Classification, Kind, Model, Property, field_type};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::ModelId;
use crate::schema::{self, Text};
use crate::text::Span;

/// The most fields and relations of a model; ids are 16 bits wide, and a record has one slot for each.
const MAX_PROPERTIES: usize = 16_384;

/// Reads the properties of a model. Names that are declared wrongly become broken.
pub(super) fn read<'a>(id: ModelId, model: &'a schema::Model<'_>, linked: &mut Linked<'a>, out: &mut Diagnostics) -> Model {
    let count = model.fields.len() + model.belongs_to.len() + model.has_many.len();
    if count > MAX_PROPERTIES {
        let message = format!("the model has {count} fields and relations; at most {MAX_PROPERTIES} are possible");
        out.push(Diagnostic::new(Code::FileTooLarge, model.element, message));
    }
    let mut taken = Taken::with_capacity_and_hasher(count, rustc_hash::FxBuildHasher);
    let mut properties = Vec::with_capacity(count.min(MAX_PROPERTIES));
    for field in &model.fields {
        let field_type = field_type::read(field, out);
        let Some(name) = &field.name else {
            continue;
        };
        check_member("field", name, out);
        if !take(&mut taken, "field", name, out) {
            continue;
        }
        match field_type {
            Some(field_type) if properties.len() < MAX_PROPERTIES => properties.push(Property {
                name: name.value.as_ref().into(),
                label: field.label.as_ref().map_or("", |label| &*label.value).into(),
                kind: Kind::Field(field_type),
                span: name.span,
            }),
            Some(_) | None => {
                linked.broken.insert((id, &*name.value));
            }
        }
    }
    for belongs_to in &model.belongs_to {
        let target = belongs_to.model.as_ref().and_then(|target| linked.find_model(target, out));
        let Some(name) = belongs_to.name.as_ref().or(belongs_to.model.as_ref()) else {
            continue;
        };
        if belongs_to.name.is_some() || target.is_some() {
            check_member("relation", name, out);
        }
        if !take(&mut taken, "relation", name, out) {
            continue;
        }
        match target {
            Some(target) if properties.len() < MAX_PROPERTIES => properties.push(Property {
                name: name.value.as_ref().into(),
                label: "".into(),
                kind: Kind::BelongsTo(BelongsTo { model: target }),
                span: name.span,
            }),
            Some(_) | None => {
                linked.broken.insert((id, &*name.value));
            }
        }
    }
    for has_many in &model.has_many {
        if let Some(name) = &has_many.name {
            check_member("relation", name, out);
            take(&mut taken, "relation", name, out);
        }
    }
    derived_ids(&properties, &taken, out);
    let classification = if model.sensitive { Classification::Sensitive } else { Classification::Standard };
    let name = model.name.as_ref();
    let label = model.label.as_ref().map_or("", |label| &*label.value);
    let span = name.map_or(model.element, |name| name.span);
    Model::new(name.map_or("", |name| &*name.value), label, classification, span, properties, Vec::new())
}

/// What has a name: its kind and place.
type Taken<'a> = FxHashMap<&'a str, (&'static str, Span)>;

/// Gives the name to something of this kind, or reports who has it.
fn take<'a>(taken: &mut Taken<'a>, kind: &'static str, name: &'a Text<'_>, out: &mut Diagnostics) -> bool {
    let (first_kind, first) = *taken.entry(&*name.value).or_insert((kind, name.span));
    if first == name.span {
        return true;
    }
    if first_kind == kind {
        out.push(duplicate(kind, name, first));
    } else {
        let message = format!("the {kind} `{}` has the name of a {first_kind}", name.value);
        out.push(Diagnostic::new(Code::NameCollision, name.span, message).related(first, format!("the {first_kind}")));
    }
    false
}

/// A relation or attachment `x` brings a value `x_id` into every payload.
fn derived_ids(properties: &[Property], taken: &Taken<'_>, out: &mut Diagnostics) {
    let mut derived = String::new();
    for property in properties {
        let what = match property.kind {
            Kind::BelongsTo(_) => "relation",
            Kind::Field(_) if property.is_attachment() => "attachment",
            Kind::Field(_) => continue,
        };
        derived.clear();
        derived.push_str(&property.name);
        derived.push_str("_id");
        if let Some((kind, span)) = taken.get(derived.as_str()) {
            let message = format!("the {kind} `{derived}` has the name of the id that the {what} `{}` brings", property.name);
            out.push(Diagnostic::new(Code::NameCollision, *span, message).related(property.span, format!("the {what}")));
        }
    }
}
