//! What filters and binary operators do to values. Something missing stays missing; nothing overflows: an integer that grows too large
//! becomes a number, a number that grows too large the largest one, and a division by zero null.

use rustc_hash::FxHashSet;

use super::limits;
use super::signatures::Filter;
use super::strftime;
use super::value::{List, Value};
use super::write::{Bounded, Refusal};
use super::written::Operator;
use crate::program::{Kind, Program};

/// Applies a filter.
///
/// # Errors
/// When the input or an argument is of the wrong type, or the text grows too long.
pub(super) fn apply<'a>(filter: Filter, input: Value<'a>, arguments: &[Value<'a>], program: &'a Program) -> Result<Value<'a>, Refusal> {
    if filter == Filter::Default {
        let other = || arguments.first().cloned().unwrap_or(Value::Null);
        let also_false = arguments.get(1).is_some_and(Value::is_true);
        return Ok(if input.is_missing() || (also_false && !input.is_true()) { other() } else { input });
    }
    if input.is_missing() {
        return Ok(Value::Null);
    }
    match filter {
        Filter::ToJson => {
            let mut out = Bounded::new(limits::BODY_BYTES);
            out.json(&input, program)?;
            Ok(Value::text(out.text))
        }
        Filter::Abs | Filter::Round | Filter::Float | Filter::Int => numeric(filter, &input, arguments),
        Filter::Join | Filter::Map | Filter::Sort | Filter::Unique => listed(filter, input, arguments, program),
        Filter::First | Filter::Last | Filter::Reverse | Filter::Length => sequence(filter, input),
        Filter::String | Filter::UrlEncode => {
            let mut out = Bounded::new(limits::BODY_BYTES);
            out.print(&input)?;
            Ok(if filter == Filter::String { Value::text(out.text) } else { Value::text(super::url::encode(&out.text)) })
        }
        Filter::Upper
        | Filter::Lower
        | Filter::Title
        | Filter::Capitalize
        | Filter::Trim
        | Filter::Truncate
        | Filter::Replace
        | Filter::Split
        | Filter::Date
        | Filter::Default => textual(filter, &input, arguments),
    }
}

fn wrong(value: &Value<'_>, expected: &str) -> Refusal {
    format!("the value is {}, expected {expected}", value.describe())
}

fn textual<'a>(filter: Filter, input: &Value<'a>, arguments: &[Value<'a>]) -> Result<Value<'a>, Refusal> {
    let text = input.as_text().ok_or_else(|| wrong(input, "text"))?;
    let argument = |index: usize| arguments.get(index).and_then(Value::as_text).unwrap_or_default();
    Ok(Value::text(match filter {
        Filter::Upper => text.to_uppercase(),
        Filter::Lower => text.to_lowercase(),
        Filter::Title => title(text),
        Filter::Capitalize => capitalize(text),
        Filter::Trim => text.trim().to_owned(),
        Filter::Truncate => truncate(text, arguments.first()),
        Filter::Date => strftime::format(text, argument(0))?,
        Filter::Replace => {
            let (from, to) = (argument(0), argument(1));
            if from.is_empty() {
                return Ok(input.clone());
            }
            let mut out = Bounded::new(limits::BODY_BYTES);
            for (index, part) in text.split(from).enumerate() {
                if index > 0 {
                    out.push(to)?;
                }
                out.push(part)?;
            }
            out.text
        }
        Filter::Split => {
            let parts: Vec<Value<'a>> = match argument(0) {
                "" => text.split_whitespace().map(|part| Value::text(part.to_owned())).collect(),
                separator => text.split(separator).map(|part| Value::text(part.to_owned())).collect(),
            };
            return Ok(Value::List(List::Made(parts.into())));
        }
        Filter::Abs
        | Filter::Default
        | Filter::First
        | Filter::Float
        | Filter::Int
        | Filter::Join
        | Filter::Last
        | Filter::Length
        | Filter::Map
        | Filter::Reverse
        | Filter::Round
        | Filter::Sort
        | Filter::String
        | Filter::ToJson
        | Filter::Unique
        | Filter::UrlEncode => text.to_owned(),
    }))
}

fn capitalize(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters.as_str().to_lowercase().chars()).collect()
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric() || (inside && c == '\'');
    }
    out
}

fn truncate(text: &str, length: Option<&Value<'_>>) -> String {
    let length = if let Some(Value::Integer(length)) = length { usize::try_from(*length).unwrap_or(0) } else { 0 };
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept = text.chars().take(length.saturating_sub(1));
    kept.chain((length > 0).then_some('…')).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "bounds are checked, and a number is a double here")]
