//! Notes what a name stands for, when somebody asked for it.

use std::ops::Range;

use super::super::tree::{Expr, ExprKind};
use super::super::ty::{Shape, Type};
use super::super::uses::{Named, Use};
use super::Typing;
use crate::ids::{ModelId, PropertyId};
use crate::program::{Kind, Through};

impl<'p> Typing<'p, '_> {
    /// Notes a name. `range` may hold what stands before the name or its quotes.
    pub(super) fn note(&self, named: impl FnOnce() -> Named, range: Range<usize>, name: &str, ty: Option<&Type<'p>>) {
        let Some(uses) = self.scope.uses else { return };
        let Some(at) = self.source.text.get(range.clone()).and_then(|text| text.rfind(name)) else { return };
        let start = range.start + at;
        let (null, undefined) = ty.map_or((false, false), |ty| (ty.null, ty.undefined));
        uses.note(Use { named: named(), span: self.source.span(start..start + name.len()), null, undefined });
    }

    /// Notes a name that is no name of the data model.
    pub(super) fn note_value(&self, range: Range<usize>, name: &str, ty: &Type<'p>) {
        let named = || Named::Value(name.into(), ty.shape.describe(self.scope.program).into());
        self.note(named, range, name, Some(ty));
    }

    /// Notes a property, or its id when the name is longer than its own.
    pub(super) fn note_property(&self, model: ModelId, property: PropertyId, range: Range<usize>, name: &str, ty: Option<&Type<'p>>) {
        if self.scope.uses.is_none() {
            return;
        }
        let is_id = *self.scope.program.model(model).property(property).name != *name;
        let named = || if is_id { Named::IdOf(model, property) } else { Named::Property(model, property) };
        self.note(named, range, name, ty);
    }

    /// Notes the name of an embedded relation.
    pub(super) fn note_relation(&self, of: &Type<'p>, through: Through, range: Range<usize>, name: &str, ty: Option<&Type<'p>>) {
        let (Shape::Object(object), Some(_)) = (&of.shape, self.scope.uses) else { return };
        let named = || match through {
            Through::BelongsTo(property) => Named::Property(object.model, property),
            Through::HasMany(many) => Named::HasMany(object.model, many),
        };
        self.note(named, range, name, ty);
    }

    /// Notes the key of an option that is compared with a field.
    pub(super) fn note_key(&self, choice: &Expr, key: &str, range: Range<usize>) {
        if self.scope.uses.is_none() {
            return;
        }
        let ExprKind::Property(of, property) = &choice.kind else { return };
        if let Some(model) = self.model_of(of) {
            self.note(|| Named::Option(model, *property, key.into()), range, key, None);
        }
    }

    /// The model of the object that an expression names by relations.
    fn model_of(&self, expr: &Expr) -> Option<ModelId> {
        let mut path = Vec::new();
        let mut expr = expr;
        while let ExprKind::Embedded(of, index) = &expr.kind {
            path.push(*index);
            expr = of;
        }
        if !matches!(expr.kind, ExprKind::Object | ExprKind::Previous) {
            return None;
        }
        let mut model = self.scope.webhook.model;
        let mut embeds = self.scope.webhook.embeds.as_slice();
        for index in path.into_iter().rev() {
            let embed = embeds.get(index)?;
            model = embed.model;
            embeds = &embed.embeds;
        }
        Some(model)
    }

    /// Notes the attribute that `map` takes of objects.
    pub(super) fn note_mapped(&self, model: ModelId, range: Range<usize>, name: &str) {
        if self.scope.uses.is_none() {
            return;
        }
        let found = self.scope.program.model(model);
        let related = || name.strip_suffix("_id").and_then(|relation| found.property_named(relation));
        let stored = found.property_named(name).filter(|id| matches!(found.property(*id).kind, Kind::Field(_)));
        if let Some(property) = stored.or_else(related) {
            self.note_property(model, property, range, name, None);
        }
    }
}
