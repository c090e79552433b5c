//! The JSON of a structural body: text → a tree in which everything knows its bytes, with the order of keys and the digits of numbers
//! as written. Templates inside strings are still text. After a mistake reading goes on with what was meant most likely, so that all
//! mistakes of a body are found together.

mod recover;
mod string;

use std::ops::Range;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::program::TemplateSource;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Json {
    pub kind: JsonKind,
    pub range: Range<usize>,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum JsonKind {
    Null,
    Boolean(bool),
    /// As written.
    Number(Box<str>),
    /// Decoded text, whose bytes in the file are known.
    String(TemplateSource),
    Array(Vec<Json>),
    Object(Vec<Member>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Member {
    pub key: String,
    /// With the quotes.
    pub range: Range<usize>,
    pub value: Json,
}

/// Values inside values.
const DEPTH: usize = 64;

/// Reads one JSON value, and says whether it is valid; what is wrong has been reported, and null stands for what could not be read.
pub(super) fn read(source: &TemplateSource, out: &mut Diagnostics) -> (Json, bool) {
    let mut reader = Reader { source, text: &source.text, at: 0, out, open: Vec::new(), failed: false, over: false };
    let value = reader.value(0);
    reader.space();
    if reader.at < reader.text.len() {
        reader.mistake(reader.at..reader.text.trim_end().len(), "text after the end of the JSON value, expected nothing more".to_owned());
    }
    (value, !reader.failed)
}

struct Reader<'a, 'o> {
    source: &'a TemplateSource,
    text: &'a str,
    at: usize,
    out: &'o mut Diagnostics,
    /// What closes the arrays and objects around this place.
    open: Vec<char>,
    failed: bool,
    /// What follows cannot be understood: nothing more is said.
    over: bool,
}

impl<'a> Reader<'a, '_> {
    fn value(&mut self, depth: usize) -> Json {
        self.space();
        let start = self.at;
        let kind = match self.peek() {
            _ if depth > DEPTH => self.stop(start..start + 1, format!("the JSON is nested deeper than {DEPTH} levels")),
            Some('{') if self.rest().starts_with("{{") => return self.unquoted(),
            Some('{') if self.rest().starts_with("{%") => self.block(),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => JsonKind::String(self.string()),
            Some('\'') => JsonKind::String(self.single_quoted()),
            Some('-' | '0'..='9') => self.number(),
            Some(c) if is_word(c) => self.word(),
            Some(c) if self.open.is_empty() => self.stop(start..start + c.len_utf8(), format!("unexpected `{c}`, expected a JSON value")),
            Some(c) => {
                self.mistake(start..start + c.len_utf8(), format!("unexpected `{c}`, expected a JSON value"));
                if !matches!(c, ',' | '}' | ']') {
                    self.skip();
                }
                JsonKind::Null
            }
            None => self.stop(start..start, "the JSON ends here, expected a value".to_owned()),
        };
        Json { kind, range: start..self.at }
    }

    fn object(&mut self, depth: usize) -> JsonKind {
        let open = self.at;
        self.at += 1;
        self.open.push('}');
        let mut members: Vec<Member> = Vec::new();
        let mut keys = rustc_hash::FxHashSet::default();
        while !self.closes(open) {
            let start = self.at;
            let Some(key) = self.key() else { continue };
            let range = start..self.at;
            if key.contains("{{") || key.contains("{%") {
                self.mistake(range.clone(), format!("the key `{key}` holds an expression, expected a literal key"));
            }
            let value = self.member_value(&key, &range, depth);
            // One that may be left out comes out under the same name.
            let name = key.strip_suffix('?').unwrap_or(&key);
            if !keys.insert(name.to_owned()) {
                self.mistake(range.clone(), format!("the key `{name}` stands twice, expected it once"));
            }
            members.push(Member { key, range, value });
            self.separator('}');
        }
        self.open.pop();
        JsonKind::Object(members)
    }

    /// The key of a member; `None` when there is none here, which has been reported.
    fn key(&mut self) -> Option<String> {
        let start = self.at;
        match self.peek()? {
            '"' => Some(self.string().text),
            '\'' => Some(self.single_quoted().text),
            '{' if self.rest().starts_with("{%") => {
                let _: JsonKind = self.block();
                None
            }
            '{' if self.rest().starts_with("{{") => {
                let end = self.rest().find("}}").map_or(2, |length| length + 2);
                self.at += end;
                self.text.get(start..self.at).map(str::to_owned)
            }
            c if is_word(c) => Some(self.bare_key()),
            c => {
                self.mistake(start..start + c.len_utf8(), format!("unexpected `{c}`, expected a key in quotes"));
                self.at += c.len_utf8();
                if c != ',' {
                    self.skip();
                    self.at += usize::from(self.peek() == Some(','));
                }
                None
            }
        }
    }

    /// `: value` after a key.
    fn member_value(&mut self, key: &str, range: &Range<usize>, depth: usize) -> Json {
        self.space();
        match self.peek() {
            Some(':') => self.at += 1,
            Some('=') => {
                self.mistake(self.at..self.at + 1, "unexpected `=`, expected `:`".to_owned());
                self.at += 1;
            }
            _ if self.over => {}
            next => {
                self.mistake(range.clone(), format!("the key `{key}` has no `:` and value after it"));
                if matches!(next, Some(',' | '}' | ']') | None) {
                    return Json { kind: JsonKind::Null, range: range.clone() };
                }
            }
        }
        self.value(depth + 1)
    }

    fn array(&mut self, depth: usize) -> JsonKind {
        let open = self.at;
        self.at += 1;
        self.open.push(']');
        let mut items = Vec::new();
        while !self.closes(open) {
            if self.peek() == Some(',') {
                self.mistake(self.at..self.at + 1, "unexpected `,`, expected a JSON value".to_owned());
                self.at += 1;
                continue;
            }
            items.push(self.value(depth + 1));
            self.separator(']');
        }
        self.open.pop();
        JsonKind::Array(items)
    }

    /// Whether the innermost array or object, which began at `open`, ends here.
    fn closes(&mut self, open: usize) -> bool {
        self.space();
        let closer = self.open.last().copied().unwrap_or('}');
        match self.peek() {
            Some(c) if c == closer => {
                self.at += 1;
                true
            }
            // It closes something further out, or nothing at all.
            Some(c @ ('}' | ']')) if !self.open.contains(&c) => {
                self.mistake(self.at..self.at + 1, format!("unexpected `{c}`, expected `{closer}`"));
                self.at += 1;
                false
            }
            // Where it would close everything although more follows, it is the wrong one.
            Some(c @ ('}' | ']')) if self.open.iter().position(|open| *open == c) == Some(0) && self.more_follows() => {
                self.mistake(self.at..self.at + 1, format!("unexpected `{c}`, expected `{closer}`"));
                self.at += 1;
                true
            }
            Some('}' | ']') | None => {
                let opener = if closer == '}' { '{' } else { '[' };
                self.mistake(open..open + 1, format!("`{opener}` has no `{closer}`"));
                true
            }
            Some(_) => false,
        }
    }

    fn more_follows(&self) -> bool {
        let rest = self.rest().get(1..).unwrap_or_default();
        !self.open.iter().skip(1).any(|open| self.rest().starts_with(*open)) && !rest.trim().is_empty()
    }

    fn number(&mut self) -> JsonKind {
        let start = self.at;
        let length = self.rest().find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(self.rest().len());
        self.at += length;
        let text = self.text.get(start..self.at).unwrap_or_default();
        if serde_json::from_str::<serde_json::Number>(text).is_ok() {
            return JsonKind::Number(text.into());
        }
        self.mistake(start..self.at, format!("`{text}` is not a JSON number"));
        JsonKind::Null
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reports something after which reading can go on.
    fn mistake(&mut self, range: Range<usize>, message: String) {
        let found = self.found(range, message);
        self.report(found);
    }

    fn found(&self, range: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Code::InvalidJsonBody, self.source.span(range), message)
    }

    fn report(&mut self, found: Diagnostic) {
        self.failed = true;
        let place = |found: &Diagnostic| (found.code, found.primary.span.start);
        let is_again = self.out.iter().next_back().is_some_and(|last| place(last) == place(&found));
        if !self.over && !is_again {
            self.out.push(found);
        }
    }

    /// Reports something after which nothing can be understood.
    fn stop(&mut self, range: Range<usize>, message: String) -> JsonKind {
        self.mistake(range, message);
        self.end()
    }

    fn end(&mut self) -> JsonKind {
        self.over = true;
        self.at = self.text.len();
        JsonKind::Null
    }
}

/// Whether it may begin a word without quotes.
fn is_word(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}
