//! Runs the typed tree over the data of one firing. What the checker let through without a warning does not fail here, but for the
//! limits. No time, no random numbers: the same data gives the same value.

use super::data::Data;
use super::filters;
use super::limits;
use super::rendered::RenderError;
use super::signatures::Test;
use super::tree::{Ambient, Expr, ExprKind, Loop, Meta, Node, Turn};
use super::value::{List, Map, Object, Value};
use super::write::Refusal;
use super::written::{Constant, Operator};
use crate::text::Span;

/// Where a template's text goes.
pub(super) trait Sink {
    /// Takes literal text of the template.
    ///
    /// # Errors
    /// When the output is refused.
    fn literal(&mut self, text: &str) -> Result<(), Refusal>;

    /// Takes a printed value. `trusted` is text of the configuration.
    ///
    /// # Errors
    /// When it cannot be printed, or the output is refused.
    fn value(&mut self, value: &Value<'_>, trusted: bool) -> Result<(), Refusal>;
}

/// The state of one rendering.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    data: Data<'a>,
    locals: Vec<Local<'a>>,
    turns: u32,
}

/// A loop's variable.
#[derive(Clone, Debug)]
struct Local<'a> {
    value: Value<'a>,
    index: usize,
    length: usize,
}

fn failure(what: Refusal, span: Span) -> RenderError {
    RenderError { what, span: Some(span) }
}

impl<'a> Frame<'a> {
    /// Starts.
    pub(super) fn new(data: Data<'a>) -> Self {
        Self { data, locals: Vec::new(), turns: 0 }
    }

