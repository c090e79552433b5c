//! What can be written at a place in a template, for who writes one: the names in scope, and what a value has after a `.`. Input: the
//! expression before the place, and the loops around it; absent: where in a text the place is.

use super::signatures::{FILTERS, FUNCTIONS, Parameter, Signature, TESTS};
use super::tree::Turn;
use super::ty::{Classes, Shape, Type};
use super::typing::{Context, Local, Typing, ambient_names, part_names, part_of};
use super::written::Kind as Written;
use super::{Scope, parse};
use crate::diagnostics::Diagnostics;
use crate::ids::FileId;
use crate::program::{Kind, Property, TemplateSource};
use crate::text::Span;

/// Something that can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// As it is written.
    pub name: String,
    /// What kind of thing it is.
    pub kind: OfferKind,
    /// What it holds or does, in words.
    pub about: String,
}

/// What kind of thing can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferKind {
    /// A value of the save, or an object.
    Variable,
    /// A field of an object, or a part of a value.
    Field,
    /// A related object, or a list of them.
    Relation,
    /// A value of the configuration.
    Setting,
    /// A filter, test or function.
    Tool,
}

/// A loop around a place: its variable, and the expression of what it goes through.
#[derive(Clone, Debug)]
pub struct Around {
    /// The variable.
    pub variable: String,
    /// The list.
    pub list: TemplateSource,
}

/// The names that can begin an expression.
#[must_use]
pub fn names(scope: Scope<'_>, around: &[Around]) -> Vec<Offer> {
    let model = scope.program.model(scope.webhook.model);
    let mut found: Vec<Offer> = locals(scope, around)
        .into_iter()
        .map(|local| offer(&local.name, OfferKind::Variable, local.ty.shape.describe(scope.program)))
        .collect();
    if !around.is_empty() {
        found.push(offer("loop", OfferKind::Variable, "the turn of the loop: `loop.index`, `loop.first`, …"));
    }
    found.push(offer(&model.name, OfferKind::Variable, format!("the saved object, of model `{}`", model.name)));
    for embed in &scope.webhook.embeds {
        found.push(offer(&embed.name, OfferKind::Relation, format!("of model `{}`", scope.program.model(embed.model).name)));
    }
    found.extend(ambient_names().iter().map(|(name, about)| offer(name, OfferKind::Variable, *about)));
    found
}

/// What the value of an expression has after a `.`; nothing when it cannot be said.
#[must_use]
pub fn members(scope: Scope<'_>, around: &[Around], of: &TemplateSource) -> Vec<Offer> {
    let local = |name: &str| around.iter().any(|around| around.variable == name);
    match of.text.trim() {
        "vars" if !local("vars") => {
            return scope.settings.vars.iter().map(|(name, value)| offer(name, OfferKind::Setting, format!("`{value}`"))).collect();
        }
        "secret" if !local("secret") => {
            return scope.settings.secrets.iter().map(|name| offer(name, OfferKind::Setting, "a secret")).collect();
        }
        "loop" if !around.is_empty() => {
            return Turn::NAMES.iter().map(|name| offer(name, OfferKind::Field, "of the turn of the loop")).collect();
        }
        _ => {}
    }
    let mut out = Diagnostics::default();
    let Some(written) = parse::expression(of, &mut out) else { return Vec::new() };
    let locals = locals(scope, around);
    let ty = Typing::new(of, Context::Value, scope, &mut out).with(locals).expression(&written).ty;
    let Shape::Object(object) = &ty.shape else {
        let parts = ty.shape.members().iter().flat_map(|shape| part_names(shape).into_iter().map(move |name| (shape, name)));
        let about = |shape: &Shape<'_>, name: &str| part_of(shape, name).map(|ty| ty.shape.describe(scope.program)).unwrap_or_default();
        return parts.map(|(shape, name)| offer(name, OfferKind::Field, about(shape, name))).collect();
    };
    let model = scope.program.model(object.model);
    let mut found = Vec::new();
    for property in &model.properties {
        let about = Shape::of_property(property).describe(scope.program);
        match &property.kind {
            Kind::Field(_) => found.push(offer(&property.name, OfferKind::Field, labelled(&about, property))),
            Kind::BelongsTo(_) => found.push(offer(&format!("{}_id", property.name), OfferKind::Field, about)),
        }
    }
    for embed in object.embeds.into_iter().flatten() {
        found.push(offer(&embed.name, OfferKind::Relation, format!("of model `{}`", scope.program.model(embed.model).name)));
    }
    let [id, kind, updated_at] = OF_EVERY_OBJECT;
    found.extend([id, kind].map(|name| offer(name, OfferKind::Field, "text")));
    found.push(offer(updated_at, OfferKind::Field, "a date and time"));
    found
}

