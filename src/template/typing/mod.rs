//! The tree as written → the typed tree, with diagnostics: names resolved, every operation typed, what each branch knows taken into
//! account. Total: where something is wrong the type becomes `any`, so that one mistake is reported once. Where the output goes is
//! decided by the `Context`; rendering is not here.

mod attributes;
mod calls;
mod embeds;
mod names;
mod notes;
mod operators;
mod output;

pub(super) use attributes::{part as part_of, parts as part_names};
pub(super) use names::ambient_names;

use std::ops::Range;

use super::facts::{Facts, Mask, Place, Step};
use super::parse::Parsed;
use super::tree::{Choice, Expr, ExprKind, Loop, Node};
use super::ty::{Shape, Type};
use super::written::{Constant, Expression, For, Kind, Statement};
use super::{Scope, When};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Edit, Fix, Severity};
use crate::ids::ModelId;
use crate::program::TemplateSource;

/// Where the value of a template goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// A URL.
    Url,
    /// The value of a header.
    Header,
    /// Text of a body, or inside a JSON string.
    Body,
    /// A JSON value, or an expression that steers: null is a value, nothing is printed.
    Value,
    /// `when`.
    When,
}

/// Types one template.
pub(super) struct Typing<'p, 'o> {
    scope: Scope<'p>,
    source: &'o TemplateSource,
    context: Context,
    facts: Facts,
    locals: Vec<Local<'p>>,
    out: &'o mut Diagnostics,
    /// The conditions around this place could be read; otherwise it is not known what may be missing.
    certain: bool,
    /// A block that is not in the language, which may have set any variable.
    foreign: bool,
    failed: bool,
}

/// The variable of a loop.
#[derive(Clone, Debug)]
pub(super) struct Local<'p> {
    pub name: Box<str>,
    pub ty: Type<'p>,
}

/// An expression with its type, and what is known when it is true or false.
pub(super) struct Typed<'p> {
    pub expr: Expr,
    pub ty: Type<'p>,
    /// The place that it names, if it is one.
    place: Option<Place>,
    when_true: Facts,
    when_false: Facts,
}

impl Typed<'_> {
    /// What is known when it is true.
    pub(super) fn when_true(&self) -> &Facts {
        &self.when_true
    }

    /// What is known when it is false.
    pub(super) fn when_false(&self) -> &Facts {
        &self.when_false
    }
}

impl<'p, 'o> Typing<'p, 'o> {
    /// Starts with what the webhook's conditions promise.
    pub(super) fn new(source: &'o TemplateSource, context: Context, scope: Scope<'p>, out: &'o mut Diagnostics) -> Self {
        let facts = Facts::of_webhook(scope);
        let certain = !matches!(scope.when, When::Unreadable);
        Self { scope, source, context, facts, locals: Vec::new(), out, certain, foreign: false, failed: false }
    }