fn numeric<'a>(filter: Filter, input: &Value<'a>, arguments: &[Value<'a>]) -> Result<Value<'a>, Refusal> {
    /// The doubles between these are integers of 64 bits.
    const INTEGERS: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    let parsed = if let Value::Text(text) = input {
        let text = text.trim();
        match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(integer), _) => Value::Integer(integer),
            (Err(_), Ok(number)) if number.is_finite() => Value::Number(number),
            (Err(_), _) => return Ok(Value::Null),
        }
    } else if let Value::Boolean(boolean) = input {
        Value::Integer(i64::from(*boolean))
    } else {
        input.clone()
    };
    let digits = if let Some(Value::Integer(digits)) = arguments.first() { (*digits).clamp(-20, 20) as i32 } else { 0 };
    Ok(match (filter, &parsed) {
        (Filter::Abs, Value::Integer(integer)) => Value::Integer(integer.saturating_abs()),
        (Filter::Abs, Value::Number(number)) => Value::Number(number.abs()),
        (Filter::Round | Filter::Int, Value::Integer(integer)) => Value::Integer(*integer),
        (Filter::Round, Value::Number(number)) => {
            let scale = 10_f64.powi(digits);
            let scaled = number * scale;
            // A number so large that it has no digits to round stays as it is.
            if scaled.is_finite() { Value::number(scaled.round() / scale) } else { Value::Number(*number) }
        }
        (Filter::Float, Value::Integer(integer)) => Value::Number(*integer as f64),
        (Filter::Float, Value::Number(number)) => Value::Number(*number),
        (Filter::Int, Value::Number(number)) if INTEGERS.contains(number) => Value::Integer(number.trunc() as i64),
        (Filter::Int, Value::Number(_)) => Value::Null,
        _ => return Err(wrong(input, "a number")),
    })
}

fn sequence(filter: Filter, input: Value<'_>) -> Result<Value<'_>, Refusal> {
    let count = |length: usize| Value::Integer(i64::try_from(length).unwrap_or(i64::MAX));
    Ok(match (filter, input) {
        (Filter::Length, Value::Text(text)) => count(text.chars().count()),
        (Filter::Length, Value::List(list)) => count(list.len()),
        (Filter::Length, Value::Map(map)) => count(map.len()),
        (Filter::First, Value::Text(text)) => text.chars().next().map_or(Value::Null, |c| Value::text(c.to_string())),
        (Filter::Last, Value::Text(text)) => text.chars().next_back().map_or(Value::Null, |c| Value::text(c.to_string())),
        (Filter::First, Value::List(list)) => list.get(0).unwrap_or(Value::Null),
        (Filter::Last, Value::List(list)) => list.iter().next_back().unwrap_or(Value::Null),
        (Filter::Reverse, Value::Text(text)) => Value::text(text.chars().rev().collect()),
        (Filter::Reverse, Value::List(list)) => Value::List(List::Made(list.iter().rev().collect())),
        (_, other) => return Err(wrong(&other, "text or a list")),
    })
}

fn listed<'a>(filter: Filter, input: Value<'a>, arguments: &[Value<'a>], program: &'a Program) -> Result<Value<'a>, Refusal> {
    let Value::List(list) = input else { return Err(wrong(&input, "a list")) };
    let argument = arguments.first().and_then(Value::as_text).unwrap_or_default();
    Ok(match filter {
        Filter::Join => {
            let mut out = Bounded::new(limits::BODY_BYTES);
            for (index, item) in list.iter().filter(|item| !item.is_missing()).enumerate() {
                if index > 0 {
                    out.push(argument)?;
                }
                out.print(&item)?;
            }
            Value::text(out.text)
        }
        Filter::Map => Value::List(List::Made(list.iter().map(|item| attribute(&item, argument, program)).collect())),
        Filter::Sort => {
            let mut items: Vec<Value<'a>> = list.iter().collect();
            // What has no order keeps its place after what has one.
            items.sort_by(|one, other| {
                let rank = |value: &Value<'_>| match value {
                    Value::Integer(_) | Value::Number(_) => 0,
                    Value::Text(_) => 1,
                    Value::Boolean(_)
                    | Value::Undefined
                    | Value::Null
                    | Value::List(_)
                    | Value::Map(_)
                    | Value::Object(_)
                    | Value::Secret(_) => 2,
                };
                rank(one).cmp(&rank(other)).then(one.order(other).unwrap_or(std::cmp::Ordering::Equal))
            });
            Value::List(List::Made(items.into()))
        }
        Filter::Unique => {
            // The JSON of an item says what it is, so that a long list is not compared pair by pair.
            let mut seen = FxHashSet::default();
            let mut items: Vec<Value<'a>> = Vec::with_capacity(list.len());
            for item in list.iter() {
                let mut key = Bounded::new(limits::BODY_BYTES);
                key.json(&item, program)?;
                if seen.insert(key.text) {
                    items.push(item);
                }
            }
            Value::List(List::Made(items.into()))
        }
        Filter::Abs
        | Filter::Capitalize
        | Filter::Date
        | Filter::Default
        | Filter::First
        | Filter::Float
        | Filter::Int
        | Filter::Last
        | Filter::Length
        | Filter::Lower
        | Filter::Replace
        | Filter::Reverse
        | Filter::Round
        | Filter::Split
        | Filter::String
        | Filter::Title
        | Filter::ToJson
        | Filter::Trim
        | Filter::Truncate
        | Filter::Upper
        | Filter::UrlEncode => Value::List(list),
    })
}

