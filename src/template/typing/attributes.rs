//! `of.name` and `of[index]`: fields, `x_id`s, embedded objects, parts of attachments, locations and maps. An attribute of something
//! missing is undefined, not a failure, so a chain may be asked for a default at its end.

use std::ops::Range;
use std::rc::Rc;

use super::super::facts::Step;
use super::super::tree::{ExprKind, Meta, Turn};
use super::super::ty::{Classes, Keys, Object, Shape, Type};
use super::super::written::{Constant, Expression, Kind as WrittenKind, Name};
use super::{Typed, Typing, further};
use crate::diagnostics::{Code, list, suggestion};
use crate::program::{Embed, Kind, Program, TextFormat, Through};

/// Parts of a location, and whether they are always there.
const LOCATION: &[(&str, bool)] =
    &[("latitude", true), ("longitude", true), ("altitude", false), ("horizontal_accuracy", false), ("vertical_accuracy", false)];

/// Parts of an attachment.
const ATTACHMENT: &[&str] = &["id", "state", "original", "fullscreen", "thumbnail"];

const STATES: &[&str] = &["pending", "uploaded"];

impl<'p> Typing<'p, '_> {
    /// `of.name`
    pub(super) fn attribute(&mut self, of: &Expression<'_>, name: &Name<'_>, range: Range<usize>) -> Typed<'p> {
        if let WrittenKind::Name(group) = of.kind
            && !self.locals.iter().any(|local| *local.name == *group)
        {
            match group {
                "vars" => return self.configured(name.text, range),
                "secret" => return self.secret(name.text, range),
                "loop" if !self.locals.is_empty() => return self.turn(name, range),
                _ => {}
            }
        }
        let of = self.expression(of);
        self.attribute_of(of, name, range)
    }

    fn turn(&mut self, name: &Name<'_>, range: Range<usize>) -> Typed<'p> {
        let Some(turn) = Turn::named(name.text) else {
            let nearest = suggestion(name.text, Turn::NAMES.iter().copied());
            let otherwise = format!("`loop` has {}", list(Turn::NAMES.iter().copied()));
            let message = format!("`loop` has no `{}`", name.text);
            self.report_name(Code::UnknownVariable, name.range.clone(), message, nearest, Some(otherwise));
            return self.unknown(range);
        };
        let shape = match turn {
            Turn::Index | Turn::Index0 | Turn::Length => Shape::Integer,
            Turn::First | Turn::Last => Shape::Boolean,
        };
        self.made(ExprKind::Turn(self.locals.len().saturating_sub(1), turn), Type::of(shape), range)
    }

    fn attribute_of(&mut self, of: Typed<'p>, name: &Name<'_>, range: Range<usize>) -> Typed<'p> {
        // What is missing has no attributes, and what is unknown may have any.
        if of.ty.shape == Shape::Never {
            let ty = if of.ty.may_miss() { Type::undefined() } else { of.ty.clone() };
            return self.made(ExprKind::Part(Box::new(of.expr), name.text.into()), ty, range);
        }
        if let Shape::Object(object) = of.ty.shape {
            return self.member(of, object, name, range);
        }
        // Of several alternatives those without such a part give undefined.
        let program = self.scope.program;
        let read = |shape: &Shape<'p>| {
            if let Shape::Object(object) = shape { stored(program, object, name.text) } else { part(shape, name.text) }
        };
        for shape in of.ty.shape.members() {
            if let Shape::Object(object) = shape {
                self.note_mapped(object.model, name.range.clone(), name.text);
            }
        }
        let parts = of.ty.shape.members().iter().map(read);
        let (found, lacking): (Vec<_>, Vec<_>) = parts.partition(Option::is_some);
        let found = found.into_iter().flatten().reduce(|one, other| one.union(&other));
        let Some(mut ty) = found else {
            self.report_no_part(&of, name);
            return self.unknown(range);
        };
        ty.undefined |= !lacking.is_empty();
        let ty = Type { undefined: ty.undefined || of.ty.may_miss(), ..ty };
        let place = further(of.place.as_ref(), Step::Key(name.text.into()));
        self.note_value(name.range.clone(), name.text, &ty);
        self.placed(ExprKind::Part(Box::new(of.expr), name.text.into()), ty, place, range)
    }

    /// A member of an object.
    fn member(&mut self, of: Typed<'p>, object: Object<'p>, name: &Name<'_>, range: Range<usize>) -> Typed<'p> {
        let model = self.scope.program.model(object.model);
        let missing = of.ty.may_miss();
        let nullable = |shape| Type { shape, null: true, undefined: missing };
        let certain = |shape| Type { shape, null: false, undefined: missing };
        let meta = match name.text {
            "id" => Some((Meta::Id, Shape::Text(TextFormat::Plain))),
            "type" => Some((Meta::Type, Shape::Text(TextFormat::Plain))),
            "updated_at" => Some((Meta::UpdatedAt, Shape::Datetime)),
            _ => None,
        };
        if let Some(property) = model.property_named(name.text)
            && model.property(property).field().is_some()
        {
            let place = further(of.place.as_ref(), Step::Property(property));
            let ty = nullable(Shape::of_property(model.property(property)));
            self.note_property(object.model, property, name.range.clone(), name.text, self.noted(place.as_ref(), &ty).as_ref());
            return self.placed(ExprKind::Property(Box::new(of.expr), property), ty, place, range);
        }
        if let Some((meta, shape)) = meta {
            self.note_value(name.range.clone(), name.text, &certain(shape.clone()));
            return self.made(ExprKind::Meta(Box::new(of.expr), meta), certain(shape), range);
        }
        if let Some(property) = name.text.strip_suffix("_id").and_then(|relation| model.property_named(relation)) {
            let place = further(of.place.as_ref(), Step::Property(property));
            let whole = Type { shape: Shape::of_property(model.property(property)), null: true, undefined: missing };
            if model.property(property).field().is_none() || model.property(property).is_attachment() {
                self.note_property(object.model, property, name.range.clone(), name.text, self.noted(place.as_ref(), &whole).as_ref());
            }
            return match &model.property(property).kind {
                Kind::BelongsTo(_) => self.placed(ExprKind::Property(Box::new(of.expr), property), whole, place, range),
                Kind::Field(_) if model.property(property).is_attachment() => {
                    let attachment = self.placed(ExprKind::Property(Box::new(of.expr), property), whole, place, range.clone());
                    let ty = Type { shape: Shape::Text(TextFormat::Plain), null: attachment.ty.null, undefined: attachment.ty.undefined };
                    self.made(ExprKind::Part(Box::new(attachment.expr), "id".into()), ty, range)
                }
                Kind::Field(_) => self.no_member(object, of.place.as_deref(), name, range),
            };
        }
        match relation(&of, name.text) {
            Some((index, embed)) => self.embedded(of, index, embed, range),
            None => self.no_member(object, of.place.as_deref(), name, range),
        }
    }

    /// A related object, or a list of them.
    pub(super) fn embedded(&self, of: Typed<'p>, index: usize, embed: &'p Embed, range: Range<usize>) -> Typed<'p> {
        let object = Shape::Object(Object { model: embed.model, embeds: Some(&embed.embeds) });
        let undefined = of.ty.may_miss();
        let ty = match embed.through {
            Through::BelongsTo(_) => Type { shape: object, null: true, undefined },
            Through::HasMany(_) => Type { shape: Shape::List(Rc::new(Type::of(object))), null: false, undefined },
        };
        let place = further(of.place.as_ref(), Step::Embed(index));
        self.note_relation(&of.ty, embed.through, range.clone(), &embed.name, self.noted(place.as_ref(), &ty).as_ref());
        self.placed(ExprKind::Embedded(Box::new(of.expr), index), ty, place, range)
    }

    fn no_member(&mut self, object: Object<'p>, place: Option<&[Step]>, name: &Name<'_>, range: Range<usize>) -> Typed<'p> {
        if self.is_reported(object.model, name.text) {
            return self.unknown(range);
        }
        let program = self.scope.program;
        let model = program.model(object.model);
        if program.is_broken(object.model, name.text.strip_suffix("_id").unwrap_or(name.text)) || program.is_broken(object.model, name.text)
        {
            return self.unknown(range);
        }
        let is_relation = model.property_named(name.text).is_some() || model.has_many.iter().any(|many| *many.name == *name.text);
        if is_relation && object.embeds.is_none() {
            let message = format!("`previous` holds no related objects, seen `{}`", name.text);
            let help = model.property_named(name.text).map(|_| format!("its id is there: `{}_id`", name.text));
            self.report(Code::NotEmbedded, name.range.clone(), message, help);
            return self.unknown(range);
        }
        if is_relation && self.report_not_embedded(object.model, place, name.text, name.range.clone()) {
            return self.unknown(range);
        }
        let mut names: Vec<String> = Vec::with_capacity(model.properties.len() + 3);
        for property in &model.properties {
            match property.kind {
                Kind::Field(_) => names.push(property.name.to_string()),
                Kind::BelongsTo(_) => names.push(format!("{}_id", property.name)),
            }
        }
        names.extend(object.embeds.into_iter().flatten().map(|embed| embed.name.to_string()));
        names.extend(["id", "type", "updated_at"].map(str::to_owned));
        let nearest = suggestion(name.text, names.iter().map(String::as_str));
        let otherwise = format!("it has {}", list(names.iter().map(String::as_str)));
        let message = format!("model `{}` has no field `{}`", model.name, name.text);
        self.report_name(Code::UnknownVariable, name.range.clone(), message, nearest, Some(otherwise));
        self.unknown(range)
    }

    fn report_no_part(&mut self, of: &Typed<'p>, name: &Name<'_>) {
        let shape = &of.ty.shape;
        let seen = shape.describe(self.scope.program);
        let known: Vec<&str> = shape.members().iter().flat_map(parts).collect();
        let nearest = suggestion(name.text, known.iter().copied());
        let otherwise = (!known.is_empty()).then(|| format!("it has {}", list(known.iter().copied())));
        self.report_name(Code::UnknownVariable, name.range.clone(), format!("{seen} has no `{}`", name.text), nearest, otherwise);
    }

    /// `of[index]`
    pub(super) fn item(&mut self, of: &Expression<'_>, index: &Expression<'_>, range: Range<usize>) -> Typed<'p> {
        if let WrittenKind::Constant(Constant::Text(key)) = &index.kind {
            let name = Name { text: key, range: index.range.clone() };
            return self.attribute(of, &name, range);
        }
        let of_range = of.range.clone();
        let (list, index_range) = (self.expression(of), index.range.clone());
        let index = self.expression(index);
        if !index.ty.shape.is(Classes::INTEGER) {
            let seen = index.ty.shape.describe(self.scope.program);
            let message = format!("`{}` is {seen}, expected an integer as index", self.text(index_range.clone()));
            self.report(Code::TypeMismatch, index_range, message, None);
        }
        let element = self.element(&list, of_range);
        let ty = if list.ty.is_missing() { Type::undefined() } else { Type { undefined: true, ..element } };
        self.made(ExprKind::Item(Box::new(list.expr), Box::new(index.expr)), ty, range)
    }
}

