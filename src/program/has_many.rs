//! The other sides of belongs-to relations.

use rustc_hash::{FxHashMap, FxHashSet};

use super::link::{Linked, Member};
use super::{HasMany, Kind};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, suggestion};
use crate::ids::{ModelId, PropertyId};
use crate::schema;
use crate::text::Span;

/// So many of the belongs-to that a has-many may mean are shown: each of many has-many may mean each of many belongs-to.
const SHOWN: usize = 12;

/// Finds the belongs-to of every has-many; each is the inverse of one has-many at most.
pub(super) fn link<'a>(declared: &[(ModelId, &'a schema::Model<'_>)], linked: &mut Linked<'a>, out: &mut Diagnostics) {
    let mut inverses: FxHashMap<(ModelId, PropertyId), Span> = FxHashMap::default();
    for (id, model) in declared {
        if !linked.is_first(*id) {
            linked.partial_models.insert(*id);
            continue;
        }
        let mut found = Vec::new();
        let mut names = FxHashSet::default();
        for has_many in &model.has_many {
            let Some(name) = &has_many.name else {
                continue;
            };
            let target = has_many.model.as_ref().and_then(|target| linked.find_model(target, out));
            let inverse = target.and_then(|target| inverse(*id, has_many, target, linked, out));
            // A name that something else has was reported with the properties.
            if matches!(linked.member(*id, &name.value), Some(Member::Property(..))) || !names.insert(&*name.value) {
                continue;
            }
            let (Some(target), Some(inverse)) = (target, inverse) else {
                linked.broken.insert((*id, &*name.value));
                continue;
            };
            let first = *inverses.entry((target, inverse)).or_insert(name.span);
            if first == name.span {
                found.push(HasMany { name: name.value.as_ref().into(), model: target, inverse, span: name.span });
            } else {
                linked.broken.insert((*id, &*name.value));
                let message = format!("the belongs-to that `{}` names has another has-many already", name.value);
                out.push(Diagnostic::new(Code::InverseTaken, name.span, message).related(first, "the other has-many"));
            }
        }
        if let Some(model) = linked.models.get_mut(id.index()) {
            model.has_many = found;
        }
    }
}

fn inverse(id: ModelId, has_many: &schema::HasMany<'_>, target: ModelId, linked: &Linked<'_>, out: &mut Diagnostics) -> Option<PropertyId> {
    let (own, other) = (linked.model(id)?, linked.model(target)?);
    let back: Vec<(PropertyId, &super::Property)> = (0_u16..)
        .zip(&other.properties)
        .filter(|(_, property)| matches!(property.kind, Kind::BelongsTo(belongs_to) if belongs_to.model == id))
        .map(|(index, property)| (PropertyId(index), property))
        .collect();
    if let Some(wanted) = &has_many.inverse_of {
        if let Some((found, _)) = back.iter().find(|(_, property)| *property.name == *wanted.value) {
            return Some(*found);
        }
        match linked.member(target, &wanted.value) {
            Some(Member::Broken) => {}
            Some(Member::Property(_, property)) if property.field().is_none() && linked.has_name(id) => {
                let message = format!("`{}` of `{}` does not point to `{}`", wanted.value, other.name, own.name);
                out.push(Diagnostic::new(Code::InversePointsElsewhere, wanted.span, message).related(property.span, "it is declared here"));
            }
            Some(Member::Property(..) | Member::HasMany(..)) | None => {
                let message = format!("`{}` has no belongs-to `{}` that points to `{}`", other.name, wanted.value, own.name);
                let mut diagnostic = Diagnostic::new(Code::MissingInverse, wanted.span, message).related(other.span, "the model");
                if let Some(near) = suggestion(&wanted.value, back.iter().map(|(_, property)| &*property.name)) {
                    diagnostic = diagnostic.fix(Fix::replace(format!("rename to `{near}`"), wanted.span, near));
                }
                out.push(diagnostic);
            }
        }
        return None;
    }
    let may_point_back = linked.loose_models.contains(&target) || linked.partial_models.contains(&target);
    if has_many.has_inverse_of || back.is_empty() && (may_point_back || !linked.has_name(id)) {
        return None;
    }
    match back.as_slice() {
        [(only, _)] => Some(*only),
        [] => {
            let message = format!("no belongs-to of `{}` points to `{}`", other.name, own.name);
            out.push(
                Diagnostic::new(Code::MissingInverse, has_many.element, message)
                    .related(other.span, "the model")
                    .help(format!("add `<belongs-to model=\"{}\"/>` to `{}`", own.name, other.name)),
            );
            None
        }
        [_, ..] => {
            let message =
                format!("several belongs-to of `{}` point to `{}`; expected `inverse-of` with the name of one", other.name, own.name);
            let mut diagnostic = Diagnostic::new(Code::AmbiguousInverse, has_many.element, message);
            for (_, property) in back.iter().take(SHOWN) {
                diagnostic = diagnostic.related(property.span, "one of them");
            }
            out.push(diagnostic);
            None
        }
    }
}