/// What every object has.
const OF_EVERY_OBJECT: [&str; 3] = ["id", "type", "updated_at"];

/// Names that mean something at some places only.
const SOMETIMES: [&str; 2] = ["loop", "action"];

/// Whether a name means only what a schema or a loop makes it mean: it is no word of the language, and nothing that every template has.
#[must_use]
pub fn is_own_name(name: &str) -> bool {
    let known = || ambient_names().iter().map(|(known, _)| *known).chain(OF_EVERY_OBJECT).chain(SOMETIMES).chain(FUNCTIONS.iter().copied());
    let source = TemplateSource::verbatim(name, Span::new(FileId(0), 0, name.len()));
    let written = parse::expression(&source, &mut Diagnostics::default());
    known().all(|known| known != name) && written.is_some_and(|written| matches!(written.kind, Written::Name(read) if read == name))
}

/// The filters, as they are written after `|`.
#[must_use]
pub fn filters() -> Vec<Offer> {
    FILTERS.iter().map(|row| offer(row.name, OfferKind::Tool, format!("{} – {}", row.form(), row.about))).collect()
}

/// The tests, as they are written after `is`.
#[must_use]
pub fn tests() -> Vec<Offer> {
    TESTS.iter().map(|row| offer(row.name, OfferKind::Tool, format!("{} – {}", row.form(), row.about))).collect()
}

impl<K> Signature<K> {
    /// How it is written, with its parameters and what goes in: `truncate(length)`.
    #[must_use]
    pub fn form(&self) -> String {
        let parameter = |parameter: &Parameter| {
            let optional = if parameter.required { "" } else { "?" };
            format!("{}{optional}: {}", parameter.name, words(parameter.allowed))
        };
        let parameters: Vec<String> = self.parameters.iter().map(parameter).collect();
        let parameters = if parameters.is_empty() { String::new() } else { format!("({})", parameters.join(", ")) };
        format!("{} | {}{parameters}", words(self.input), self.name)
    }
}

/// What is allowed, in words.
fn words(allowed: Classes) -> String {
    if Classes::VALUE.within(allowed) { "anything".to_owned() } else { allowed.describe() }
}

fn locals<'p>(scope: Scope<'p>, around: &[Around]) -> Vec<Local<'p>> {
    let mut locals: Vec<Local<'p>> = Vec::new();
    for Around { variable, list } in around {
        let mut out = Diagnostics::default();
        let element = parse::expression(list, &mut out).and_then(|written| {
            let mut typing = Typing::new(list, Context::Value, scope, &mut out).with(locals.clone());
            typing.expression(&written).ty.shape.element()
        });
        locals.push(Local { name: variable.as_str().into(), ty: element.unwrap_or_else(Type::any) });
    }
    locals
}

fn labelled(about: &str, property: &Property) -> String {
    if property.label.is_empty() { about.to_owned() } else { format!("{about} · {}", property.label) }
}

fn offer(name: &str, kind: OfferKind, about: impl Into<String>) -> Offer {
    Offer { name: name.to_owned(), kind, about: about.into() }
}
