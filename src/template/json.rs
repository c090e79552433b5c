//! The JSON of a structural body: text → a tree in which everything knows its bytes, with the order of keys and the digits of numbers
//! as written. Templates inside strings are still text. After a mistake that has a certain repair, an expression without quotes,
//! reading goes on.

use std::ops::Range;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix};
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

/// Reads one JSON value; `None` when it is not valid, which has been reported.
pub(super) fn read(source: &TemplateSource, out: &mut Diagnostics) -> Option<Json> {
    let mut reader = Reader { source, text: &source.text, at: 0, out, failed: false };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < reader.text.len() {
        let end = reader.text.len();
        reader.mistake(reader.at..end, "text after the end of the JSON value, expected nothing more".to_owned());
    }
    (!reader.failed).then_some(value)
}

struct Reader<'a, 'o> {
    source: &'a TemplateSource,
    text: &'a str,
    at: usize,
    out: &'o mut Diagnostics,
    failed: bool,
}

impl Reader<'_, '_> {
    fn value(&mut self, depth: usize) -> Option<Json> {
        self.space();
        let start = self.at;
        if depth > DEPTH {
            return self.stop(start..start + 1, format!("the JSON is nested deeper than {DEPTH} levels"));
        }
        let kind = match self.peek() {
            Some('{') if self.rest().starts_with("{{") => return self.unquoted(),
            Some('{') if self.rest().starts_with("{%") => return self.block(),
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => JsonKind::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some(c) if c.is_ascii_alphabetic() => self.word()?,
            Some(c) => return self.stop(start..start + c.len_utf8(), format!("unexpected `{c}`, expected a JSON value")),
            None => return self.stop(start..start, "the JSON ends here, expected a value".to_owned()),
        };
        Some(Json { kind, range: start..self.at })
    }

