//! Filters, tests and functions: the name is found in the table, arguments are matched with parameters, and the result is typed. A
//! filter of something missing is missing, but for `default`; a test of it is false, but for `none` and `undefined`.

use std::ops::Range;
use std::rc::Rc;

use super::super::facts::{Facts, Mask};
use super::super::signatures::{self, FILTERS, FUNCTIONS, Filter, Parameter, Signature, TESTS, Test};
use super::super::strftime;
use super::super::tree::ExprKind;
use super::super::ty::{Classes, Shape, Type};
use super::super::uses::{Named, Tool};
use super::super::written::{Argument, Constant, Expression, Kind, Name};
use super::attributes::{part, parts, stored};
use super::operators::result;
use super::{Typed, Typing};
use crate::diagnostics::{Code, list, one_of, suggestion};
use crate::program::TextFormat;

/// A filter with what goes into it.
struct Applied<'a, 'p> {
    filter: Filter,
    input: &'a Typed<'p>,
    input_range: Range<usize>,
    given: &'a [Typed<'p>],
    written: &'a [Argument<'a>],
}

impl<'p> Typing<'p, '_> {
    /// `input | name(arguments)`
    pub(super) fn filter(&mut self, input: &Expression<'_>, name: &Name<'_>, arguments: &[Argument<'_>], range: Range<usize>) -> Typed<'p> {
        let input_range = input.range.clone();
        let input = self.expression(input);
        let Some(signature) = signatures::named(FILTERS, name.text) else {
            let (nearest, help) = unknown_help(name.text, "filter", FILTERS.iter().map(|row| row.name), TESTS.iter().map(|row| row.name));
            self.report_name(Code::UnknownFilter, name.range.clone(), format!("unknown filter `{}`", name.text), nearest, help);
            self.discard(arguments);
            // Where the value comes from is known all the same.
            return self.made(input.expr.kind, Type::any(), range);
        };
        self.note(|| Named::Tool(Tool::Filter, name.text.into()), name.range.clone(), name.text, None);
        let Some(given) = self.arguments(signature, name, arguments) else { return self.unknown(range) };
        if !self.accepts(&input, signature.input, signature.name, input_range.clone()) {
            return self.unknown(range);
        }
        if matches!(signature.kind, Filter::ToJson | Filter::Unique) && input.ty.shape.holds_secret() {
            let message = format!("`{}` holds a secret, which cannot be part of JSON", self.text(input_range.clone()));
            self.report(Code::TypeMismatch, input_range, message, Some("print each secret by itself".to_owned()));
            return self.unknown(range);
        }
        let ty = self.filtered(&Applied { filter: signature.kind, input: &input, input_range, given: &given, written: arguments });
        let given = given.into_iter().map(|argument| argument.expr).collect();
        self.made(ExprKind::Filter(signature.kind, Box::new(input.expr), given), ty, range)
    }

    /// What a filter gives.
    fn filtered(&mut self, applied: &Applied<'_, 'p>) -> Type<'p> {
        let Applied { filter, input, given, written, .. } = *applied;
        let shape = &input.ty.shape;
        let first = given.first();
        let format = || Shape::Text(if shape.may_break_lines() { TextFormat::Paragraph } else { TextFormat::Plain });
        let of = |shape: Shape<'p>| result(shape, &[input]);
        match filter {
            Filter::Default => {
                let other = first.map_or(Type::any(), |other| other.ty.clone());
                if *shape == Shape::Never { other } else { input.ty.present().union(&other) }
            }
            Filter::Abs => of(if shape.is(Classes::INTEGER) { Shape::Integer } else { Shape::Number }),
            Filter::Round | Filter::Float => {
                let whole = filter == Filter::Round && shape.is(Classes::INTEGER) && *shape != Shape::Any;
                let ty = of(if whole { Shape::Integer } else { Shape::Number });
                Type { null: ty.null || (filter == Filter::Float && shape.classes().meets(Classes::TEXTUAL)), ..ty }
            }
            Filter::Int => {
                let ty = of(Shape::Integer);
                Type { null: ty.null || !shape.is(Classes::INTEGER.or(Classes::BOOLEAN)), ..ty }
            }
            Filter::Length => of(Shape::Integer),
            Filter::Upper | Filter::Lower | Filter::Title | Filter::Capitalize | Filter::Trim | Filter::Truncate | Filter::String => {
                of(format())
            }
            Filter::Replace | Filter::UrlEncode | Filter::ToJson => of(Shape::Text(TextFormat::Plain)),
            Filter::Date => {
                if let Some(argument) = first {
                    self.check_format(argument, written.first());
                }
                of(Shape::Text(TextFormat::Plain))
            }
            Filter::Split => of(Shape::List(Rc::new(Type::of(format())))),
            Filter::First | Filter::Last => {
                let element = |shape: &Shape<'p>| {
                    if shape.classes().meets(Classes::TEXTUAL) { Type::of(format()) } else { shape.element().unwrap_or_else(Type::any) }
                };
                let ty = if *shape == Shape::Any {
                    Type::any()
                } else {
                    shape.members().iter().map(element).reduce(|one, other| one.union(&other)).unwrap_or_else(Type::any)
                };
                if input.ty.is_missing() { Type::nullable(Shape::Never) } else { Type { null: true, ..ty } }
            }
            Filter::Reverse if shape.is(Classes::TEXTUAL) => of(format()),
            Filter::Reverse | Filter::Sort | Filter::Unique => of(shape.clone()),
            Filter::Join => {
                let element = shape.element().unwrap_or_else(Type::any);
                if !element.shape.is(Classes::SCALAR) {
                    let seen = element.shape.describe(self.scope.program);
                    let message = format!("`join` expects a list of text or numbers, but each item is {seen}");
                    let help = "take one attribute of each first, as in `|map(attribute=\"name\")|join(\", \")`";
                    self.report(Code::TypeMismatch, applied.input_range.clone(), message, Some(help.to_owned()));
                }
                let breaks = element.shape.may_break_lines();
                of(Shape::Text(if breaks { TextFormat::Paragraph } else { TextFormat::Plain }))
            }
            Filter::Map => self.mapped(input, first, written),
        }
    }

    /// `|map(attribute="name")` reads what `item.name` reads.
    fn mapped(&mut self, input: &Typed<'p>, attribute: Option<&Typed<'p>>, written: &[Argument<'_>]) -> Type<'p> {
        let element = input.ty.shape.element().unwrap_or_else(Type::any);
        let (Some(attribute), Some(argument)) = (attribute, written.first()) else { return Type::any() };
        let Some(name) = attribute.expr.constant_text() else {
            let message = "the attribute of `map` is computed, expected text in quotes".to_owned();
            self.report(Code::TypeMismatch, argument.value.range.clone(), message, None);
            return Type::any();
        };
        let ty = if let Shape::Object(object) = &element.shape {
            self.note_mapped(object.model, argument.value.range.clone(), name);
            stored(self.scope.program, object, name)
        } else {
            part(&element.shape, name)
        };
        let Some(ty) = ty else {
            let mut known: Vec<&str> = element.shape.members().iter().flat_map(parts).collect();
            if let Shape::Object(object) = &element.shape {
                if self.is_reported(object.model, name) {
                    return Type::any();
                }
                known = self.scope.program.model(object.model).properties.iter().map(|property| &*property.name).collect();
            }
            let seen = element.shape.describe(self.scope.program);
            let message = format!("each item is {seen}, which has no `{name}`");
            let nearest = suggestion(name, known.iter().copied());
            let otherwise = (!known.is_empty()).then(|| format!("it has {}", list(known.iter().copied())));
            self.report_name(Code::UnknownVariable, argument.value.range.clone(), message, nearest, otherwise);
            return Type::any();
        };
        result(Shape::List(Rc::new(Type { undefined: ty.undefined || element.may_miss(), ..ty })), &[input])
    }

    /// A constant date format is tried, so that a wrong one is found here.
    fn check_format(&mut self, argument: &Typed<'p>, written: Option<&Argument<'_>>) {
        let Some(range) = written.map(|argument| argument.value.range.clone()) else { return };
        let Some(format) = argument.expr.constant_text() else {
            let message = format!("the date format `{}` is computed, expected text in quotes", self.text(range.clone()));
            self.report(Code::TypeMismatch, range, message, None);
            return;
        };
        if let Err(reason) = strftime::check(format) {
            self.report(Code::TypeMismatch, range, format!("`{format}` is not a date format: {reason}"), None);
        }
    }

    /// `input is name(arguments)`
    pub(super) fn test(&mut self, input: &Expression<'_>, name: &Name<'_>, arguments: &[Argument<'_>], range: Range<usize>) -> Typed<'p> {
        let input_range = input.range.clone();
        let input = self.expression(input);
        let Some(signature) = signatures::named(TESTS, name.text) else {
            let (nearest, help) = unknown_help(name.text, "test", TESTS.iter().map(|row| row.name), FILTERS.iter().map(|row| row.name));
            self.report_name(Code::UnknownFunctionOrTest, name.range.clone(), format!("unknown test `{}`", name.text), nearest, help);
            self.discard(arguments);
            return self.unknown(range);
        };
        self.note(|| Named::Tool(Tool::Test, name.text.into()), name.range.clone(), name.text, None);
        let Some(given) = self.arguments(signature, name, arguments) else { return self.unknown(range) };
        if !self.accepts(&input, signature.input, signature.name, input_range) {
            return self.unknown(range);
        }
        let (on_true, on_false) = match signature.kind {
            Test::Defined => (Mask::DEFINED, Some(Mask::UNDEFINED)),
            Test::Undefined => (Mask::UNDEFINED, Some(Mask::DEFINED)),
            Test::None => (Mask::MISSING, Some(Mask::VALUE)),
            Test::String
            | Test::Number
            | Test::Integer
            | Test::Boolean
            | Test::Even
            | Test::Odd
            | Test::StartingWith
            | Test::EndingWith
            | Test::Containing => (Mask::VALUE, None),
        };
        let known = |mask: Mask| input.place.as_ref().map(|place| Facts::at(place.clone(), mask)).unwrap_or_default();
        let (when_true, when_false) = (known(on_true), on_false.map(known).unwrap_or_default());
        let given = given.into_iter().map(|argument| argument.expr).collect();
        let kind = ExprKind::Test(signature.kind, Box::new(input.expr), given);
        Typed { when_true, when_false, ..self.made(kind, Type::of(Shape::Boolean), range) }
    }

    /// `changed("field")`, the only function.
    pub(super) fn call(&mut self, callee: &Expression<'_>, arguments: &[Argument<'_>], range: Range<usize>) -> Typed<'p> {
        let Kind::Name(name) = callee.kind else {
            self.not_callable(callee);
            self.discard(arguments);
            return self.unknown(range);
        };
        if name != "changed" {
            let filters = FILTERS.iter().map(|row| row.name);
            let (nearest, help) = unknown_help(name, "function", FUNCTIONS.iter().copied(), filters);
            self.report_name(Code::UnknownFunctionOrTest, callee.range.clone(), format!("unknown function `{name}`"), nearest, help);
            self.discard(arguments);
            return self.unknown(range);
        }
        let [Argument { name: None, value }] = arguments else {
            let message = format!("`changed` has {} arguments, expected the name of one field", arguments.len());
            self.report(Code::TypeMismatch, range.clone(), message, None);
            return self.unknown(range);
        };
        let Kind::Constant(Constant::Text(field)) = &value.kind else {
            let message = format!("`changed` expects the name of a field in quotes, seen `{}`", self.text(value.range.clone()));
            self.report(Code::TypeMismatch, value.range.clone(), message, None);
            return self.unknown(range);
        };
        let model = self.scope.program.model(self.scope.webhook.model);
        let property = model.property_named(field).or_else(|| {
            let related = field.strip_suffix("_id").and_then(|relation| model.property_named(relation))?;
            let has_id = model.property(related).field().is_none() || model.property(related).is_attachment();
            has_id.then_some(related)
        });
        if let Some(property) = property {
            self.note(|| Named::Tool(Tool::Function, name.into()), callee.range.clone(), name, None);
            self.note_property(self.scope.webhook.model, property, value.range.clone(), field, None);
            return self.made(ExprKind::Changed(property), Type::of(Shape::Boolean), range);
        }
        if !self.is_reported(self.scope.webhook.model, field) {
            let names = || model.properties.iter().map(|property| property.name.as_ref());
            let message = format!("model `{}` has no field `{field}`", model.name);
            let otherwise = format!("it has {}", list(names()));
            self.report_name(Code::UnknownVariable, value.range.clone(), message, suggestion(field, names()), Some(otherwise));
        }
        self.unknown(range)
    }

    /// Reports a call of something that is not a name.
    fn not_callable(&mut self, callee: &Expression<'_>) {
        let Kind::Attribute(_, method) = &callee.kind else {
            let message = format!("`{}` cannot be called", self.text(callee.range.clone()));
            self.report(Code::UnknownFunctionOrTest, callee.range.clone(), message, None);
            return;
        };
        let message = format!("`{}` is called like a method, expected a filter", method.text);
        let help = match signatures::named(FILTERS, method.text) {
            Some(filter) => format!("write it as a filter: `|{}`", filter.name),
            None => format!("the functions are {}", one_of(FUNCTIONS.iter().copied())),
        };
        self.report(Code::UnknownFunctionOrTest, method.range.clone(), message, Some(help));
    }

    /// Matches arguments with parameters; `None` when they do not fit, which has been reported.
    fn arguments<K>(&mut self, signature: &'static Signature<K>, name: &Name<'_>, written: &[Argument<'_>]) -> Option<Vec<Typed<'p>>> {
        let parameters = signature.parameters;
        let mut given: Vec<Option<Typed<'p>>> = parameters.iter().map(|_| None).collect();
        let mut fits = true;
        for (index, argument) in written.iter().enumerate() {
            let value = self.expression(&argument.value);
            let position = match &argument.name {
                None => Some(index).filter(|index| *index < parameters.len()),
                Some(name) => parameters.iter().position(|parameter| parameter.name == name.text),
            };
            let parameter = position.and_then(|position| parameters.get(position));
            let slot = position.and_then(|position| given.get_mut(position));
            let (Some(slot), Some(parameter)) = (slot, parameter) else {
                let range = argument.name.as_ref().map_or(argument.value.range.clone(), |name| name.range.clone());
                let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
                let expected = if names.is_empty() { "no argument".to_owned() } else { one_of(names) };
                let message = format!("`{}` does not take `{}`, expected {expected}", signature.name, self.text(range.clone()));
                self.report(Code::TypeMismatch, range, message, None);
                fits = false;
                continue;
            };
            fits &= self.fits(signature.name, parameter, &value, argument.value.range.clone());
            *slot = Some(value);
        }
        // An argument left out before one that is given by name would shift the rest: it is null.
        let last = given.iter().rposition(Option::is_some).map_or(0, |index| index + 1);
        let mut complete = Vec::with_capacity(last);
        for (index, (argument, parameter)) in given.into_iter().zip(parameters).enumerate() {
            match argument {
                Some(argument) => complete.push(argument),
                None if parameter.required => {
                    let message = format!("`{}` needs the argument `{}`", signature.name, parameter.name);
                    self.report(Code::TypeMismatch, name.range.clone(), message, None);
                    fits = false;
                }
                None if index < last => complete.push(Typed { ty: Type::nullable(Shape::Never), ..self.unknown(name.range.clone()) }),
                None => {}
            }
        }
        fits.then_some(complete)
    }

    fn fits(&mut self, callee: &str, parameter: &Parameter, value: &Typed<'p>, range: Range<usize>) -> bool {
        let (ty, allowed) = (&value.ty, parameter.allowed);
        if ty.shape.is(allowed) && (parameter.allowed == Classes::VALUE || !ty.may_miss()) {
            return true;
        }
        let seen = if ty.shape.is(allowed) { "null or undefined".to_owned() } else { ty.shape.describe(self.scope.program) };
        let may = if ty.shape.is(allowed) && !ty.is_missing() { "may be" } else { "is" };
        let expected = allowed.describe();
        let message = format!("`{}` {may} {seen}, `{callee}` expects {expected} as `{}`", self.text(range.clone()), parameter.name);
        self.report(Code::TypeMismatch, range, message, None);
        false
    }

    fn accepts(&mut self, input: &Typed<'p>, allowed: Classes, callee: &str, range: Range<usize>) -> bool {
        if input.ty.shape.is(allowed) {
            return true;
        }
        let seen = input.ty.shape.describe(self.scope.program);
        let message = format!("`{}` is {seen}, `{callee}` expects {}", self.text(range.clone()), allowed.describe());
        self.report(Code::TypeMismatch, range, message, None);
        false
    }

    /// Types arguments of something unknown, for the mistakes in them.
    fn discard(&mut self, arguments: &[Argument<'_>]) {
        for argument in arguments {
            self.expression(&argument.value);
        }
    }
}

/// The name that was meant, or other advice.
fn unknown_help<'a>(
    seen: &str,
    kind: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    mut others: impl Iterator<Item = &'a str>,
) -> (Option<&'a str>, Option<String>) {
    if others.any(|other| other == seen) {
        let other = if kind == "filter" { "test" } else { "filter" };
        let written = if kind == "filter" { format!("is {seen}") } else { format!("|{seen}") };
        return (None, Some(format!("`{seen}` is a {other}, written `{written}`")));
    }
    let names: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
    (suggestion(seen, known), Some(format!("every {kind}: {}", names.join(", "))))
}
