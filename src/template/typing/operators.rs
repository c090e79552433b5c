//! Operators: what they take and give, and what is known when they are true or false. Something missing makes arithmetic and `~`
//! missing, equals only null, and is never smaller or larger than anything; so no operator fails at run time on what passes here.

use std::ops::Range;

use super::super::facts::{Facts, Mask, Step};
use super::super::strftime;
use super::super::tree::{Expr, ExprKind};
use super::super::ty::{Classes, Shape, Type};
use super::super::written::{Constant, Expression, Operator};
use super::{Typed, Typing};
use crate::diagnostics::{Code, list, suggestion};
use crate::program::TextFormat;

impl<'p> Typing<'p, '_> {
    /// `-operand`
    pub(super) fn negate(&mut self, operand: &Expression<'_>, range: Range<usize>) -> Typed<'p> {
        let operand_range = operand.range.clone();
        let operand = self.expression(operand);
        let negated = match operand.expr.constant() {
            Some(Constant::Integer(integer)) => Some(Constant::Integer(integer.saturating_neg())),
            Some(Constant::Number(number)) => Some(Constant::Number(-number)),
            Some(Constant::Null | Constant::Boolean(_) | Constant::Text(_)) | None => None,
        };
        if let Some(constant) = negated {
            return self.made(ExprKind::Constant(constant), operand.ty, range);
        }
        let ty = self.arithmetic(&[(&operand, operand_range)], "-");
        self.made(ExprKind::Negate(Box::new(operand.expr)), ty, range)
    }

    /// `left operator right`
    pub(super) fn binary(&mut self, operator: Operator, left: &Expression<'_>, right: &Expression<'_>, range: Range<usize>) -> Typed<'p> {
        let ranges = [left.range.clone(), right.range.clone()];
        let left = self.expression(left);
        match operator {
            Operator::And => {
                let right = self.under(&left.when_true.clone(), |typing| typing.expression(right));
                let when_true = left.when_true.both(&right.when_true);
                let when_false = left.when_false.either(&left.when_true.both(&right.when_false));
                let ty = left.ty.union(&right.ty);
                Typed { when_true, when_false, ..self.joined(operator, left, right, ty, range) }
            }
            Operator::Or => {
                let right = self.under(&left.when_false.clone(), |typing| typing.expression(right));
                let when_true = left.when_true.either(&left.when_false.both(&right.when_true));
                let when_false = left.when_false.both(&right.when_false);
                let ty = left.ty.present().union(&right.ty);
                Typed { when_true, when_false, ..self.joined(operator, left, right, ty, range) }
            }
            Operator::Equal | Operator::NotEqual => {
                let right = self.expression(right);
                self.check_comparable(operator, &left, &right, &ranges);
                let (equal, different) = self.equality(&left, &right);
                let (when_true, when_false) = if operator == Operator::Equal { (equal, different) } else { (different, equal) };
                Typed { when_true, when_false, ..self.joined(operator, left, right, Type::of(Shape::Boolean), range) }
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let right = self.expression(right);
                self.check_ordered(operator, &left, &right, &ranges);
                let when_true = present(&left).both(&present(&right));
                Typed { when_true, ..self.joined(operator, left, right, Type::of(Shape::Boolean), range) }
            }
            Operator::In => {
                let right = self.expression(right);
                self.check_contained(&left, &right, &ranges);
                // Null can be an item of a list, so only the container is known to be there.
                let when_true = present(&right);
                Typed { when_true, ..self.joined(operator, left, right, Type::of(Shape::Boolean), range) }
            }
            Operator::Concatenate => {
                let right = self.expression(right);
                for (operand, range) in [(&left, &ranges[0]), (&right, &ranges[1])] {
                    self.check_operand(operand, Classes::SCALAR, operator.symbol(), range.clone());
                }
                let breaks = left.ty.shape.may_break_lines() || right.ty.shape.may_break_lines();
                let shape = Shape::Text(if breaks { TextFormat::Paragraph } else { TextFormat::Plain });
                let ty = result(shape, &[&left, &right]);
                self.joined(operator, left, right, ty, range)
            }
            Operator::Add | Operator::Subtract | Operator::Multiply => {
                let right = self.expression(right);
                let [left_range, right_range] = ranges;
                let ty = self.arithmetic(&[(&left, left_range), (&right, right_range)], operator.symbol());
                self.joined(operator, left, right, ty, range)
            }
            Operator::Divide | Operator::FloorDivide | Operator::Remainder => {
                let right = self.expression(right);
                let [left_range, right_range] = ranges;
                let mut ty = self.arithmetic(&[(&left, left_range), (&right, right_range.clone())], operator.symbol());
                if operator == Operator::Divide && ty.shape == Shape::Integer {
                    ty.shape = Shape::Number;
                }
                match divisor(&right) {
                    Some(true) => {
                        let message = format!("`{}` is a division by zero", self.text(range.clone()));
                        self.report(Code::TypeMismatch, right_range, message, None);
                    }
                    Some(false) => {}
                    // A division by zero gives null.
                    None => ty.null = true,
                }
                self.joined(operator, left, right, ty, range)
            }
        }
    }

    fn joined(&self, operator: Operator, left: Typed<'p>, right: Typed<'p>, ty: Type<'p>, range: Range<usize>) -> Typed<'p> {
        let compares = matches!(
            operator,
            Operator::Equal | Operator::NotEqual | Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
        );
        // Not where the operands are typed: each value more there is stack for every operand of a long chain.
        let (left, right) = if compares { one_kind(left, right) } else { (left, right) };
        self.made(ExprKind::Binary(operator, Box::new(left.expr), Box::new(right.expr)), ty, range)
    }

    fn arithmetic(&mut self, operands: &[(&Typed<'p>, Range<usize>)], symbol: &str) -> Type<'p> {
        for (operand, range) in operands {
            self.check_operand(operand, Classes::NUMERIC, symbol, range.clone());
        }
        let whole = operands.iter().all(|(operand, _)| operand.ty.shape.classes().within(Classes::INTEGER));
        let operands: Vec<&Typed<'p>> = operands.iter().map(|(operand, _)| *operand).collect();
        result(if whole { Shape::Integer } else { Shape::Number }, &operands)
    }

    fn check_operand(&mut self, operand: &Typed<'p>, allowed: Classes, symbol: &str, range: Range<usize>) {
        if !operand.ty.shape.is(allowed) {
            let seen = operand.ty.shape.describe(self.scope.program);
            let message = format!("`{}` is {seen}, `{symbol}` expects {}", self.text(range.clone()), allowed.describe());
            let help = (symbol == "+" && operand.ty.shape.is(Classes::TEXTUAL)).then(|| "join text with `~`".to_owned());
            self.report(Code::TypeMismatch, range, message, help);
        }
    }

    /// An equality that can never hold is a mistake.
    fn check_comparable(&mut self, operator: Operator, left: &Typed<'p>, right: &Typed<'p>, ranges: &[Range<usize>; 2]) {
        if left.ty.shape == Shape::Never || right.ty.shape == Shape::Never {
            return;
        }
        let [left_range, right_range] = ranges;
        if !comparable(&left.ty.shape, &right.ty.shape) {
            let (one, other) = (left.ty.shape.describe(self.scope.program), right.ty.shape.describe(self.scope.program));
            let message = format!("`{}` is {other}, which is never equal to {one}", self.text(right_range.clone()));
            let help = format!("`{}` is always {}", operator.symbol(), operator == Operator::NotEqual);
            self.report(Code::TypeMismatch, right_range.clone(), message, Some(help));
            return;
        }
        self.check_key(left, right, right_range);
        self.check_key(right, left, left_range);
        self.check_date(left, right, right_range);
        self.check_date(right, left, left_range);
    }

    /// A literal that a date or time is compared with must be written as they are stored.
    fn check_date(&mut self, dated: &Typed<'p>, literal: &Typed<'p>, range: &Range<usize>) {
        let Some(seen) = literal.expr.constant_text() else { return };
        let Some((stored, what)) = as_stored(&dated.ty.shape, seen) else { return };
        if stored.as_deref() != Some(seen) {
            let message = format!("`{seen}` is never equal to what it is compared with, expected {what}");
            self.report_name(Code::TypeMismatch, range.clone(), message, stored.as_deref(), None);
        }
    }

    /// The order of times is that of their texts, so a literal must be written as they are stored, or as the beginning of that.
    fn check_date_order(&mut self, dated: &Typed<'p>, literal: &Typed<'p>, range: &Range<usize>) {
        let Some(seen) = literal.expr.constant_text().filter(|seen| !strftime::begins_stored(seen)) else { return };
        let Some((stored, what)) = as_stored(&dated.ty.shape, seen) else { return };
        let message = format!("`{seen}` has no place in the order of what it is compared with, expected {what}");
        self.report_name(Code::TypeMismatch, range.clone(), message, stored.as_deref(), None);
    }

    /// A literal that is compared with a choice must be one of its keys.
    fn check_key(&mut self, choice: &Typed<'p>, literal: &Typed<'p>, range: &Range<usize>) {
        if let (Shape::Choice(keys), ExprKind::Constant(Constant::Text(seen))) = (&choice.ty.shape, &literal.expr.kind) {
            if keys.iter().any(|key| *key == **seen) {
                return self.note_key(&choice.expr, seen, range.clone());
            }
            let message = format!("`{seen}` is not a key of the choice it is compared with");
            let otherwise = format!("the keys are {}", list(keys.iter()));
            self.report_name(Code::TypeMismatch, range.clone(), message, suggestion(seen, keys.iter()), Some(otherwise));
        }
        if let (Shape::IntegerChoice(options), ExprKind::Constant(Constant::Integer(seen))) = (&choice.ty.shape, &literal.expr.kind)
            && !options.iter().any(|option| option.key == *seen)
        {
            let keys: Vec<String> = options.iter().map(|option| option.key.to_string()).collect();
            let message = format!("`{seen}` is not a key of the choice it is compared with");
            let help = format!("the keys are {}", list(keys.iter().map(String::as_str)));
            self.report(Code::TypeMismatch, range.clone(), message, Some(help));
        }
    }

    fn check_ordered(&mut self, operator: Operator, left: &Typed<'p>, right: &Typed<'p>, ranges: &[Range<usize>; 2]) {
        let ordered = Classes::TEXTUAL.or(Classes::NUMERIC);
        let before = self.failed;
        for (operand, range) in [(left, &ranges[0]), (right, &ranges[1])] {
            self.check_operand(operand, ordered, operator.symbol(), range.clone());
        }
        self.check_date_order(left, right, &ranges[1]);
        self.check_date_order(right, left, &ranges[0]);
        let (one, other) = (&left.ty.shape, &right.ty.shape);
        let known = *one != Shape::Never && *other != Shape::Never && one.is(ordered) && other.is(ordered);
        if known && self.failed == before && !comparable(one, other) {
            let (one, other) = (one.describe(self.scope.program), other.describe(self.scope.program));
            let message = format!("`{}` is {other}, expected {one} like the left side", self.text(ranges[1].clone()));
            self.report(Code::TypeMismatch, ranges[1].clone(), message, None);
        }
    }

    fn check_contained(&mut self, left: &Typed<'p>, right: &Typed<'p>, ranges: &[Range<usize>; 2]) {
        let containers = Classes::LIST.or(Classes::TEXT);
        self.check_operand(right, containers, "in", ranges[1].clone());
        if right.ty.shape != Shape::Any && right.ty.shape.classes().meets(Classes::TEXT) {
            self.check_operand(left, Classes::TEXTUAL, "in", ranges[0].clone());
        }
        let Some(element) = right.ty.shape.element() else { return };
        if left.ty.shape != Shape::Never && element.shape != Shape::Never && !comparable(&left.ty.shape, &element.shape) {
            let seen = left.ty.shape.describe(self.scope.program);
            let items = element.shape.describe(self.scope.program);
            let message = format!("`{}` is {seen}, but each item of the list is {items}", self.text(ranges[0].clone()));
            self.report(Code::TypeMismatch, ranges[0].clone(), message, None);
            return;
        }
        let of_items = Typed { ty: element, ..self.unknown(ranges[1].clone()) };
        self.check_key(&of_items, left, &ranges[0]);
    }

    /// What is known when two things are equal, and when they differ.
    fn equality(&self, left: &Typed<'p>, right: &Typed<'p>) -> (Facts, Facts) {
        let (mut equal, mut different) = (Facts::default(), Facts::default());
        for (one, other) in [(left, right), (right, left)] {
            if let Some(place) = &one.place {
                if other.ty.is_missing() {
                    equal.extend(&Facts::at(place.clone(), Mask::MISSING));
                    different.extend(&Facts::at(place.clone(), Mask::VALUE));
                } else if !other.ty.may_miss() {
                    equal.extend(&Facts::at(place.clone(), Mask::VALUE));
                }
            }
            if let Some((on_equal, on_different)) = self.previous_by_operation(&one.expr, &other.expr) {
                let previous = |mask: Option<Mask>| mask.map(|mask| Facts::at(vec![Step::Previous], mask)).unwrap_or_default();
                equal.extend(&previous(on_equal));
                different.extend(&previous(on_different));
            }
        }
        (equal, different)
    }
}

/// A literal as a date or time of this type is stored, if it can be read as one, and how one is written; `None` for other types.
fn as_stored(dated: &Shape<'_>, seen: &str) -> Option<(Option<String>, &'static str)> {
    if matches!(dated, Shape::Date) {
        Some((strftime::stored_date(seen), "a date such as `2026-01-31`"))
    } else if matches!(dated, Shape::Datetime) {
        Some((strftime::stored_time(seen), "a time in UTC such as `2026-01-31T09:30:00Z`"))
    } else {
        None
    }
}

/// A literal that a number is compared with is a number too: `9007199254740993` becomes what a number that was saved so is.
fn one_kind<'p>(left: Typed<'p>, right: Typed<'p>) -> (Typed<'p>, Typed<'p>) {
    let of_left = left.ty.shape.clone();
    (like(left, &right.ty.shape), like(right, &of_left))
}

#[expect(clippy::cast_precision_loss, reason = "a number is a double")]
fn like<'p>(operand: Typed<'p>, other: &Shape<'_>) -> Typed<'p> {
    let Some(Constant::Integer(integer)) = operand.expr.constant() else { return operand };
    if *other != Shape::Number {
        return operand;
    }
    let number = Constant::Number(*integer as f64);
    Typed { expr: Expr { kind: ExprKind::Constant(number), ..operand.expr }, ..operand }
}

/// That there is a value, if it is a place.
fn present(operand: &Typed<'_>) -> Facts {
    operand.place.as_ref().map(|place| Facts::at(place.clone(), Mask::VALUE)).unwrap_or_default()
}

/// The type of something that is missing when one of the operands is.
pub(super) fn result<'p>(shape: Shape<'p>, operands: &[&Typed<'p>]) -> Type<'p> {
    if operands.iter().any(|operand| operand.ty.is_missing()) {
        return Type::nullable(Shape::Never);
    }
    Type { shape, null: operands.iter().any(|operand| operand.ty.may_miss()), undefined: false }
}

/// Whether a constant divisor is zero; `None` when it is not constant.
fn divisor(right: &Typed<'_>) -> Option<bool> {
    match right.expr.constant() {
        Some(Constant::Integer(integer)) => Some(*integer == 0),
        Some(Constant::Number(number)) => Some(*number == 0.0),
        Some(Constant::Null | Constant::Boolean(_) | Constant::Text(_)) | None => None,
    }
}

/// Whether values of the two can be equal.
fn comparable(one: &Shape<'_>, other: &Shape<'_>) -> bool {
    let folded = |shape: &Shape<'_>| {
        let classes = shape.classes();
        let textual = if classes.meets(Classes::TEXTUAL) { Classes::TEXTUAL } else { Classes(0) };
        let numeric = if classes.meets(Classes::NUMERIC) { Classes::NUMERIC } else { Classes(0) };
        classes.or(textual).or(numeric)
    };
    let secret = Classes::SECRET;
    folded(one).meets(folded(other)) && !one.classes().meets(secret) && !other.classes().meets(secret)
}
