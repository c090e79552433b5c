//! TOML tables as they are read: every value with its place, wrong types and unknown keys collected instead of ending the reading.

use std::ops::Range;

use toml::Spanned as At;
use toml::de::{DeTable, DeValue};

use crate::diagnostics::{one_of, suggestion};
use crate::ids::FileId;
use crate::text::{SourceText, Span, Spanned};

/// Something wrong in `webhookc.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub span: Span,
    /// What was seen, what was expected.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Mistake {
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The file that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'t> {
    pub(super) file: FileId,
    pub(super) text: &'t str,
}

impl Document<'_> {
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }
}

/// A table of which each key is taken once; what is left over at the end is unknown.
pub(super) struct Table<'t> {
    source: Document<'t>,
    /// As a message names it: `webhookc.toml`, `[listen]`.
    name: String,
    pub(super) span: Span,
    entries: Vec<Entry<'t>>,
    known: Vec<&'static str>,
}

struct Entry<'t> {
    key: &'t str,
    span: Span,
    value: &'t At<DeValue<'t>>,
    taken: bool,
}

impl<'t> Table<'t> {
    pub(super) fn new(document: Document<'t>, name: String, range: Range<usize>, table: &'t DeTable<'t>) -> Self {
        let mut entries: Vec<Entry<'t>> =
            table.iter().map(|(key, value)| Entry { key: key.get_ref(), span: document.span(key.span()), value, taken: false }).collect();
        entries.sort_by_key(|entry| entry.span.start);
        Self { source: document, name, span: document.span(range), entries, known: Vec::new() }
    }

    /// The value under `key`, if it is there.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.known.push(key);
        let entry = self.entries.iter_mut().find(|entry| entry.key == key)?;
        entry.taken = true;
        Some(Value { document: self.source, key: entry.key, key_span: entry.span, node: entry.value })
    }

    /// Everything in it, in the order of the file, for tables whose keys are names.
    pub(super) fn into_values(self) -> Vec<Value<'t>> {
        let document = self.source;
        self.entries.into_iter().map(|entry| Value { document, key: entry.key, key_span: entry.span, node: entry.value }).collect()
    }

    /// Reports the keys that nobody has taken.
    pub(super) fn finish(self, out: &mut Vec<Mistake>) {
        for entry in self.entries.iter().filter(|entry| !entry.taken) {
            let mistake = Mistake::new(entry.span, format!("unknown key `{}` in {}", entry.key, self.name));
            out.push(match suggestion(entry.key, self.known.iter().copied()) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help(format!("it may have {}", one_of(self.known.iter().copied()))),
            });
        }
    }
}

/// A value with its key.
#[derive(Clone, Copy)]
pub(super) struct Value<'t> {
    document: Document<'t>,
    pub(super) key: &'t str,
    pub(super) key_span: Span,
    node: &'t At<DeValue<'t>>,
}

impl<'t> Value<'t> {
    pub(super) fn span(&self) -> Span {
        self.document.span(self.node.span())
    }

    pub(super) fn raw(&self) -> &'t DeValue<'t> {
        self.node.get_ref()
    }

    /// Reports that it should have been `expected`, such as "a string".
    pub(super) fn mismatch(&self, expected: &str, out: &mut Vec<Mistake>) {
        let seen = match self.raw() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        out.push(Mistake::new(self.span(), format!("`{}` is {seen}, expected {expected}", self.key)));
    }

    /// A string that is not empty.
    pub(super) fn string(&self, out: &mut Vec<Mistake>) -> Option<Spanned<String>> {
        match self.raw() {
            DeValue::String(text) if text.trim().is_empty() => {
                out.push(Mistake::new(self.span(), format!("`{}` is empty, expected text", self.key)));
                None
            }
            DeValue::String(text) => Some(Spanned::new(text.to_string(), self.span())),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.mismatch("a string", out);
                None
            }
        }
    }

    /// A string as template text that knows the bytes it stands for. A literal with escapes is one piece.
    pub(super) fn template(&self, out: &mut Vec<Mistake>) -> Option<SourceText> {
        let text = self.string(out)?;
        let range = self.node.span();
        let literal = self.document.text.get(range.clone()).unwrap_or("");
        let quotes = if literal.starts_with("\"\"\"") || literal.starts_with("'''") { 3 } else { 1 };
        let inner = literal.get(quotes..literal.len().saturating_sub(quotes)).unwrap_or("");
        // A line break right after the opening quotes is not part of the value.
        let trimmed = if quotes == 3 { inner.strip_prefix("\r\n").or_else(|| inner.strip_prefix('\n')).unwrap_or(inner) } else { inner };
        let start = range.start + quotes + (inner.len() - trimmed.len());
        let span = if trimmed == text.value { Span::new(self.document.file, start, start + trimmed.len()) } else { text.span };
        Some(SourceText::verbatim(&text.value, span))
    }

    /// An integer within bounds.
    pub(super) fn integer(&self, from: u32, to: u32, out: &mut Vec<Mistake>) -> Option<u32> {
        if let DeValue::Integer(number) = self.raw()
            && let Ok(number) = i64::from_str_radix(number.as_str(), number.radix())
        {
            let fitting = u32::try_from(number).ok().filter(|number| (from..=to).contains(number));
            if fitting.is_none() {
                out.push(Mistake::new(self.span(), format!("`{}` is {number}, expected {from} to {to}", self.key)));
            }
            return fitting;
        }
        self.mismatch("an integer", out);
        None
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, out: &mut Vec<Mistake>) -> Option<bool> {
        if let DeValue::Boolean(flag) = self.raw() {
            return Some(*flag);
        }
        self.mismatch("`true` or `false`", out);
        None
    }

    /// The items of a list, each under this value's key.
    pub(super) fn list(&self, out: &mut Vec<Mistake>) -> Option<Vec<Value<'t>>> {
        if let DeValue::Array(items) = self.raw() {
            Some(items.iter().map(|node| Value { node, ..*self }).collect())
        } else {
            self.mismatch("a list", out);
            None
        }
    }

    /// One string or a list of them.
    pub(super) fn strings(&self, out: &mut Vec<Mistake>) -> Vec<Spanned<String>> {
        self.one_or_many().iter().filter_map(|value| value.string(out)).collect()
    }

    /// The items of a list, or the value itself.
    pub(super) fn one_or_many(&self) -> Vec<Value<'t>> {
        match self.raw() {
            DeValue::Array(items) => items.iter().map(|node| Value { node, ..*self }).collect(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => vec![*self],
        }
    }

    /// A table; `name` is for messages.
    pub(super) fn table(&self, name: String, out: &mut Vec<Mistake>) -> Option<Table<'t>> {
        if let DeValue::Table(table) = self.raw() {
            Some(Table::new(self.document, name, self.node.span(), table))
        } else {
            self.mismatch("a table", out);
            None
        }
    }
}
