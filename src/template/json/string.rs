//! Strings of a structural body: decoded, with every piece knowing its bytes. Quotes that are wrong, escapes that JSON has not and line
//! breaks are reported, and the string goes on as it was meant.

use super::Reader;
use crate::diagnostics::Fix;
use crate::program::TemplateSource;

impl Reader<'_, '_> {
    /// A string in double quotes.
    pub(super) fn string(&mut self) -> TemplateSource {
        let open = self.at;
        self.at += 1;
        let mut decoded = self.source.within(self.source.span(self.at..self.at));
        decoded.stands_in('"');
        let mut control_seen = false;
        loop {
            let rest = self.rest();
            let Some((length, c)) = rest.char_indices().find(|(_, c)| matches!(c, '"' | '\\' | '\u{0}'..='\u{1f}')) else {
                self.stop(open..open + 1, "the string has no closing `\"`".to_owned());
                return decoded;
            };
            decoded.push_part(self.source, self.at..self.at + length);
            self.at += length;
            match c {
                '"' if self.quotes_in_expression(&mut decoded) => {}
                '"' => {
                    self.at += 1;
                    return decoded;
                }
                '\\' => self.escape(&mut decoded),
                '\r' | '\n' if ends_at_line(self.rest()) => {
                    self.mistake(open..open + 1, "the string has no closing `\"`".to_owned());
                    // A comma that was meant to stand behind the string is read again.
                    let written = self.text.get(open + 1..self.at).unwrap_or_default();
                    self.at = open + 1 + written.trim_end().trim_end_matches(',').len();
                    return decoded;
                }
                control => {
                    if !control_seen {
                        let seen = control.escape_default();
                        let message = format!("`{seen}` in a string, expected it escaped as `\\u{:04x}`", u32::from(control));
                        self.mistake(self.at..self.at + 1, message);
                    }
                    control_seen = true;
                    self.at += 1;
                }
            }
        }
    }

    /// Takes `"x"` inside of `{{ … }}`, where it ends the JSON string although it was meant to be a text of the expression.
    fn quotes_in_expression(&mut self, decoded: &mut TemplateSource) -> bool {
        if decoded.text.rfind("{{") <= decoded.text.rfind("}}") {
            return false;
        }
        let (start, rest) = (self.at, self.rest());
        let line = rest.split('\n').next().unwrap_or_default();
        let Some(inside) = line.find("}}").and_then(|length| line.get(..length)) else { return false };
        if inside.contains("{{") || inside.contains('\\') || inside.matches('"').count() % 2 == 1 {
            return false;
        }
        let end = start + inside.rfind('"').map_or(1, |last| last + 1);
        let seen = self.text.get(start..end).unwrap_or_default();
        let edits: Vec<_> = seen.match_indices('"').map(|(at, _)| (start + at..start + at + 1, "'")).collect();
        let fix =
            self.replacing("use single quotes", &edits).filter(|_| !inside.contains('\'') && decoded.free_quote().is_some()).map(Fix::safe);
        let message = "a `\"` inside an expression ends the JSON string, expected single quotes there";
        let mut found = self.found(start..end, message);
        found.fixes.extend(fix);
        self.report(found);
        decoded.push_part(self.source, start..start + inside.len());
        self.at = start + inside.len();
        true
    }

    /// A string in single quotes, which JSON has not.
    pub(super) fn single_quoted(&mut self) -> TemplateSource {
        let start = self.at;
        let line = self.rest().split('\n').next().unwrap_or_default();
        let mut in_expression = false;
        let mut previous = '\'';
        let close = line.char_indices().skip(1).find(|(_, c)| {
            in_expression = match (previous, *c) {
                ('{', '{') => true,
                ('}', '}') => false,
                _ => in_expression,
            };
            previous = *c;
            *c == '\'' && !in_expression
        });
        let Some((length, _)) = close else {
            self.mistake(start..start + 1, "unexpected `'`, expected a JSON value".to_owned());
            self.at += 1;
            self.skip();
            return TemplateSource::empty(self.source.span(start..start));
        };
        let inner = start + 1..start + length;
        self.at = inner.end + 1;
        let range = start..self.at;
        let seen = self.text.get(range.clone()).unwrap_or_default();
        let fix = self.replacing("use double quotes", &[(start..start + 1, "\""), (inner.end..range.end, "\"")]);
        let mut found = self.found(range, format!("`{seen}` is in single quotes, expected double quotes"));
        found.fixes.extend(fix.filter(|_| !seen.contains(['"', '\\'])).map(Fix::safe));
        self.report(found);
        self.part(inner)
    }

    fn escape(&mut self, decoded: &mut TemplateSource) {
        let start = self.at;
        let rest = self.rest();
        let (c, length) = match rest.chars().nth(1) {
            Some(c @ ('"' | '\\' | '/')) => (c, 2),
            Some('b') => ('\u{8}', 2),
            Some('f') => ('\u{c}', 2),
            Some('n') => ('\n', 2),
            Some('r') => ('\r', 2),
            Some('t') => ('\t', 2),
            Some('u') => code_point(rest).unwrap_or_else(|| {
                self.mistake(start..start + 2, "`\\u` is not followed by the four digits of a character".to_owned());
                ('u', 2)
            }),
            Some(other) => {
                let length = 1 + other.len_utf8();
                let message = format!("`\\{other}` is not an escape of JSON, expected such as `\\n` or `\\\"`");
                self.mistake(start..start + length, message);
                (other, length)
            }
            // The string has no end, which is said there.
            None => ('\\', 1),
        };
        self.at += length;
        decoded.push(c.encode_utf8(&mut [0; 4]), self.source.span(start..self.at));
    }
}

/// Whether a string with a line break was meant to end there: the next line begins another one, or no quote follows at all. Otherwise
/// the line break was meant to be in it.
fn ends_at_line(rest: &str) -> bool {
    match rest.find('"') {
        Some(quote) => {
            rest.get(..quote).is_some_and(|between| between.trim_matches([' ', '\t', '\n', '\r', '}', ']', ',', '{', '[']).is_empty())
        }
        None => true,
    }
}

/// The character of `\u` with four digits, or of a surrogate pair, and how many bytes it takes.
fn code_point(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| text.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let first = unit(2)?;
    if let Some(Ok(c)) = char::decode_utf16([first]).next() {
        return Some((c, 6));
    }
    let second = text.get(6..8).filter(|escape| *escape == "\\u").and_then(|_| unit(8))?;
    char::decode_utf16([first, second]).next()?.ok().map(|c| (c, 12))
}