    /// The data.
    pub(super) fn data(&self) -> Data<'a> {
        self.data
    }

    /// Writes what the nodes print.
    ///
    /// # Errors
    /// When an expression fails or the sink refuses.
    pub(super) fn render(&mut self, nodes: &'a [Node], sink: &mut impl Sink) -> Result<(), RenderError> {
        for node in nodes {
            match node {
                Node::Text(text) => sink.literal(text).map_err(|what| RenderError { what, span: None })?,
                Node::Print(expr) => {
                    let value = self.evaluate(expr)?;
                    let trusted = matches!(expr.kind, ExprKind::Variable(_));
                    sink.value(&value, trusted).map_err(|what| failure(what, expr.span))?;
                }
                Node::If(choice) => {
                    let chosen = if self.decide(&choice.condition)? { &choice.then } else { &choice.otherwise };
                    self.render(chosen, sink)?;
                }
                Node::For(repeated) => self.repeat(repeated, sink)?,
            }
        }
        Ok(())
    }

    /// Whether a condition at which the template branches is true.
    ///
    /// # Errors
    /// When it cannot be evaluated.
    pub(super) fn decide(&mut self, condition: &'a Expr) -> Result<bool, RenderError> {
        let holds = self.evaluate(condition)?.is_true();
        self.note(condition.span, holds);
        Ok(holds)
    }

    fn note(&self, span: Span, way: bool) {
        if let Some(watch) = self.data.watch {
            watch.note(span, way);
        }
    }

    fn repeat(&mut self, repeated: &'a Loop, sink: &mut impl Sink) -> Result<(), RenderError> {
        let items = self.items(&repeated.list, repeated.filter.as_ref())?;
        if items.is_empty() {
            return self.render(&repeated.otherwise, sink);
        }
        self.each(items, repeated.list.span, |frame| frame.render(&repeated.body, sink))
    }

    /// The items of a list that pass the filter; none when it is missing.
    ///
    /// # Errors
    /// When an expression fails or there are too many turns.
    pub(super) fn items(&mut self, list: &'a Expr, filter: Option<&'a Expr>) -> Result<Vec<Value<'a>>, RenderError> {
        let value = self.evaluate(list)?;
        if value.is_missing() {
            self.note(list.span, false);
            return Ok(Vec::new());
        }
        let Value::List(items) = value else {
            return Err(failure(format!("the value is {}, expected a list", value.describe()), list.span));
        };
        let Some(filter) = filter else {
            self.note(list.span, items.len() > 0);
            return Ok(items.iter().collect());
        };
        let mut passed = Vec::new();
        let length = items.len();
        for (index, value) in items.iter().enumerate() {
            self.turn(list.span)?;
            self.locals.push(Local { value, index, length });
            let holds = self.decide(filter);
            let local = self.locals.pop();
            if holds? {
                passed.extend(local.map(|local| local.value));
            }
        }
        self.note(list.span, !passed.is_empty());
        Ok(passed)
    }

    /// Runs something for each item, with the item as the innermost local.
    ///
    /// # Errors
    /// The first one of a turn, or when there are too many turns.
    pub(super) fn each(
        &mut self,
        items: Vec<Value<'a>>,
        span: Span,
        mut run: impl FnMut(&mut Self) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let length = items.len();
        for (index, value) in items.into_iter().enumerate() {
            self.turn(span)?;
            self.locals.push(Local { value, index, length });
            let done = run(self);
            self.locals.pop();
            done?;
        }
        Ok(())
    }

    fn turn(&mut self, span: Span) -> Result<(), RenderError> {
        self.turns += 1;
        if self.turns > limits::LOOP_TURNS {
            return Err(failure(format!("the loops take more than {} turns", limits::LOOP_TURNS), span));
        }
        Ok(())
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// When a value is not of the type that an operation needs.
    pub(super) fn evaluate(&mut self, expr: &'a Expr) -> Result<Value<'a>, RenderError> {
        Ok(match &expr.kind {
            ExprKind::Constant(constant) => of_constant(constant),
            ExprKind::Variable(text) => Value::borrowed(text),
            ExprKind::Secret(name) => Value::Secret(name),
            ExprKind::Object => Value::Object(Object::new(self.data.object, &self.data.webhook.embeds)),
            ExprKind::Previous => match self.data.previous {
                Some(record) => Value::Object(Object { record, embedded: &[], embeds: &[] }),
                None => Value::Undefined,
            },
            ExprKind::Ambient(ambient) => match ambient {
                Ambient::Operation => Value::borrowed(self.data.operation.as_str()),
                Ambient::Sequence => Value::Integer(self.data.sequence.0),
                Ambient::AccountId => Value::borrowed(self.data.tenant),
                Ambient::Timestamp => Value::borrowed(self.data.timestamp),
            },
            ExprKind::Local(slot) => self.locals.get(*slot).map_or(Value::Undefined, |local| local.value.clone()),
            ExprKind::Turn(slot, turn) => self.locals.get(*slot).map_or(Value::Undefined, |local| local.turn(*turn)),
            ExprKind::Property(of, property) => {
                self.part_of_object(of, expr.span, |object| Value::of_json(object.record.value(*property)))?
            }
            ExprKind::Embedded(of, index) => self.part_of_object(of, expr.span, |object| object.embedded(*index))?,
            ExprKind::Meta(of, meta) => {
                let program = self.data.program;
                self.part_of_object(of, expr.span, |Object { record, .. }| {
                    Value::borrowed(match meta {
                        Meta::Id => &record.id,
                        Meta::Type => &program.model(record.model).name,
                        Meta::UpdatedAt => &record.updated_at,
                    })
                })?
            }
            ExprKind::Part(of, name) => filters::attribute(&self.evaluate(of)?, name, self.data.program),
            ExprKind::Item(of, index) => self.item(of, index, expr.span)?,
            ExprKind::Changed(property) => {
                let (now, before) = (&self.data.object.record, self.data.previous);
                Value::Boolean(before.is_none_or(|before| before.value(*property) != now.value(*property)))
            }
            ExprKind::Not(operand) => Value::Boolean(!self.evaluate(operand)?.is_true()),
            ExprKind::Negate(operand) => negate(&self.evaluate(operand)?).map_err(|what| failure(what, expr.span))?,
            ExprKind::Binary(operator, left, right) => return self.binary(*operator, left, right, expr.span),
            ExprKind::Choose { condition, then, otherwise } => match (self.decide(condition)?, otherwise) {
                (true, _) => self.evaluate(then)?,
                (false, Some(otherwise)) => self.evaluate(otherwise)?,
                (false, None) => Value::Undefined,
            },
            ExprKind::List(items) => {
                let items = items.iter().map(|item| self.evaluate(item)).collect::<Result<Vec<_>, _>>()?;
                Value::List(List::Made(items.into()))
            }
            ExprKind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| Ok((key.as_ref(), self.evaluate(value)?)));
                Value::Map(Map::Made(entries.collect::<Result<Vec<_>, _>>()?.into()))
            }
            ExprKind::Filter(filter, input, arguments) => {
                let input = self.evaluate(input)?;
                let arguments = arguments.iter().map(|argument| self.evaluate(argument)).collect::<Result<Vec<_>, _>>()?;
                filters::apply(*filter, input, &arguments, self.data.program).map_err(|what| failure(what, expr.span))?
            }
            ExprKind::Test(test, input, arguments) => {
                let input = self.evaluate(input)?;
                let argument = arguments.first().map(|argument| self.evaluate(argument)).transpose()?;
                Value::Boolean(holds(*test, &input, argument.as_ref()))
            }
        })
    }

    fn part_of_object(&mut self, of: &'a Expr, span: Span, part: impl FnOnce(Object<'a>) -> Value<'a>) -> Result<Value<'a>, RenderError> {
        let of = self.evaluate(of)?;
        if let Value::Object(object) = of { Ok(part(object)) } else { missing_part(&of, span) }
    }

    fn item(&mut self, of: &'a Expr, index: &'a Expr, span: Span) -> Result<Value<'a>, RenderError> {
        let (list, index) = (self.evaluate(of)?, self.evaluate(index)?);
        if let (Value::List(list), Value::Integer(index)) = (&list, &index) {
            return Ok(item(list, *index));
        }
        if index.is_missing() { Ok(Value::Undefined) } else { missing_part(&list, span) }
    }

    fn binary(&mut self, operator: Operator, left: &'a Expr, right: &'a Expr, span: Span) -> Result<Value<'a>, RenderError> {
        let left = self.evaluate(left)?;
        if (operator == Operator::And && !left.is_true()) || (operator == Operator::Or && left.is_true()) {
            return Ok(left);
        }
        let right = self.evaluate(right)?;
        filters::operate(operator, &left, right).map_err(|what| failure(what, span))
    }
}