    fn object(&mut self, depth: usize) -> Option<JsonKind> {
        let open = self.at;
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        let mut keys = rustc_hash::FxHashSet::default();
        loop {
            self.space();
            match self.peek() {
                Some('}') if members.is_empty() => break,
                Some('"') => {}
                Some('{') if self.rest().starts_with("{%") => return self.block(),
                Some('}') => return self.stop(self.at..self.at + 1, "unexpected `}` after a comma, expected another key".to_owned()),
                Some(c) => return self.stop(self.at..self.at + c.len_utf8(), format!("unexpected `{c}`, expected a key in quotes")),
                None => return self.stop(open..open + 1, "`{` has no `}`".to_owned()),
            }
            let start = self.at;
            let key = self.string()?.text;
            let range = start..self.at;
            if key.contains("{{") {
                let message = format!("the key `{key}` holds an expression, expected a literal key");
                self.mistake(range.clone(), message);
            }
            self.space();
            if self.peek() != Some(':') {
                return self.stop(range, format!("the key `{key}` has no `:` and value after it"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            if !keys.insert(key.clone()) {
                self.mistake(range.clone(), format!("the key `{key}` stands twice, expected it once"));
            }
            members.push(Member { key, range, value });
            self.space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some('}') => break,
                Some(c) => return self.stop(self.at..self.at + c.len_utf8(), format!("unexpected `{c}`, expected `,` or `}}`")),
                None => return self.stop(open..open + 1, "`{` has no `}`".to_owned()),
            }
        }
        self.at += 1;
        Some(JsonKind::Object(members))
    }

    fn array(&mut self, depth: usize) -> Option<JsonKind> {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(']') {
            self.at += 1;
            return Some(JsonKind::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => break,
                Some(c) => return self.stop(self.at..self.at + c.len_utf8(), format!("unexpected `{c}`, expected `,` or `]`")),
                None => return self.stop(open..open + 1, "`[` has no `]`".to_owned()),
            }
        }
        self.at += 1;
        Some(JsonKind::Array(items))
    }

    /// A string, decoded; every piece of it knows its bytes.
    fn string(&mut self) -> Option<TemplateSource> {
        let open = self.at;
        self.at += 1;
        let mut decoded = TemplateSource::empty(self.source.span(self.at..self.at));
        loop {
            let rest = self.rest();
            let Some((length, c)) = rest.char_indices().find(|(_, c)| matches!(c, '"' | '\\' | '\u{0}'..='\u{1f}')) else {
                return self.stop(open..open + 1, "the string has no closing `\"`".to_owned());
            };
            decoded.push_part(self.source, self.at..self.at + length);
            self.at += length;
            match c {
                '"' => {
                    self.at += 1;
                    return Some(decoded);
                }
                '\\' => self.escape(&mut decoded)?,
                // A line break is common in hand-written text, and means itself.
                control => {
                    let seen = control.escape_default();
                    let message = format!("`{seen}` in a string, expected it escaped as `\\u{:04x}`", u32::from(control));
                    self.mistake(self.at..self.at + 1, message);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self, decoded: &mut TemplateSource) -> Option<()> {
        let start = self.at;
        let rest = self.rest();
        let (c, length) = match rest.chars().nth(1) {
            Some(c @ ('"' | '\\' | '/')) => (c, 2),
            Some('b') => ('\u{8}', 2),
            Some('f') => ('\u{c}', 2),
            Some('n') => ('\n', 2),
            Some('r') => ('\r', 2),
            Some('t') => ('\t', 2),
            Some('u') => match code_point(rest) {
                Some(found) => found,
                None => return self.stop(start..start + 2, "`\\u` is not followed by the four digits of a character".to_owned()),
            },
            Some(other) => {
                let length = 1 + other.len_utf8();
                return self.stop(start..start + length, format!("`\\{other}` is not an escape of JSON, expected such as `\\n` or `\\\"`"));
            }
            None => return self.stop(start..start + 1, "the string has no closing `\"`".to_owned()),
        };
        self.at += length;
        decoded.push(c.encode_utf8(&mut [0; 4]), self.source.span(start..self.at));
        Some(())
    }

    fn number(&mut self) -> Option<JsonKind> {
        let start = self.at;
        let length = self.rest().find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(self.rest().len());
        self.at += length;
        let text = self.text.get(start..self.at).unwrap_or_default();
        if !is_number(text) {
            return self.stop(start..self.at, format!("`{text}` is not a JSON number"));
        }
        Some(JsonKind::Number(text.into()))
    }

    fn word(&mut self) -> Option<JsonKind> {
        let start = self.at;
        let length = self.rest().find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest().len());
        self.at += length;
        match self.text.get(start..self.at) {
            Some("null") => Some(JsonKind::Null),
            Some("true") => Some(JsonKind::Boolean(true)),
            Some("false") => Some(JsonKind::Boolean(false)),
            other => self.stop(start..start + length, format!("unexpected `{}`, expected a JSON value", other.unwrap_or_default())),
        }
    }

    /// `{{ … }}` where a value should be: reported, and read as if it were in quotes.
    fn unquoted(&mut self) -> Option<Json> {
        let start = self.at;
        let Some(length) = self.rest().find("}}") else {
            return self.stop(start..start + 2, "`{{` has no `}}`".to_owned());
        };
        let range = start..start + length + 2;
        let seen = self.text.get(range.clone()).unwrap_or_default();
        let span = self.source.span(range.clone());
        let message = format!("`{seen}` is not in quotes, expected a JSON value");
        let help = "a string that is one expression keeps the type of its value, so put quotes round it";
        let mut found = Diagnostic::new(Code::InvalidJsonBody, span, message).help(help);
        if !seen.contains('"') {
            found = found.fix(Fix::replace("put quotes round it", span, format!("\"{seen}\"")));
        }
        self.failed = true;
        self.out.push(found);
        self.at = range.end;
        Some(Json { kind: JsonKind::Null, range })
    }

    /// `{% … %}` between values.
    fn block<T>(&mut self) -> Option<T> {
        let start = self.at;
        let length = self.rest().find("%}").map_or(2, |length| length + 2);
        let seen = self.text.get(start..start + length).unwrap_or_default();
        let message = format!("`{seen}` stands outside of a string, expected JSON");
        let help = r#"repeat with `{"$for": "part", "$in": "object.parts", "$do": …}`, choose with `{"$if": "…", "$then": …, "$else": …}`"#;
        self.failed = true;
        self.out.push(Diagnostic::new(Code::InvalidJsonBody, self.source.span(start..start + length), message).help(help));
        None
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Reports something after which reading can go on.
    fn mistake(&mut self, range: Range<usize>, message: String) {
        self.failed = true;
        self.out.push(Diagnostic::new(Code::InvalidJsonBody, self.source.span(range), message));
    }

    fn stop<T>(&mut self, range: Range<usize>, message: String) -> Option<T> {
        self.mistake(range, message);
        None
    }
}

/// The character of `\uXXXX`, or of a surrogate pair, and how many bytes it takes.
fn code_point(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| text.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let first = unit(2)?;
    if let Some(Ok(c)) = char::decode_utf16([first]).next() {
        return Some((c, 6));
    }
    let second = text.get(6..8).filter(|escape| *escape == "\\u").and_then(|_| unit(8))?;
    char::decode_utf16([first, second]).next()?.ok().map(|c| (c, 12))
}

fn is_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}
