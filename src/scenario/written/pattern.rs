//! An expected value: JSON, exact unless it says otherwise, in which a string such as `$datetime` and a map such as
//! `{"$regex": "^a"}` stand for any value of a kind.

use regex_lite::Regex;
use serde_json::Value;

use super::node::{Content, Node};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of, suggestion};
use crate::text::{Span, Spanned};

/// What a value is expected to be.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What fits.
    pub kind: PatternKind,
    /// Where it is written.
    pub span: Span,
}

/// What fits a pattern.
#[derive(Clone, Debug)]
pub enum PatternKind {
    /// This value: null, a boolean, a number or text.
    Scalar(Value),
    /// A list of as many items, each fitting.
    List(Vec<Pattern>),
    /// An object of these keys, and no others.
    Object(Vec<(Spanned<String>, Pattern)>),
    /// `{"$subset": {…}}`: an object that has at least these keys.
    Subset(Vec<(Spanned<String>, Pattern)>),
    /// `{"$contains": […]}`: a list that has an item for each of these.
    Contains(Vec<Pattern>),
    /// `{"$regex": "…"}`: text in which this matches; anchored only with `^` and `$`.
    Regex(Regex),
    /// `$any`, `$datetime`, …
    Form(Form),
}

/// A kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `$any`: anything, also null.
    Any,
    /// `$string`
    String,
    /// `$number`
    Number,
    /// `$integer`: without a fraction.
    Integer,
    /// `$boolean`
    Boolean,
    /// `$datetime`: an RFC 3339 time with an offset, such as `2026-01-31T09:30:00Z`.
    Datetime,
    /// `$date`: a day such as `2026-01-31`.
    Date,
    /// `$uuid`: 32 hexadecimal digits, with or without their hyphens.
    Uuid,
    /// `$url`: an absolute URL.
    Url,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 9] =
        [Self::Any, Self::String, Self::Number, Self::Integer, Self::Boolean, Self::Datetime, Self::Date, Self::Uuid, Self::Url];

    /// How it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "$any",
            Self::String => "$string",
            Self::Number => "$number",
            Self::Integer => "$integer",
            Self::Boolean => "$boolean",
            Self::Datetime => "$datetime",
            Self::Date => "$date",
            Self::Uuid => "$uuid",
            Self::Url => "$url",
        }
    }

    /// Whether a value is of this kind.
    #[must_use]
    pub fn fits(self, value: &Value) -> bool {
        let text = |fits: fn(&str) -> bool| value.as_str().is_some_and(fits);
        match self {
            Self::Any => true,
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Boolean => value.is_boolean(),
            Self::Datetime => text(|text| text.contains(['T', 't']) && text.parse::<jiff::Timestamp>().is_ok()),
            Self::Date => text(|text| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()),
            Self::Uuid => text(|text| uuid::Uuid::try_parse(text).is_ok()),
            Self::Url => text(|text| url::Url::parse(text).is_ok()),
        }
    }
}

/// The forms that are maps of one key.
const MAPS: [&str; 4] = ["$subset", "$contains", "$regex", "$equals"];

impl Pattern {
    /// The value itself, exactly.
    #[must_use]
    pub fn exactly(value: Value, span: Span) -> Self {
        Self { kind: PatternKind::Scalar(value), span }
    }

    pub(super) fn of(node: &Node, out: &mut Diagnostics) -> Self {
        let span = node.span;
        let kind = match &node.content {
            Content::Null | Content::Boolean(_) | Content::Number(_) => PatternKind::Scalar(node.to_json()),
            Content::Text(text) => of_text(text, span, out),
            Content::List(items) => PatternKind::List(items.iter().map(|item| Self::of(item, out)).collect()),
            Content::Map(entries) => match entries.as_slice() {
                [only] if only.key.value.starts_with('$') => of_form(&only.key, &only.value, out),
                entries => PatternKind::Object(entries.iter().map(|entry| (entry.key.clone(), Self::of(&entry.value, out))).collect()),
            },
        };
        Self { kind, span }
    }
}

/// Text is itself, but for the names of forms. `{"$equals": "$any"}` is the text `$any`.
fn of_text(text: &str, span: Span, out: &mut Diagnostics) -> PatternKind {
    if let Some(form) = Form::ALL.into_iter().find(|form| form.as_str() == text) {
        return PatternKind::Form(form);
    }
    let is_name = text.strip_prefix('$').is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()));
    if is_name {
        let names = || Form::ALL.iter().map(|form| form.as_str());
        let found = Diagnostic::new(Code::BadTestValue, span, format!("`{text}` is not a kind of value, expected {}", one_of(names())));
        out.push(match suggestion(text, names()) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found.help(format!("the text itself is written `{{\"$equals\": \"{text}\"}}`")),
        });
    }
    PatternKind::Scalar(Value::String(text.to_owned()))
}

fn of_form(key: &Spanned<String>, node: &Node, out: &mut Diagnostics) -> PatternKind {
    match (key.value.as_str(), &node.content) {
        ("$equals", _) => literally(node),
        ("$subset", Content::Map(entries)) => {
            PatternKind::Subset(entries.iter().map(|entry| (entry.key.clone(), Pattern::of(&entry.value, out))).collect())
        }
        ("$contains", Content::List(items)) => PatternKind::Contains(items.iter().map(|item| Pattern::of(item, out)).collect()),
        ("$regex", Content::Text(text)) => match Regex::new(text) {
            Ok(regex) => PatternKind::Regex(regex),
            Err(error) => {
                out.push(Diagnostic::new(Code::BadTestValue, node.span, format!("`{text}` is not a regular expression: {error}")));
                PatternKind::Form(Form::Any)
            }
        },
        ("$subset" | "$contains" | "$regex", _) => {
            let expected = match key.value.as_str() {
                "$subset" => "a map",
                "$contains" => "a list",
                _ => "a string",
            };
            super::table::mismatch(node, &key.value, expected, out);
            PatternKind::Form(Form::Any)
        }
        (unknown, _) => {
            let message = format!("`{unknown}` is not a way to compare, expected {}", one_of(MAPS));
            let found = Diagnostic::new(Code::UnknownTestKey, key.span, message);
            out.push(found.maybe_help(suggestion(unknown, MAPS).map(|near| format!("did you mean `{near}`?"))));
            PatternKind::Form(Form::Any)
        }
    }
}

/// The node as it is, nothing in it standing for anything else.
fn literally(node: &Node) -> PatternKind {
    let of = |node: &Node| Pattern { kind: literally(node), span: node.span };
    match &node.content {
        Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => PatternKind::Scalar(node.to_json()),
        Content::List(items) => PatternKind::List(items.iter().map(of).collect()),
        Content::Map(entries) => PatternKind::Object(entries.iter().map(|entry| (entry.key.clone(), of(&entry.value))).collect()),
    }
}