impl<'a> Local<'a> {
    fn turn(&self, turn: Turn) -> Value<'a> {
        let integer = |count: usize| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
        match turn {
            Turn::Index => integer(self.index + 1),
            Turn::Index0 => integer(self.index),
            Turn::First => Value::Boolean(self.index == 0),
            Turn::Last => Value::Boolean(self.index + 1 == self.length),
            Turn::Length => integer(self.length),
        }
    }
}

/// A literal.
pub(super) fn of_constant(constant: &Constant) -> Value<'_> {
    match constant {
        Constant::Null => Value::Null,
        Constant::Boolean(boolean) => Value::Boolean(*boolean),
        Constant::Integer(integer) => Value::Integer(*integer),
        Constant::Number(number) => Value::Number(*number),
        Constant::Text(text) => Value::borrowed(text),
    }
}

/// A part of something missing is undefined; anything else has no parts.
fn missing_part<'a>(of: &Value<'a>, span: Span) -> Result<Value<'a>, RenderError> {
    if of.is_missing() {
        return Ok(Value::Undefined);
    }
    Err(failure(format!("the value is {}, which has no such part", of.describe()), span))
}

/// Counts from the end when negative.
fn item<'a>(list: &List<'a>, index: i64) -> Value<'a> {
    let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let index = if index < 0 { length.saturating_add(index) } else { index };
    usize::try_from(index).ok().and_then(|index| list.get(index)).unwrap_or(Value::Undefined)
}

fn negate<'a>(operand: &Value<'a>) -> Result<Value<'a>, Refusal> {
    match operand {
        Value::Undefined | Value::Null => Ok(Value::Null),
        Value::Integer(integer) => Ok(Value::Integer(integer.saturating_neg())),
        Value::Number(number) => Ok(Value::Number(-number)),
        Value::Boolean(_) | Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Secret(_) => {
            Err(format!("the value is {}, `-` expects a number", operand.describe()))
        }
    }
}

/// Whether a test holds.
pub(super) fn holds(test: Test, input: &Value<'_>, argument: Option<&Value<'_>>) -> bool {
    let integer = if let Value::Integer(integer) = input { Some(*integer) } else { None };
    let texts = input.as_text().zip(argument.and_then(Value::as_text));
    match test {
        Test::Defined => !matches!(input, Value::Undefined),
        Test::Undefined => matches!(input, Value::Undefined),
        Test::None => input.is_missing(),
        Test::String => matches!(input, Value::Text(_)),
        Test::Number => matches!(input, Value::Integer(_) | Value::Number(_)),
        Test::Integer => integer.is_some(),
        Test::Boolean => matches!(input, Value::Boolean(_)),
        Test::Even => integer.is_some_and(|integer| integer % 2 == 0),
        Test::Odd => integer.is_some_and(|integer| integer % 2 != 0),
        Test::StartingWith => texts.is_some_and(|(text, start)| text.starts_with(start)),
        Test::EndingWith => texts.is_some_and(|(text, end)| text.ends_with(end)),
        Test::Containing => texts.is_some_and(|(text, part)| text.contains(part)),
    }
}
