//! What is not JSON, but what people write: expressions without quotes, comments, words, commas too many or too few. Each is reported
//! once, with a repair where there is a certain one.

use std::ops::Range;

use super::{Json, JsonKind, Reader, is_word};
use crate::diagnostics::{Edit, Fix, suggestion};
use crate::program::TemplateSource;

/// What other languages call the words of JSON.
const FOREIGN_WORDS: &[(&str, &str)] = &[("none", "null"), ("nil", "null"), ("undefined", "null"), ("nan", "null")];

impl Reader<'_, '_> {
    /// White space, and comments, which JSON has not.
    pub(super) fn space(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            let rest = self.rest();
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |length| length + 2)
            } else {
                return;
            };
            let range = self.at..self.at + length;
            let fix = self.replacing("remove it", &[(range.clone(), "")]);
            let mut found = self.found(range, "a comment, which JSON does not have").help("write `{# … #}` inside a string");
            found.fixes.extend(fix);
            self.report(found);
            self.at += length;
        }
    }

    /// What stands between two values, or after the last one.
    pub(super) fn separator(&mut self, closer: char) {
        let before = self.at;
        self.space();
        let at = self.at;
        match self.peek() {
            Some(',') => {
                self.at += 1;
                self.space();
                if let Some(c @ ('}' | ']')) = self.peek() {
                    let fix = self.replacing("remove the comma", &[(at..at + 1, "")]).map(Fix::safe);
                    let mut found = self.found(at..at + 1, format!("unexpected `,` before `{c}`, expected no comma after the last value"));
                    found.fixes.extend(fix);
                    self.report(found);
                }
            }
            None | Some('}' | ']') => {}
            Some('{') if self.rest().starts_with("{%") => {
                let _: JsonKind = self.block();
            }
            Some(c) => {
                let mut found = self.found(at..at + c.len_utf8(), format!("unexpected `{c}`, expected `,` or `{closer}`"));
                let starts_item = closer == ']' && (matches!(c, '{' | '[' | '-') || c.is_ascii_digit());
                let starts_value = starts_item || matches!(c, '"' | '\'') || is_word(c);
                if starts_value {
                    found.fixes.extend(self.replacing("put a comma before it", &[(before..before, ",")]));
                }
                self.report(found);
                if !starts_value {
                    self.at += c.len_utf8();
                    self.skip();
                    self.at += usize::from(self.peek() == Some(','));
                }
            }
        }
    }

    /// Goes on to the end of a value that could not be read.
    pub(super) fn skip(&mut self) {
        let rest = self.rest();
        let length = rest.find([',', '}', ']', '"', '\n']).unwrap_or(rest.len());
        self.at += rest.get(..length).and_then(|skipped| skipped.find("{%")).unwrap_or(length);
    }

    /// `{{ … }}` where a value should be: reported, and read as if it were in quotes.
    pub(super) fn unquoted(&mut self) -> Json {
        let start = self.at;
        let Some(end) = self.end_of_unquoted() else {
            self.mistake(start..start + 2, "`{{` has no `}}`".to_owned());
            self.at = start + 2;
            self.skip();
            return Json { kind: JsonKind::Null, range: start..self.at };
        };
        let range = start..end;
        let seen = self.text.get(range.clone()).unwrap_or_default();
        let mut edits = vec![(start..start, "\"")];
        edits.extend(seen.match_indices('"').map(|(at, _)| (start + at..start + at + 1, "'")));
        edits.push((end..end, "\""));
        // In a text without any quotes the whole body may stand in quotes itself.
        let in_quotes = !self.text.contains('"');
        let fix =
            self.replacing("put quotes round it", &edits).filter(|_| !seen.contains('\\') && (!seen.contains('"') || !seen.contains('\'')));
        let help = "a string that is one expression keeps the type of its value, so put quotes round it";
        let mut found = self.found(range.clone(), format!("`{seen}` is not in quotes, expected a JSON value")).help(help);
        found.fixes.extend(fix.map(|fix| if in_quotes { fix } else { fix.safe() }));
        self.report(found);
        self.at = end;
        Json { kind: JsonKind::String(self.part(range.clone())), range }
    }

    /// Where expressions without quotes, and what is written to them, end; `None` when an expression has no end.
    fn end_of_unquoted(&self) -> Option<usize> {
        let mut at = self.at;
        loop {
            let rest = self.text.get(at..)?;
            let stop = rest.find([',', '}', ']', '"', '\n']).unwrap_or(rest.len());
            match rest.find("{{").filter(|start| *start < stop) {
                Some(start) => at += start + expression_length(rest.get(start..)?)?,
                None => return Some(at + rest.get(..stop)?.trim_end().len()),
            }
        }
    }

    /// `{% … %}` between values: what it encloses would be found wrong only because of it.
    pub(super) fn block(&mut self) -> JsonKind {
        let start = self.at;
        let length = self.rest().find("%}").map_or(2, |length| length + 2);
        let seen = self.rest().get(..length).unwrap_or_default();
        let help = r#"repeat with `{"$for": "part", "$in": "object.parts", "$do": …}`, choose with `{"$if": "…", "$then": …, "$else": …}`"#;
        let found = self.found(start..start + length, format!("`{seen}` stands outside of a string, expected JSON")).help(help);
        self.report(found);
        self.end()
    }

    /// A key without quotes.
    pub(super) fn bare_key(&mut self) -> String {
        let start = self.at;
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '-' | '?'))).unwrap_or(rest.len());
        self.at += length;
        let range = start..self.at;
        let key = rest.get(..length).unwrap_or_default();
        let fix = self.replacing("put quotes round it", &[(start..start, "\""), (range.end..range.end, "\"")]);
        let mut found = self.found(range, format!("the key `{key}` is not in quotes, expected `\"{key}\"`"));
        found.fixes.extend(fix);
        self.report(found);
        key.to_owned()
    }

    /// `true`, `false` or `null`; anything else is reported.
    pub(super) fn word(&mut self) -> JsonKind {
        let (start, rest) = (self.at, self.rest());
        let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        self.at += length;
        match rest.get(..length).unwrap_or_default() {
            "null" => return JsonKind::Null,
            "true" => return JsonKind::Boolean(true),
            "false" => return JsonKind::Boolean(false),
            _ => {}
        }
        self.at = start;
        self.skip();
        let seen = self.text.get(start..self.at).unwrap_or_default().trim_end();
        let range = start..start + seen.len();
        let folded = seen.to_ascii_lowercase();
        let foreign = FOREIGN_WORDS.iter().find(|(word, _)| *word == folded).map(|(_, word)| *word);
        let meant = foreign.or_else(|| suggestion(seen, ["true", "false", "null"]));
        let fix = meant.and_then(|meant| self.replacing(&format!("write `{meant}`"), &[(range.clone(), meant)]));
        let mut found = self.found(range, format!("unexpected `{seen}`, expected a JSON value"));
        found.help.push(match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if seen.contains('.') => format!("an expression stands in quotes and braces: `\"{{{{ {seen} }}}}\"`"),
            None => "text stands in quotes".to_owned(),
        });
        found.fixes.extend(fix);
        self.report(found);
        JsonKind::Null
    }

    /// A range of the text as a text of its own.
    pub(super) fn part(&self, range: Range<usize>) -> TemplateSource {
        let mut part = self.source.within(self.source.span(range.start..range.start));
        part.push_part(self.source, range);
        part
    }

    /// A repair, where every byte to replace stands in the file as it is.
    pub(super) fn replacing(&self, title: &str, edits: &[(Range<usize>, &str)]) -> Option<Fix> {
        let edits = edits.iter().map(|(range, text)| {
            let span = self.source.span(range.clone());
            (span.range().len() == range.len()).then(|| Edit { span, text: (*text).to_owned() })
        });
        Some(Fix { title: title.to_owned(), safe: false, edits: edits.collect::<Option<_>>()? })
    }
}

/// The bytes of the `{{ … }}` at the start of a text; text in quotes may hold braces.
fn expression_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if text.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Some(at + 2),
            Some(_) | None => {}
        }
    }
    None
}
