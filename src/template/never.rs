//! Whether a `when` can be true at all: it is evaluated with every value that the webhook's conditions leave to the fields it compares,
//! the rest unknown. Sound: what is not decided counts as possible.

use super::evaluate::{holds, of_constant};
use super::filters;
use super::signatures::Test as Query;
use super::tree::{Ambient, Expr, ExprKind};
use super::value::{List, Value};
use super::written::{Constant, Operator};
use super::{Predicate, Scope};
use crate::ids::PropertyId;
use crate::program::{FieldType, Kind, Literal, Operation, Subject, Test};
use crate::text::Span;

/// The most combinations of values that are tried; a `when` with more is taken to be possible.
const MOST: usize = 512;

/// Why a `when` is never true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Never {
    /// The part of it that is not, or all of it.
    pub span: Span,
    /// What it contradicts.
    pub against: Against,
}

/// What a `when` contradicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// Itself.
    Itself,
    /// The operations of the webhook.
    Operations,
    /// These conditions of the webhook, by index.
    Conditions(Vec<usize>),
}

impl Predicate {
    /// Why no save can make it true; `None` when one may.
    #[must_use]
    pub fn never(&self, scope: Scope<'_>) -> Option<Never> {
        let read = Found::of(&self.expr).places;
        let conditions = scope.webhook.conditions.iter().enumerate();
        let about = |subject: &Subject| matches!(subject, Subject::Property(id) if read.contains(&Place::Property(*id)));
        let all: Vec<usize> = conditions.filter(|(_, condition)| about(&condition.subject)).map(|(index, _)| index).collect();
        let proof = |expr, operations, conditions: &[usize]| Proof { scope, operations, conditions }.is_never(expr);
        if !proof(&self.expr, true, &all) {
            return None;
        }
        let mut parts = Vec::new();
        conjuncts(&self.expr, &mut parts);
        let part = parts.into_iter().find(|part| proof(part, true, &all)).unwrap_or(&self.expr);
        let against = if proof(part, false, &[]) {
            Against::Itself
        } else if proof(part, true, &[]) {
            Against::Operations
        } else {
            // Only those without which it could be true.
            let mut needed = all;
            for index in needed.clone() {
                let fewer: Vec<usize> = needed.iter().copied().filter(|other| *other != index).collect();
                if proof(part, true, &fewer) {
                    needed = fewer;
                }
            }
            Against::Conditions(needed)
        };
        Some(Never { span: part.span, against })
    }
}

/// The parts of an `and`.
fn conjuncts<'e>(expr: &'e Expr, parts: &mut Vec<&'e Expr>) {
    if let ExprKind::Binary(Operator::And, left, right) = &expr.kind {
        conjuncts(left, parts);
        conjuncts(right, parts);
    } else {
        parts.push(expr);
    }
}

/// What may be relied on.
#[derive(Clone, Copy)]
struct Proof<'a> {
    scope: Scope<'a>,
    /// The webhook's operations; otherwise any.
    operations: bool,
    /// Its conditions, by index.
    conditions: &'a [usize],
}

/// Something that an expression reads and whose values can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Property(PropertyId),
    Operation,
}

/// What is known of a value.
#[derive(Clone, Debug)]
enum Guess<'a> {
    Value(Value<'a>),
    /// A value that is not missing, and that equals none of the constants in the expression.
    Other,
    /// Only whether it counts as true.
    Truth(bool),
    Unknown,
}

impl Guess<'_> {
    fn truth(&self) -> Option<bool> {
        match self {
            Self::Value(value) => Some(value.is_true()),
            Self::Truth(truth) => Some(*truth),
            Self::Other | Self::Unknown => None,
        }
    }

    /// Whether a `when` of this value does not hold.
    fn is_not_true(&self) -> bool {
        match self {
            Self::Value(value) => !matches!(value, Value::Boolean(true)),
            Self::Truth(truth) => !truth,
            Self::Other | Self::Unknown => false,
        }
    }
}

/// Places with the values that are tried.
type Choices<'a> = Vec<(Place, Vec<Guess<'a>>)>;

impl<'a> Proof<'a> {
    fn is_never(self, expr: &'a Expr) -> bool {
        let found = Found::of(expr);
        let mut choices: Choices<'a> = Vec::new();
        for place in found.places {
            choices.extend(self.values(place, &found.constants).map(|values| (place, values)));
        }
        let combinations = choices.iter().try_fold(1_usize, |product, (_, values)| product.checked_mul(values.len()));
        combinations.is_some_and(|count| count <= MOST) && self.each(expr, &choices, &mut Vec::new())
    }

