//! The fields and belongs-to of a model, and that no two things of a model share a name.

use rustc_hash::FxHashMap;

use super::link::Linked;
use super::names::{TIME_OF_SAVE, check_member, duplicate, id_suffix, is_reserved_member, time_of_save};
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
    if model.partial {
        linked.partial_models.insert(id);
    }
    let mut taken = Taken::with_capacity_and_hasher(count, rustc_hash::FxBuildHasher);
    let mut properties = Vec::with_capacity(count.min(MAX_PROPERTIES));
    for field in &model.fields {
        let field_type = field_type::read(field, out);
        let Some(name) = &field.name else {
            linked.partial_models.insert(id);
            continue;
        };
        if !check_member("field", name, out) {
            // Whoever uses it may use the name that it should have.
            linked.partial_models.insert(id);
        }
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
        if target.is_none() {
            linked.loose_models.insert(id);
        }
        let by_default = belongs_to.model.as_ref().filter(|_| !belongs_to.has_name);
        let Some(name) = belongs_to.name.as_ref().or(by_default) else {
            linked.partial_models.insert(id);
            continue;
        };
        if belongs_to.name.is_some() || target.is_some() {
            if !check_member("relation", name, out) {
                linked.partial_models.insert(id);
            }
        } else if let Some(meant) = linked.nearest_model(&name.value, out) {
            // Whoever uses the relation uses the name that it should have.
            linked.broken.insert((id, meant));
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
        let Some(name) = &has_many.name else {
            linked.partial_models.insert(id);
            continue;
        };
        if !check_member("relation", name, out) {
            linked.partial_models.insert(id);
        }
        take(&mut taken, "relation", name, out);
    }
    id_suffixes(model, &taken, out);
    times_of_save(model, out);
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

/// Warns of names in `_id`, unless `x_id` stands beside an `x`: that is a collision, or close to one and on purpose.
fn id_suffixes(model: &schema::Model<'_>, taken: &Taken<'_>, out: &mut Diagnostics) {
    let fields = model.fields.iter().filter_map(|field| Some(("field", field.name.as_ref()?)));
    let belongs_to = model.belongs_to.iter().filter_map(|relation| Some(("relation", relation.name.as_ref()?)));
    let has_many = model.has_many.iter().filter_map(|relation| Some(("relation", relation.name.as_ref()?)));
    for (kind, name) in fields.chain(belongs_to).chain(has_many) {
        if let Some(stem) = name.value.strip_suffix("_id")
            && !taken.contains_key(stem)
            && !is_reserved_member(&name.value)
        {
            out.push(id_suffix(kind, name));
        }
    }
}

/// Warns of relations that take the place of the time of the save. A field of this name is what is wanted there.
fn times_of_save(model: &schema::Model<'_>, out: &mut Diagnostics) {
    let belongs_to =
        model.belongs_to.iter().filter_map(|relation| relation.name.as_ref().or(relation.model.as_ref().filter(|_| !relation.has_name)));
    let has_many = model.has_many.iter().filter_map(|relation| relation.name.as_ref());
    for name in belongs_to.chain(has_many).filter(|name| name.value == TIME_OF_SAVE) {
        out.push(time_of_save(name));
    }
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
