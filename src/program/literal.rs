//! Values written in conditions (`equals`, `one-of`), read as the type of the field they are compared with.

use std::fmt::Display;
use std::ops::Range;

use super::{Choice, FieldType, Kind, Literal, Property};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, one_of, suggestion};
use crate::text::SourceText;

/// The value in `range` of an attribute's text; reports it when it is not of the property's type.
pub(super) fn read(property: &Property, source: &SourceText, range: Range<usize>, out: &mut Diagnostics) -> Option<Literal> {
    let text = source.text.get(range.clone()).unwrap_or("");
    let field = match &property.kind {
        Kind::BelongsTo(_) => return Some(Literal::Text(text.into())),
        Kind::Field(field) => field,
    };
    let (literal, expected) = match field {
        FieldType::Text(_) => return Some(Literal::Text(text.into())),
        FieldType::Number => {
            (text.parse().ok().filter(|number: &f64| number.is_finite()).map(Literal::Number), "a number such as `2.5`".to_owned())
        }
        FieldType::Integer => (text.parse().ok().map(Literal::Integer), "an integer such as `7`".to_owned()),
        FieldType::Boolean => (text.parse().ok().map(Literal::Boolean), "`true` or `false`".to_owned()),
        FieldType::Date => {
            let date = text.parse::<jiff::civil::Date>().ok().map(|date| date.to_string());
            (date.filter(|date| date == text).map(|date| Literal::Text(date.into())), "a date such as `2026-01-31`".to_owned())
        }
        FieldType::Datetime => {
            let instant = text.parse::<jiff::Timestamp>().ok();
            let expected = "a time with its offset such as `2026-01-31T09:30:00Z`".to_owned();
            (instant.map(|instant| Literal::Text(instant.to_string().into())), expected)
        }
        FieldType::SingleChoice(choices) => {
            let found = choices.iter().find(|choice| *choice.key == *text).map(|choice| Literal::Text(choice.key.clone()));
            return found.or_else(|| unknown_key(property, choices, source, range, out));
        }
        FieldType::SingleChoiceInteger(choices) => {
            let key = text.parse::<i64>().ok().filter(|key| choices.iter().any(|choice| choice.key == *key));
            return key.map(Literal::Integer).or_else(|| unknown_key(property, choices, source, range, out));
        }
        FieldType::Location
        | FieldType::Track
        | FieldType::Attachment(_)
        | FieldType::MultipleChoice(_)
        | FieldType::MultipleChoiceInteger(_) => {
            let message = format!("`{}` cannot be compared with a value", property.name);
            let diagnostic = Diagnostic::new(Code::InvalidValue, source.span(range), message).related(property.span, "its declaration");
            out.push(diagnostic.help("use the attribute `when` with an expression"));
            return None;
        }
    };
    if literal.is_none() {
        let message = format!("`{text}` is not a value of `{}`; expected {expected}", property.name);
        out.push(Diagnostic::new(Code::InvalidValue, source.span(range), message).related(property.span, "its declaration"));
    }
    literal
}

fn unknown_key<K: Display>(
    property: &Property,
    choices: &[Choice<K>],
    source: &SourceText,
    range: Range<usize>,
    out: &mut Diagnostics,
) -> Option<Literal> {
    let text = source.text.get(range.clone()).unwrap_or("");
    let span = source.span(range);
    let keys: Vec<String> = choices.iter().map(|choice| choice.key.to_string()).collect();
    // Options that are all wrong have been reported.
    if !keys.is_empty() {
        let listed = one_of(keys.iter().map(String::as_str));
        let message = format!("`{text}` is not an option of `{}`; expected {listed}", property.name);
        let mut diagnostic = Diagnostic::new(Code::InvalidValue, span, message).related(property.span, "its declaration");
        let by_label = choices.iter().find(|choice| &*choice.label == text).map(|choice| choice.key.to_string());
        if let Some(near) = by_label.or_else(|| suggestion(text, keys.iter().map(String::as_str)).map(str::to_owned)) {
            diagnostic = diagnostic.fix(Fix::replace(format!("write `{near}`"), span, near));
        }
        out.push(diagnostic);
    }
    None
}
