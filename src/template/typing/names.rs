//! What a name at the start of an expression means: a loop's variable, a value of the save, the object, or something embedded in it.

use std::ops::Range;

use super::super::facts::{Mask, Step};
use super::super::tree::{Ambient, Expr, ExprKind};
use super::super::ty::{Keys, Object, Shape, Type};
use super::super::uses::Named;
use super::super::written::Constant;
use super::attributes::relation;
use super::{Context, Typed, Typing};
use crate::diagnostics::{Code, Diagnostic, list, suggestion};
use crate::program::{Embed, TextFormat, Through};

/// Names that mean the same in every template; a model or relation of such a name is reached through `object`.
const AMBIENT: &[(&str, &str)] = &[
    ("object", "the saved object"),
    ("previous", "the object before this save; undefined on create"),
    ("operation", "`create`, `update` or `delete`"),
    ("event", "the webhook's name"),
    ("sequence", "the number of the save, growing"),
    ("app", "`app` of the project"),
    ("account_id", "the tenant"),
    ("server", "`server` of the project"),
    ("timestamp", "when the object was saved"),
    ("vars", "values of `[vars]` in `webhookc.toml`"),
    ("secret", "values of `[secrets]`, in headers and the URL only"),
    ("changed", "`changed(\"field\")`: whether it differs from the previous save"),
];

/// What every template may begin an expression with, and what it is.
pub(in crate::template) fn ambient_names() -> &'static [(&'static str, &'static str)] {
    AMBIENT
}

const OPERATIONS: &[&str] = &["create", "update", "delete"];

