//! A pattern and a value → the first place where they differ, and both as text that can be compared line by line.

use serde_json::{Map, Value};

use crate::report::unified;
use crate::scenario::written::{Pattern, PatternKind};
use crate::text::{Span, Spanned};

/// The first place where a value is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where in the value: `object.tags[2]`; empty for all of it.
    pub path: String,
    /// The pattern that does not fit.
    pub span: Span,
    /// What would fit.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

/// Characters of a value in a sentence.
const SHOWN: usize = 120;

/// The first difference, in the order of the pattern.
#[must_use]
pub fn difference(pattern: &Pattern, value: &Value) -> Option<Difference> {
    differ(pattern, value, &mut Vec::new())
}

/// What is expected and what was seen as a diff, so that only what differs shows: where a matcher fits, the value stands on both sides.
#[must_use]
pub fn diff(pattern: &Pattern, value: &Value) -> String {
    let pretty = |value: &Value| match value {
        Value::String(text) => format!("{text}\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
        }
    };
    let text = unified("", &pretty(&filled(pattern, Some(value))), &pretty(value));
    body_of_diff(&text)
}

/// A unified diff without the two lines that name files.
pub(super) fn body_of_diff(text: &str) -> String {
    text.split_inclusive('\n').skip(2).collect()
}

/// A value as a sentence shows it.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn differ(pattern: &Pattern, value: &Value, path: &mut Vec<String>) -> Option<Difference> {
    let here =
        |expected: String, path: &[String]| Some(Difference { path: joined(path), span: pattern.span, expected, seen: shown(value) });
    match (&pattern.kind, value) {
        (PatternKind::Scalar(expected), _) => {
            if equal(expected, value) {
                None
            } else {
                here(shown(expected), path)
            }
        }
        (PatternKind::Form(form), _) => {
            if form.fits(value) {
                None
            } else {
                here(form.as_str().to_owned(), path)
            }
        }
        (PatternKind::Regex(regex), Value::String(text)) if regex.is_match(text) => None,
        (PatternKind::Regex(regex), _) => here(format!("text that matches `{}`", regex.as_str()), path),
        (PatternKind::List(patterns), Value::Array(items)) => {
            for (index, (pattern, item)) in patterns.iter().zip(items).enumerate() {
                path.push(format!("[{index}]"));
                let found = differ(pattern, item, path);
                path.pop();
                if found.is_some() {
                    return found;
                }
            }
            if patterns.len() == items.len() {
                None
            } else {
                here(format!("a list of {}", patterns.len()), path)
                    .map(|found| Difference { seen: format!("a list of {}", items.len()), ..found })
            }
        }
        (PatternKind::List(patterns), _) => here(format!("a list of {}", patterns.len()), path),
        (PatternKind::Contains(patterns), Value::Array(items)) => {
            let missing = patterns.iter().find(|pattern| !items.iter().any(|item| difference(pattern, item).is_none()))?;
            let expected = format!("an item that is {}", shown(&filled(missing, None)));
            Some(Difference { path: joined(path), span: missing.span, expected, seen: shown(value) })
        }
        (PatternKind::Contains(_), _) => here("a list".to_owned(), path),
        (PatternKind::Object(entries), Value::Object(object)) => fields(entries, object, path).or_else(|| {
            let extra = object.iter().find(|(key, _)| !entries.iter().any(|(known, _)| known.value == **key));
            let (key, value) = extra?;
            path.push(key.clone());
            let found = Difference { path: joined(path), span: pattern.span, expected: "no such key".to_owned(), seen: shown(value) };
            path.pop();
            Some(found)
        }),
        (PatternKind::Subset(entries), Value::Object(object)) => fields(entries, object, path),
        (PatternKind::Object(_) | PatternKind::Subset(_), _) => here("an object".to_owned(), path),
    }
}

/// The first key whose value differs.
fn fields(entries: &[(Spanned<String>, Pattern)], object: &Map<String, Value>, path: &mut Vec<String>) -> Option<Difference> {
    entries.iter().find_map(|(key, pattern)| {
        path.push(key.value.clone());
        let found = if let Some(value) = object.get(&key.value) {
            differ(pattern, value, path)
        } else {
            let (expected, seen) = (shown(&filled(pattern, None)), "nothing, there is no such key".to_owned());
            Some(Difference { path: joined(path), span: key.span, expected, seen })
        };
        path.pop();
        found
    })
}

fn joined(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        if !text.is_empty() && !part.starts_with('[') {
            text.push('.');
        }
        text.push_str(part);
    }
    text
}

/// Numbers are equal by value: `1` is `1.0`.
fn equal(expected: &Value, value: &Value) -> bool {
    expected == value
        || matches!((expected, value), (Value::Number(a), Value::Number(b)) if !(a.is_i64() && b.is_i64()) && a.as_f64() == b.as_f64())
}

/// The pattern as a value, taking from `seen` what fits.
fn filled(pattern: &Pattern, seen: Option<&Value>) -> Value {
    if let Some(seen) = seen
        && difference(pattern, seen).is_none()
    {
        return seen.clone();
    }
    let object = |entries: &[(Spanned<String>, Pattern)]| {
        let of = |key: &str| seen.and_then(|seen| seen.get(key));
        entries.iter().map(|(key, pattern)| (key.value.clone(), filled(pattern, of(&key.value)))).collect::<Map<_, _>>()
    };
    match &pattern.kind {
        PatternKind::Scalar(value) => value.clone(),
        PatternKind::Form(form) => Value::from(form.as_str()),
        PatternKind::Regex(regex) => serde_json::json!({ "$regex": regex.as_str() }),
        PatternKind::List(patterns) => {
            patterns.iter().enumerate().map(|(index, pattern)| filled(pattern, seen.and_then(|seen| seen.get(index)))).collect()
        }
        PatternKind::Contains(patterns) => {
            serde_json::json!({ "$contains": patterns.iter().map(|item| filled(item, None)).collect::<Vec<_>>() })
        }
        PatternKind::Object(entries) => Value::Object(object(entries)),
        PatternKind::Subset(entries) => {
            let mut all = seen.and_then(Value::as_object).cloned().unwrap_or_default();
            all.extend(object(entries));
            Value::Object(all)
        }
    }
}