    /// Whether the expression is true for no choice of the remaining values.
    fn each(self, expr: &'a Expr, choices: &[(Place, Vec<Guess<'a>>)], chosen: &mut Vec<(Place, Guess<'a>)>) -> bool {
        let Some(((place, values), rest)) = choices.split_first() else {
            return self.guess(expr, chosen).is_not_true();
        };
        values.iter().all(|value| {
            chosen.push((*place, value.clone()));
            let never = self.each(expr, rest, chosen);
            chosen.pop();
            never
        })
    }

    /// The values that a place may have; `None` when they cannot be listed.
    fn values(self, place: Place, constants: &[&'a Constant]) -> Option<Vec<Guess<'a>>> {
        let id = match place {
            Place::Operation => {
                let all = [Operation::Create, Operation::Update, Operation::Delete];
                let possible = all.into_iter().filter(|operation| !self.operations || self.scope.webhook.operations.contains(*operation));
                let possible: Vec<Guess<'a>> = possible.map(|operation| Guess::Value(Value::borrowed(operation.as_str()))).collect();
                return Some(possible).filter(|possible| !possible.is_empty());
            }
            Place::Property(id) => id,
        };
        let webhook = self.scope.webhook;
        let conditions = self.conditions.iter().filter_map(|index| webhook.conditions.get(*index));
        let tests: Vec<&Test> =
            conditions.filter(|condition| condition.subject == Subject::Property(id)).map(|condition| &condition.test).collect();
        let mut values = self.values_of_type(id, constants)?;
        if tests.iter().any(|test| **test != Test::Changed) {
            // Every other condition is one on a value that is set.
            values.retain(|value| !matches!(value, Guess::Value(Value::Null)));
        }
        for literals in tests.into_iter().filter_map(Test::values) {
            let listed: Vec<Guess<'a>> = literals.iter().filter_map(of_literal).map(Guess::Value).collect();
            // What is not a constant of the expression stands for itself.
            values = if listed.len() == literals.len() { listed } else { return None };
        }
        Some(values)
    }

    fn values_of_type(self, id: PropertyId, constants: &[&'a Constant]) -> Option<Vec<Guess<'a>>> {
        let Scope { program, webhook, .. } = self.scope;
        let mut values = vec![Guess::Value(Value::Null)];
        match &program.model(webhook.model).property(id).kind {
            Kind::Field(FieldType::Boolean) => values.extend([true, false].map(|flag| Guess::Value(Value::Boolean(flag)))),
            Kind::Field(FieldType::SingleChoice(choices)) => {
                values.extend(choices.iter().map(|choice| Guess::Value(Value::borrowed(&choice.key))));
            }
            Kind::Field(FieldType::SingleChoiceInteger(choices)) => {
                values.extend(choices.iter().map(|choice| Guess::Value(Value::Integer(choice.key))));
            }
            Kind::Field(FieldType::Text(_) | FieldType::Date | FieldType::Datetime) | Kind::BelongsTo(_) => {
                values.extend(
                    constants.iter().filter(|constant| matches!(constant, Constant::Text(_))).map(|text| Guess::Value(of_constant(text))),
                );
                values.push(Guess::Other);
            }
            Kind::Field(FieldType::Integer) => {
                values.extend(
                    constants
                        .iter()
                        .filter(|constant| matches!(constant, Constant::Integer(_)))
                        .map(|number| Guess::Value(of_constant(number))),
                );
                // A number such as `2.0` equals an integer that is not listed.
                values.push(if constants.iter().any(|constant| matches!(constant, Constant::Number(_))) {
                    Guess::Unknown
                } else {
                    Guess::Other
                });
            }
            Kind::Field(
                FieldType::Number
                | FieldType::Location
                | FieldType::Track
                | FieldType::Attachment(_)
                | FieldType::MultipleChoice(_)
                | FieldType::MultipleChoiceInteger(_),
            ) => return None,
        }
        Some(values)
    }

    fn guess(self, expr: &'a Expr, chosen: &[(Place, Guess<'a>)]) -> Guess<'a> {
        let guess = |expr: &'a Expr| self.guess(expr, chosen);
        if let Some(place) = place(expr) {
            return chosen.iter().find(|(known, _)| *known == place).map_or(Guess::Unknown, |(_, value)| value.clone());
        }
        match &expr.kind {
            ExprKind::Constant(constant) => Guess::Value(of_constant(constant)),
            ExprKind::Not(operand) => guess(operand).truth().map_or(Guess::Unknown, |truth| Guess::Value(Value::Boolean(!truth))),
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right, chosen),
            ExprKind::Choose { condition, then, otherwise } => match (guess(condition).truth(), otherwise) {
                (Some(true), _) => guess(then),
                (Some(false), Some(otherwise)) => guess(otherwise),
                (Some(false), None) => Guess::Value(Value::Undefined),
                (None, _) => Guess::Unknown,
            },
            ExprKind::List(items) => {
                let known: Option<Vec<Value<'a>>> = items.iter().map(|item| value(guess(item))).collect();
                known.map_or(Guess::Unknown, |items| Guess::Value(Value::List(List::Made(items.into()))))
            }
            ExprKind::Filter(filter, input, arguments) => {
                let arguments: Option<Vec<Value<'a>>> = arguments.iter().map(|argument| value(guess(argument))).collect();
                let made = value(guess(input)).zip(arguments);
                let made = made.and_then(|(input, arguments)| filters::apply(*filter, input, &arguments, self.scope.program).ok());
                made.map_or(Guess::Unknown, Guess::Value)
            }
            ExprKind::Test(query, input, arguments) => match (guess(input), query) {
                (Guess::Value(input), _) => match arguments.first().map(|argument| value(guess(argument))) {
                    None => Guess::Value(Value::Boolean(holds(*query, &input, None))),
                    Some(Some(argument)) => Guess::Value(Value::Boolean(holds(*query, &input, Some(&argument)))),
                    Some(None) => Guess::Unknown,
                },
                (Guess::Other, Query::Defined) => Guess::Value(Value::Boolean(true)),
                (Guess::Other, Query::Undefined | Query::None) => Guess::Value(Value::Boolean(false)),
                (Guess::Other | Guess::Truth(_) | Guess::Unknown, _) => Guess::Unknown,
            },
            ExprKind::Variable(_)
            | ExprKind::Secret(_)
            | ExprKind::Object
            | ExprKind::Previous
            | ExprKind::Ambient(_)
            | ExprKind::Local(_)
            | ExprKind::Turn(..)
            | ExprKind::Property(..)
            | ExprKind::Embedded(..)
            | ExprKind::Meta(..)
            | ExprKind::Part(..)
            | ExprKind::Item(..)
            | ExprKind::Changed(_)
            | ExprKind::Negate(_)
            | ExprKind::Map(_) => Guess::Unknown,
        }
    }

    fn binary(self, operator: Operator, left: &'a Expr, right: &'a Expr, chosen: &[(Place, Guess<'a>)]) -> Guess<'a> {
        let is_constant = left.constant().is_some() || right.constant().is_some();
        let lists_constants =
            if let ExprKind::List(items) = &right.kind { items.iter().all(|item| item.constant().is_some()) } else { false };
        let (left, right) = (self.guess(left, chosen), self.guess(right, chosen));
        let boolean = |flag| Guess::Value(Value::Boolean(flag));
        match (operator, left, right) {
            (Operator::And, left, right) => match (left.truth(), right.truth()) {
                (Some(true), _) => right,
                (Some(false), _) => left,
                (None, Some(false)) => Guess::Truth(false),
                (None, _) => Guess::Unknown,
            },
            (Operator::Or, left, right) => match (left.truth(), right.truth()) {
                (Some(true), _) => left,
                (Some(false), _) => right,
                (None, Some(true)) => Guess::Truth(true),
                (None, _) => Guess::Unknown,
            },
            (operator, Guess::Value(left), Guess::Value(right)) => {
                filters::operate(operator, &left, right).map_or(Guess::Unknown, Guess::Value)
            }
            (Operator::Equal, Guess::Other, Guess::Value(_)) | (Operator::Equal, Guess::Value(_), Guess::Other) if is_constant => {
                boolean(false)
            }
            (Operator::NotEqual, Guess::Other, Guess::Value(_)) | (Operator::NotEqual, Guess::Value(_), Guess::Other) if is_constant => {
                boolean(true)
            }
            (Operator::In, Guess::Other, Guess::Value(_)) if lists_constants => boolean(false),
            (_, Guess::Value(_) | Guess::Other | Guess::Truth(_) | Guess::Unknown, _) => Guess::Unknown,
        }
    }
}

fn value(guess: Guess<'_>) -> Option<Value<'_>> {
    if let Guess::Value(value) = guess { Some(value) } else { None }
}

/// A literal as a template reads it; a number may be stored as an integer or not, so it is not known.
fn of_literal(literal: &Literal) -> Option<Value<'_>> {
    match literal {
        Literal::Text(text) => Some(Value::borrowed(text)),
        Literal::Integer(integer) => Some(Value::Integer(*integer)),
        Literal::Boolean(flag) => Some(Value::Boolean(*flag)),
        Literal::Number(_) => None,
    }
}

/// The place that an expression reads, if it is one whose values may be listed.
fn place(expr: &Expr) -> Option<Place> {
    if let ExprKind::Property(of, id) = &expr.kind
        && matches!(of.kind, ExprKind::Object)
    {
        return Some(Place::Property(*id));
    }
    matches!(expr.kind, ExprKind::Ambient(Ambient::Operation)).then_some(Place::Operation)
}

/// What an expression reads and compares with.
#[derive(Default)]
struct Found<'a> {
    places: Vec<Place>,
    constants: Vec<&'a Constant>,
}

impl<'a> Found<'a> {
    fn of(expr: &'a Expr) -> Self {
        let mut found = Self::default();
        found.visit(expr);
        found
    }

    fn visit(&mut self, expr: &'a Expr) {
        if let Some(place) = place(expr)
            && !self.places.contains(&place)
        {
            self.places.push(place);
        }
        if let Some(constant) = expr.constant()
            && !self.constants.contains(&constant)
        {
            self.constants.push(constant);
        }
        expr.each_operand(&mut |operand| self.visit(operand));
    }
}