impl<'p> Typing<'p, '_> {
    /// Resolves a variable.
    pub(super) fn variable(&mut self, name: &str, range: Range<usize>) -> Typed<'p> {
        if let Some(slot) = self.locals.iter().rposition(|local| *local.name == *name) {
            let ty = self.locals.get(slot).map_or(Type::any(), |local| local.ty.clone());
            self.note_value(range.clone(), name, &ty);
            return self.placed(ExprKind::Local(slot), ty, Some(vec![Step::Local(slot)]), range);
        }
        let typed = self.ambient(name, range.clone());
        if AMBIENT.iter().any(|(known, _)| *known == name) && !matches!(name, "vars" | "secret" | "changed") {
            self.note_value(range, name, &typed.ty);
        }
        typed
    }

    fn ambient(&mut self, name: &str, range: Range<usize>) -> Typed<'p> {
        let webhook = self.scope.webhook;
        let ambient = |ambient| ExprKind::Ambient(ambient);
        let constant = |text: &str| ExprKind::Constant(Constant::Text(text.into()));
        match name {
            "object" => self.object(range),
            "previous" => self.previous(range),
            "operation" => {
                let ty = Type::of(Shape::Choice(Keys::Words(OPERATIONS)));
                self.placed(ambient(Ambient::Operation), ty, Some(vec![Step::Operation]), range)
            }
            "sequence" => self.made(ambient(Ambient::Sequence), Type::of(Shape::Integer), range),
            "account_id" => self.made(ambient(Ambient::AccountId), Type::text(), range),
            "timestamp" => self.made(ambient(Ambient::Timestamp), Type::of(Shape::Datetime), range),
            "event" => self.made(constant(&webhook.name), Type::text(), range),
            "app" => self.made(constant(&self.scope.settings.app), Type::text(), range),
            "server" => self.made(constant(&self.scope.settings.server), Type::of(Shape::Text(TextFormat::Url)), range),
            // Only for a receiver's task is it a text; otherwise it may be a model's name.
            "action" if webhook.receiver.is_some() || webhook.action.is_some() => match &webhook.action {
                Some(action) => self.made(constant(action), Type::text(), range),
                // That it is missing has been reported.
                None => self.unknown(range),
            },
            "vars" | "secret" => {
                let message = format!("`{name}` is a group of values, expected one of them, as in `{name}.x`");
                self.report(Code::TypeMismatch, range.clone(), message, None);
                self.unknown(range)
            }
            "changed" => {
                self.report(Code::TypeMismatch, range.clone(), "`changed` is a function, expected `changed(\"field\")`".to_owned(), None);
                self.unknown(range)
            }
            "loop" => {
                let message = if self.locals.is_empty() {
                    "`loop` outside of a loop".to_owned()
                } else {
                    "`loop` is not a value, expected one of its parts, as in `loop.index`".to_owned()
                };
                self.report(Code::UnknownVariable, range.clone(), message, None);
                self.unknown(range)
            }
            _ => self.own_name(name, range),
        }
    }

    /// The model's own name, or a relation of it.
    fn own_name(&mut self, name: &str, range: Range<usize>) -> Typed<'p> {
        let webhook = self.scope.webhook;
        let model = self.scope.program.model(webhook.model);
        if *model.name == *name {
            self.note(|| Named::Model(webhook.model), range.clone(), name, None);
            return self.object(range);
        }
        let of = self.object(range.clone());
        if let Some((index, embed)) = relation(&of, name) {
            return self.embedded(of, index, embed, range);
        }
        if self.report_not_embedded(webhook.model, Some(&[Step::Object]), name, range.clone()) {
            return self.unknown(range);
        }
        if self.foreign {
            return self.unknown(range);
        }
        if self.is_reported(webhook.model, name) || self.scope.is_incomplete() {
            // It may be a relation that was meant to be embedded.
            return self.unknown(range);
        }
        let message = format!("unknown variable `{name}`");
        let whole = if model.property_named(name).is_some() || name == "id" || name == "updated_at" {
            Some(("fields are read through `object`", format!("object.{name}")))
        } else {
            path_to(&webhook.embeds, name).map(|path| ("it is embedded, and read through its relation", path))
        };
        if let Some((why, whole)) = whole {
            let mut found = Diagnostic::new(Code::UnknownVariable, self.source.span(range.clone()), message);
            found.help.push(format!("{why}: `{whole}`"));
            found.fixes.extend(self.replacing(format!("write `{whole}`"), vec![(range.clone(), whole)]));
            self.push(found);
        } else {
            let relations = webhook.embeds.iter().map(|embed| embed.name.as_ref());
            let locals = self.locals.iter().map(|local| local.name.as_ref());
            // What is the template's own before what is in every one: the end of a long list is not shown.
            let known = locals.chain([model.name.as_ref()]).chain(relations).chain(AMBIENT.iter().map(|(name, _)| *name));
            let known: Vec<&str> = known.collect();
            let nearest = suggestion(name, known.iter().copied()).map(str::to_owned);
            let otherwise = format!("there are {}", list(known));
            self.report_name(Code::UnknownVariable, range.clone(), message, nearest.as_deref(), Some(otherwise));
        }
        self.unknown(range)
    }

    fn object(&self, range: Range<usize>) -> Typed<'p> {
        let webhook = self.scope.webhook;
        let ty = Type::of(Shape::Object(Object { model: webhook.model, embeds: Some(&webhook.embeds) }));
        self.placed(ExprKind::Object, ty, Some(vec![Step::Object]), range)
    }

    fn previous(&self, range: Range<usize>) -> Typed<'p> {
        let webhook = self.scope.webhook;
        let on = webhook.operations;
        let ty = if on.create && !on.update && !on.delete {
            Type::undefined()
        } else {
            let shape = Shape::Object(Object { model: webhook.model, embeds: None });
            Type { shape, null: false, undefined: on.create || on.delete }
        };
        self.placed(ExprKind::Previous, ty, Some(vec![Step::Previous]), range)
    }

    /// `vars.name`
    pub(super) fn configured(&mut self, name: &str, range: Range<usize>) -> Typed<'p> {
        let vars = &self.scope.settings.vars;
        if let Some(text) = vars.get(name) {
            self.note(|| Named::Variable(name.into()), range.clone(), name, None);
            return self.made(ExprKind::Variable(text.as_str().into()), Type::text(), range);
        }
        self.undeclared("vars", name, vars.keys().map(String::as_str), range.clone());
        self.unknown(range)
    }

    /// `secret.name`
    pub(super) fn secret(&mut self, name: &str, range: Range<usize>) -> Typed<'p> {
        if !matches!(self.context, Context::Url | Context::Header) {
            let message = format!("`secret.{name}` is used outside of a URL or header, where it would be stored and shown");
            self.report(Code::SecretInBody, range.clone(), message, Some("send it in a `<header>`".to_owned()));
            return self.unknown(range);
        }
        let secrets = &self.scope.settings.secrets;
        if secrets.contains(name) {
            self.note(|| Named::Secret(name.into()), range.clone(), name, None);
            return self.made(ExprKind::Secret(name.into()), Type::of(Shape::Secret), range);
        }
        self.undeclared("secret", name, secrets.iter().map(String::as_str), range.clone());
        self.unknown(range)
    }

    fn undeclared<'a>(&mut self, group: &str, name: &str, declared: impl Iterator<Item = &'a str>, range: Range<usize>) {
        let nearest = suggestion(name, declared).map(|nearest| format!("{group}.{nearest}"));
        let section = if group == "secret" { "secrets" } else { group };
        let otherwise = format!("add `{name}` to `[{section}]` there");
        let message = format!("`{group}.{name}` is not declared in `webhookc.toml`");
        self.report_name(Code::UndeclaredVariable, range, message, nearest.as_deref(), Some(otherwise));
    }

    /// What a comparison of `operation` with a word says about `previous`: there is none on create, and one on update.
    pub(super) fn previous_by_operation(&self, operation: &Expr, word: &Expr) -> Option<(Option<Mask>, Option<Mask>)> {
        let ExprKind::Ambient(Ambient::Operation) = operation.kind else { return None };
        let ExprKind::Constant(Constant::Text(word)) = &word.kind else { return None };
        match word.as_ref() {
            // A delete may be of an object of which nothing was stored before this save.
            "create" => Some((Some(Mask::UNDEFINED), (!self.scope.webhook.operations.delete).then_some(Mask::VALUE))),
            "update" => Some((Some(Mask::VALUE), None)),
            _ => None,
        }
    }
}

/// The way to a relation that is embedded below another one, such as `order.customer`.
fn path_to(embeds: &[Embed], name: &str) -> Option<String> {
    embeds.iter().filter(|embed| matches!(embed.through, Through::BelongsTo(_))).find_map(|embed| {
        let is_here = embed.embeds.iter().any(|below| *below.name == *name);
        let below = if is_here { Some(name.to_owned()) } else { path_to(&embed.embeds, name) };
        below.map(|below| format!("{}.{below}", embed.name))
    })
}