    /// Starts inside the loops and branches that a structural body has around this template.
    pub(super) fn inside(mut self, locals: &[Local<'p>], facts: &Facts, certain: bool) -> Self {
        self.locals = locals.to_vec();
        self.facts = facts.clone();
        self.certain = certain;
        self
    }

    /// Starts inside these loops, whatever is known there.
    pub(super) fn with(mut self, locals: Vec<Local<'p>>) -> Self {
        self.locals = locals;
        self
    }

    /// Takes into account what parsing has reported.
    pub(super) fn of(mut self, parsed: &Parsed<'_>) -> Self {
        self.failed |= !parsed.sound;
        self.certain &= parsed.certain;
        self
    }

    /// Types the expression of a `when`; with it, what is certain when it is true.
    pub(super) fn when(&mut self, written: &Expression<'_>) -> (Expr, Facts) {
        let typed = self.check_when(written);
        (typed.expr, typed.when_true)
    }

    /// Whether an error has been reported.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// Types a template that prints text.
    pub(super) fn nodes(&mut self, statements: &[Statement<'_>]) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(statements.len());
        for statement in statements {
            match statement {
                Statement::Text(text, _) => nodes.push(Node::Text((*text).into())),
                Statement::Print(expression) => {
                    let typed = self.expression(expression);
                    self.check_printed(&typed, expression.range.clone());
                    nodes.push(Node::Print(typed.expr));
                }
                Statement::If { condition, then, otherwise } => {
                    let typed = self.expression(condition);
                    let then = self.under(&typed.when_true, |typing| typing.nodes(then));
                    let otherwise = self.under(&typed.when_false, |typing| typing.nodes(otherwise));
                    nodes.push(Node::If(Box::new(Choice { condition: typed.expr, then, otherwise })));
                }
                Statement::For(repeated) => nodes.push(self.repeated(repeated)),
                Statement::Foreign { keyword, range } => {
                    let message = match *keyword {
                        "for" => "a loop of this form is not in the language, expected one variable and no `recursive`".to_owned(),
                        keyword => format!("`{keyword}` is not in the language, expected `if` or `for`"),
                    };
                    self.report(Code::TemplateSyntax, range.clone(), message, None);
                    self.foreign = true;
                }
            }
        }
        nodes
    }

    fn repeated(&mut self, repeated: &For<'_>) -> Node {
        let list = self.expression(&repeated.list);
        let element = self.element(&list, repeated.list.range.clone());
        let mark = self.facts.mark();
        self.locals.push(Local { name: repeated.variable.text.into(), ty: element });
        let filter = repeated.filter.as_ref().map(|filter| self.expression(filter));
        if let Some(filter) = &filter {
            self.facts.extend(&filter.when_true);
        }
        let body = self.nodes(&repeated.body);
        self.locals.pop();
        self.facts.forget_after(mark);
        let otherwise = self.nodes(&repeated.otherwise);
        Node::For(Box::new(Loop { list: list.expr, filter: filter.map(|filter| filter.expr), body, otherwise }))
    }

    /// The type of what a loop over this gives; a list that may be missing is an empty one.
    pub(super) fn element(&mut self, list: &Typed<'p>, range: Range<usize>) -> Type<'p> {
        list.ty.shape.element().unwrap_or_else(|| {
            let seen = list.ty.shape.describe(self.scope.program);
            let message = format!("`{}` is {seen}, expected a list", self.text(range.clone()));
            self.report(Code::TypeMismatch, range, message, None);
            Type::any()
        })
    }

    /// Types an expression.
    pub(super) fn expression(&mut self, written: &Expression<'_>) -> Typed<'p> {
        let range = written.range.clone();
        match &written.kind {
            Kind::Constant(constant) => self.constant(constant, range),
            Kind::Name(name) => self.variable(name, range),
            Kind::Attribute(of, name) => self.attribute(of, name, range),
            Kind::Item(of, index) => self.item(of, index, range),
            Kind::Not(operand) => {
                let operand = self.expression(operand);
                let (when_true, when_false) = (operand.when_false, operand.when_true);
                Typed { when_true, when_false, ..self.made(ExprKind::Not(Box::new(operand.expr)), Type::of(Shape::Boolean), range) }
            }
            Kind::Negate(operand) => self.negate(operand, range),
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right, range),
            Kind::Choose { condition, then, otherwise } => {
                let condition = self.expression(condition);
                let then = self.under(&condition.when_true, |typing| typing.expression(then));
                let otherwise =
                    otherwise.as_ref().map(|otherwise| self.under(&condition.when_false, |typing| typing.expression(otherwise)));
                let ty = then.ty.union(&otherwise.as_ref().map_or(Type::undefined(), |otherwise| otherwise.ty.clone()));
                let (condition, then) = (Box::new(condition.expr), Box::new(then.expr));
                let otherwise = otherwise.map(|otherwise| Box::new(otherwise.expr));
                self.made(ExprKind::Choose { condition, then, otherwise }, ty, range)
            }
            Kind::Filter { input, name, arguments } => self.filter(input, name, arguments, range),
            Kind::Test { input, name, arguments } => self.test(input, name, arguments, range),
            Kind::Call { callee, arguments } => self.call(callee, arguments, range),
            Kind::List(items) => {
                let items: Vec<Typed<'p>> = items.iter().map(|item| self.expression(item)).collect();
                let element = items.iter().fold(Type::of(Shape::Never), |union, item| union.union(&item.ty));
                let items = items.into_iter().map(|item| item.expr).collect();
                self.made(ExprKind::List(items), Type::of(Shape::List(element.into())), range)
            }
            Kind::Map(pairs) => self.map(pairs, range),
            Kind::Foreign(what, advice) => {
                let message = format!("{what} is not in the language, seen `{}`", self.text(range.clone()));
                self.report(Code::TemplateSyntax, range.clone(), message, Some((*advice).to_owned()));
                self.unknown(range)
            }
        }
    }

    fn constant(&mut self, constant: &Constant, range: Range<usize>) -> Typed<'p> {
        let ty = match constant {
            Constant::Null => Type::nullable(Shape::Never),
            Constant::Boolean(_) => Type::of(Shape::Boolean),
            Constant::Integer(_) => Type::of(Shape::Integer),
            Constant::Number(_) => Type::of(Shape::Number),
            Constant::Text(_) => Type::text(),
        };
        self.made(ExprKind::Constant(constant.clone()), ty, range)
    }

    fn map(&mut self, pairs: &[(Expression<'_>, Expression<'_>)], range: Range<usize>) -> Typed<'p> {
        let (mut values, mut types) = (Vec::new(), Vec::new());
        for (key, value) in pairs {
            let Kind::Constant(Constant::Text(name)) = &key.kind else {
                let message = format!("a key of a map is `{}`, expected text in quotes", self.text(key.range.clone()));
                self.report(Code::TypeMismatch, key.range.clone(), message, None);
                continue;
            };
            let value = self.expression(value);
            types.push((name.clone(), value.ty));
            values.push((name.clone(), value.expr));
        }
        self.made(ExprKind::Map(values), Type::of(Shape::Map(types.into())), range)
    }

    /// Types something where more is known.
    fn under<T>(&mut self, known: &Facts, typing: impl FnOnce(&mut Self) -> T) -> T {
        let mark = self.facts.mark();
        self.facts.extend(known);
        let result = typing(self);
        self.facts.forget_after(mark);
        result
    }

    /// An expression of which nothing more is known when it is true or false.
    fn made(&self, kind: ExprKind, ty: Type<'p>, range: Range<usize>) -> Typed<'p> {
        let expr = Expr { kind, span: self.source.span(range) };
        Typed { expr, ty, place: None, when_true: Facts::default(), when_false: Facts::default() }
    }

    /// An expression that names a place: if it is true, there is a value.
    fn placed(&self, kind: ExprKind, ty: Type<'p>, place: Option<Place>, range: Range<usize>) -> Typed<'p> {
        let Some(place) = place else { return self.made(kind, ty, range) };
        let ty = self.facts.narrow(&place, ty);
        let when_true = Facts::at(place.clone(), Mask::VALUE);
        Typed { place: Some(place), when_true, ..self.made(kind, ty, range) }
    }

    /// What is known of a type at a place, when somebody wants it noted.
    fn noted(&self, place: Option<&Place>, ty: &Type<'p>) -> Option<Type<'p>> {
        self.scope.uses?;
        Some(self.facts.narrow(place?, ty.clone()))
    }

    /// Stands for an expression that has been reported.
    fn unknown(&self, range: Range<usize>) -> Typed<'p> {
        self.made(ExprKind::Constant(Constant::Null), Type::any(), range)
    }

    /// The user's text.
    fn text(&self, range: Range<usize>) -> &'o str {
        self.source.text.get(range).unwrap_or_default()
    }

    fn report(&mut self, code: Code, range: Range<usize>, message: String, help: Option<String>) {
        let found = Diagnostic::new(code, self.source.span(range), message).maybe_help(help);
        self.push(found);
    }

    /// Reports a name that is like a known one, with its repair; or, when there is none like it, with other advice.
    fn report_name(&mut self, code: Code, range: Range<usize>, message: String, nearest: Option<&str>, otherwise: Option<String>) {
        let found = Diagnostic::new(code, self.source.span(range.clone()), message);
        let Some(nearest) = nearest else { return self.push(found.maybe_help(otherwise)) };
        let quoted = self.text(range.clone()).starts_with(['"', '\'']);
        let name = if quoted { range.start + 1..range.end.saturating_sub(1) } else { range };
        let fix = self.replacing(format!("rename to `{nearest}`"), vec![(name, nearest.to_owned())]);
        let mut found = found.help(format!("did you mean `{nearest}`?"));
        found.fixes.extend(fix);
        self.push(found);
    }

    /// A repair, where every byte to replace stands in the file as it is.
    fn replacing(&self, title: String, edits: Vec<(Range<usize>, String)>) -> Option<Fix> {
        let edits = edits.into_iter().map(|(range, text)| {
            let span = self.source.span(range.clone());
            (span.range().len() == range.len()).then_some(Edit { span, text })
        });
        Some(Fix { title, safe: false, edits: edits.collect::<Option<_>>()? })
    }

    /// Whether a name of a model has been reported where it is declared, so that its use is no second mistake.
    fn is_reported(&mut self, model: ModelId, name: &str) -> bool {
        let relation = name.strip_suffix("_id");
        let program = self.scope.program;
        let broken = program.is_broken(model, name) || relation.is_some_and(|relation| program.is_broken(model, relation));
        // What was only warned of does not stop the program, so there the use must.
        let reported = broken && self.out.has_errors();
        self.failed |= reported;
        reported
    }

    fn push(&mut self, found: Diagnostic) {
        self.failed |= found.severity() == Severity::Error;
        if matches!(found.code, Code::NotEmbedded | Code::MayBeMissing) && self.scope.is_incomplete() {
            return;
        }
        if self.certain || !matches!(found.code, Code::MayBeMissing | Code::AlwaysMissing) {
            self.out.push(found);
        }
    }
}

/// A place one step further.
fn further(place: Option<&Place>, step: Step) -> Option<Place> {
    place.map(|place| place.iter().cloned().chain([step]).collect())
}