/// The embedded relation of this name.
pub(super) fn relation<'p>(of: &Typed<'p>, name: &str) -> Option<(usize, &'p Embed)> {
    let Shape::Object(Object { embeds: Some(embeds), .. }) = of.ty.shape else { return None };
    embeds.iter().enumerate().find(|(_, embed)| *embed.name == *name)
}

/// What a name reads of an object alone, whatever is embedded in it: by `map`, and where it is one of several alternatives. `None` when it
/// has no such member.
pub(super) fn stored<'p>(program: &'p Program, object: &Object<'p>, name: &str) -> Option<Type<'p>> {
    let model = program.model(object.model);
    let property = |name| model.property_named(name).map(|id| model.property(id));
    if let Some(field) = property(name).filter(|property| property.field().is_some()) {
        return Some(Type::nullable(Shape::of_property(field)));
    }
    match name {
        "id" | "type" => return Some(Type::text()),
        "updated_at" => return Some(Type::of(Shape::Datetime)),
        _ => {}
    }
    let related = name.strip_suffix("_id").and_then(property)?;
    (related.field().is_none() || related.is_attachment()).then(|| Type::nullable(Shape::Text(TextFormat::Plain)))
}

/// The type of a named part of a value; `None` when it has no such part. One that is not always there is undefined where it is not.
pub(in crate::template) fn part<'p>(shape: &Shape<'p>, name: &str) -> Option<Type<'p>> {
    match shape {
        Shape::Any => Some(Type::any()),
        Shape::Never => Some(Type::of(Shape::Never)),
        Shape::Location => {
            let (_, always) = LOCATION.iter().find(|(part, _)| *part == name)?;
            Some(Type { shape: Shape::Number, null: false, undefined: !always })
        }
        Shape::Attachment => Some(match name {
            "id" => Type::text(),
            "state" => Type::of(Shape::Choice(Keys::Words(STATES))),
            "original" | "fullscreen" | "thumbnail" => Type { shape: Shape::Text(TextFormat::Url), null: false, undefined: true },
            _ => return None,
        }),
        Shape::Map(entries) => entries.iter().rev().find(|(key, _)| **key == *name).map(|(_, ty)| ty.clone()),
        Shape::Text(_)
        | Shape::Integer
        | Shape::Number
        | Shape::Boolean
        | Shape::Date
        | Shape::Datetime
        | Shape::Track
        | Shape::Choice(_)
        | Shape::IntegerChoice(_)
        | Shape::List(_)
        | Shape::Object(_)
        | Shape::Either(_)
        | Shape::Secret => None,
    }
}

pub(in crate::template) fn parts<'s>(shape: &'s Shape<'_>) -> Vec<&'s str> {
    if let Shape::Map(entries) = shape {
        entries.iter().map(|(key, _)| key.as_ref()).collect()
    } else if *shape == Shape::Location {
        LOCATION.iter().map(|(part, _)| *part).collect()
    } else if *shape == Shape::Attachment {
        ATTACHMENT.to_vec()
    } else {
        Vec::new()
    }
}