/// What `item.name` reads; undefined when it has no such part.
pub(super) fn attribute<'a>(item: &Value<'a>, name: &str, program: &'a Program) -> Value<'a> {
    match item {
        Value::Map(map) => map.get(name).unwrap_or(Value::Undefined),
        Value::Object(object) => {
            let record = object.record;
            let model = program.model(record.model);
            if let Some(property) = model.property_named(name)
                && matches!(model.property(property).kind, Kind::Field(_))
            {
                return Value::of_json(record.value(property));
            }
            match name {
                "id" => return Value::borrowed(&record.id),
                "type" => return Value::borrowed(&model.name),
                "updated_at" => return Value::borrowed(&record.updated_at),
                _ => {}
            }
            let Some(property) = name.strip_suffix("_id").and_then(|relation| model.property_named(relation)) else {
                return Value::Undefined;
            };
            let stored = record.value(property);
            // An attachment is stored as an object, a belongs-to as the id itself.
            Value::of_json(stored.get("id").unwrap_or(stored))
        }
        Value::Undefined
        | Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Secret(_) => Value::Undefined,
    }
}

/// Applies a binary operator.
///
/// # Errors
/// When an operand is of the wrong type, or the text grows too long.
pub(super) fn operate<'a>(operator: Operator, left: &Value<'a>, right: Value<'a>) -> Result<Value<'a>, Refusal> {
    use std::cmp::Ordering;
    let order = |test: fn(Ordering) -> bool| Ok(Value::Boolean(left.order(&right).is_some_and(test)));
    match operator {
        Operator::And | Operator::Or => Ok(right),
        Operator::Equal => Ok(Value::Boolean(left.equals(&right))),
        Operator::NotEqual => Ok(Value::Boolean(!left.equals(&right))),
        Operator::Less => order(Ordering::is_lt),
        Operator::LessOrEqual => order(Ordering::is_le),
        Operator::Greater => order(Ordering::is_gt),
        Operator::GreaterOrEqual => order(Ordering::is_ge),
        Operator::In => match (left, &right) {
            (_, Value::Undefined | Value::Null) | (Value::Undefined | Value::Null, Value::Text(_)) => Ok(Value::Boolean(false)),
            (item, Value::List(list)) => Ok(Value::Boolean(list.iter().any(|other| other.equals(item)))),
            (Value::Text(part), Value::Text(text)) => Ok(Value::Boolean(text.contains(part.as_ref()))),
            (_, other) => Err(wrong(other, "a list")),
        },
        Operator::Concatenate => {
            if left.is_missing() || right.is_missing() {
                return Ok(Value::Null);
            }
            let mut out = Bounded::new(limits::BODY_BYTES);
            out.print(left)?;
            out.print(&right)?;
            Ok(Value::text(out.text))
        }
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::FloorDivide | Operator::Remainder => {
            arithmetic(operator, left, &right)
        }
    }
}

fn arithmetic<'a>(operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Result<Value<'a>, Refusal> {
    if left.is_missing() || right.is_missing() {
        return Ok(Value::Null);
    }
    if let (Value::Integer(one), Value::Integer(other)) = (left, right) {
        let exact = match operator {
            Operator::Add => one.checked_add(*other),
            Operator::Subtract => one.checked_sub(*other),
            Operator::Multiply => one.checked_mul(*other),
            Operator::FloorDivide => one.checked_div_euclid(*other),
            Operator::Remainder => one.checked_rem_euclid(*other),
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::In
            | Operator::And
            | Operator::Or
            | Operator::Divide
            | Operator::Concatenate => None,
        };
        if let Some(integer) = exact {
            return Ok(Value::Integer(integer));
        }
    }
    let number = |value: &Value<'a>| value.as_number().ok_or_else(|| wrong(value, "a number"));
    let (one, other) = (number(left)?, number(right)?);
    let divides = matches!(operator, Operator::Divide | Operator::FloorDivide | Operator::Remainder);
    Ok(match operator {
        _ if divides && other == 0.0 => Value::Null,
        Operator::Add => Value::number(one + other),
        Operator::Subtract => Value::number(one - other),
        Operator::Multiply => Value::number(one * other),
        Operator::Divide => Value::number(one / other),
        Operator::FloorDivide => Value::number(one.div_euclid(other)),
        Operator::Remainder => Value::number(one.rem_euclid(other)),
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::In
        | Operator::And
        | Operator::Or
        | Operator::Concatenate => return Err(format!("`{}` is not arithmetic", operator.symbol())),
    })
}
