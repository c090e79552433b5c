//! What may be printed where: text, numbers, booleans and dates; what may be missing is a warning, what always is, is an error.

use std::ops::Range;

use super::super::facts::Step;
use super::super::tree::ExprKind;
use super::super::ty::{Classes, Shape};
use super::super::written::Expression;
use super::{Context, Typed, Typing};
use crate::diagnostics::{Code, Diagnostic};

impl<'p> Typing<'p, '_> {
    /// Checks an expression that is printed as text.
    pub(super) fn check_printed(&mut self, typed: &Typed<'p>, range: Range<usize>) {
        let text = self.text(range.clone());
        let ty = &typed.ty;
        if ty.is_unreachable() {
            return;
        }
        if ty.is_missing() {
            let what = if ty.undefined { "undefined" } else { "null" };
            let help = self.missing_help(typed, text);
            self.report(Code::AlwaysMissing, range, format!("`{text}` is always {what} here, expected a value to print"), help);
            return;
        }
        if !ty.shape.is(Classes::SCALAR.or(Classes::SECRET)) {
            let seen = ty.shape.describe(self.scope.program);
            let message = format!("`{text}` is {seen}, expected text, a number, a boolean or a date to print");
            let help = print_help(&ty.shape, text);
            self.report(Code::TypeMismatch, range, message, Some(help));
            return;
        }
        if ty.may_miss() {
            let what = match (ty.null, ty.undefined) {
                (true, true) => "null or undefined",
                (true, false) => "null",
                (false, _) => "undefined",
            };
            let help = self.missing_help(typed, text).unwrap_or_else(|| format!("give a default: {}", self.with_default(typed, text)));
            let message = format!("`{text}` may be {what} here, which cannot be printed");
            let fix = self.source.free_quote().and_then(|quote| {
                let (before, after) = self.default_around(typed, quote);
                let edits = [(range.start..range.start, before.to_owned()), (range.end..range.end, after)];
                self.replacing("give a default".to_owned(), edits.into_iter().filter(|(_, text)| !text.is_empty()).collect())
            });
            let mut found = Diagnostic::new(Code::MayBeMissing, self.source.span(range.clone()), message).help(help);
            found.fixes.extend(fix);
            self.push(found);
        }
        if self.context == Context::Header && ty.shape.may_break_lines() {
            let message = format!("`{text}` may hold line breaks, expected text of one line in a header");
            let help = format!("take them out: `{{{{ {text}|replace('\\n', ' ') }}}}`");
            self.report(Code::HeaderInjection, range, message, Some(help));
        }
    }

    /// Types the expression of a `when`, which must be true or false; null counts as false.
    pub(super) fn check_when(&mut self, written: &Expression<'_>) -> Typed<'p> {
        let typed = self.expression(written);
        let range = written.range.clone();
        let text = self.text(range.clone());
        if typed.ty.is_missing() {
            let help = self.missing_help(&typed, text);
            self.report(Code::AlwaysMissing, range, format!("`{text}` is always missing, `when` expects true or false"), help);
        } else if !typed.ty.shape.is(Classes::BOOLEAN) {
            let seen = typed.ty.shape.describe(self.scope.program);
            let message = format!("`{text}` is {seen}, `when` expects true or false");
            let help = format!("compare it, as in `{text} != none`");
            self.report(Code::TypeMismatch, range, message, Some(help));
        }
        typed
    }

    fn with_default(&self, typed: &Typed<'p>, text: &str) -> String {
        let (before, after) = self.default_around(typed, self.source.free_quote().unwrap_or('\''));
        format!("`{{{{ {before}{text}{after} }}}}`")
    }

    /// What makes a default of an expression, before and after it. In a URL an empty text would leave an empty segment. A filter binds
    /// more tightly than operators do.
    fn default_around(&self, typed: &Typed<'p>, quote: char) -> (&'static str, String) {
        let default = if self.context == Context::Url { "-" } else { "" };
        let loose = matches!(
            typed.expr.kind,
            ExprKind::Binary(..) | ExprKind::Choose { .. } | ExprKind::Not(_) | ExprKind::Negate(_) | ExprKind::Test(..)
        );
        let (before, after) = if loose { ("(", ")") } else { ("", "") };
        (before, format!("{after}|default({quote}{default}{quote})"))
    }

    /// What makes a place certain.
    fn missing_help(&self, typed: &Typed<'p>, text: &str) -> Option<String> {
        let webhook = self.scope.webhook;
        match typed.place.as_deref() {
            Some([Step::Object, Step::Property(property)]) if !typed.ty.is_missing() => {
                let name = &self.scope.program.model(webhook.model).property(*property).name;
                let default = self.with_default(typed, text);
                Some(format!("give a default: {default}, or add `<field name=\"{name}\"/>` to the webhook"))
            }
            _ if typed.ty.is_missing() && text.starts_with("previous") => Some("there is no `previous` on create".to_owned()),
            _ => None,
        }
    }
}

fn print_help(shape: &Shape<'_>, text: &str) -> String {
    if shape.is(Classes::LIST) {
        format!("join its items, `{{{{ {text}|join(', ') }}}}`, or write JSON, `{{{{ {text}|tojson }}}}`")
    } else if shape.is(Classes::OBJECT) {
        format!("print one of its fields, as in `{{{{ {text}.id }}}}`")
    } else if *shape == Shape::Location {
        format!("print one of its parts, as in `{{{{ {text}.latitude }}}}`")
    } else if *shape == Shape::Attachment {
        format!("print one of its parts, as in `{{{{ {text}.original }}}}`")
    } else {
        format!("write JSON: `{{{{ {text}|tojson }}}}`")
    }
}
