//! Values of attributes: with quotes, without, with one of them. A missing quote costs its value: where that most likely ends is
//! decided here.

use super::reader::Reader;
use super::reference;
use crate::diagnostics::{Code, Diagnostic, Fix};

/// What word processors make of quotes.
const TYPOGRAPHIC_QUOTES: [char; 9] = ['“', '”', '„', '‟', '‘', '’', '‚', '«', '»'];

impl Reader<'_, '_> {
    pub(super) fn unquoted(&mut self, name: (usize, usize)) {
        let start = self.at;
        self.at = self.word_end(start);
        // The words of a value that has no quotes at all: none of them is an attribute.
        while let Some(next) = self.next_plain_word() {
            self.at = self.word_end(next);
        }
        let end = self.at;
        let value = self.text.get(start..end).unwrap_or("");
        let unended = value.trim_end_matches(['"', '\'']);
        let without_opening = unended.trim_start_matches(TYPOGRAPHIC_QUOTES);
        let inner = without_opening.trim_end_matches(TYPOGRAPHIC_QUOTES);
        let from = start + unended.len() - without_opening.len();
        let value_end = from + inner.len();
        let span = self.span(start, end);
        let fault = if from > start {
            "stands in quotes that are not those of XML"
        } else if unended.len() < value.len() {
            "has no opening quotes"
        } else {
            "has no quotes"
        };
        let name_text = self.text.get(name.0..name.1).unwrap_or("");
        // With a quote inside, as in `name=label="Asset"`, nobody knows what was meant to be the value.
        self.out.push(if inner.contains('"') {
            Diagnostic::new(Code::UnquotedValue, span, format!("the value of `{name_text}` {fault}; expected it in quotes"))
        } else {
            let message = format!("the value of `{name_text}` {fault}; expected `\"{inner}\"`");
            Diagnostic::new(Code::UnquotedValue, span, message).fix(Fix::replace("quote it", span, format!("\"{inner}\"")).safe())
        });
        let good = self.check_value(name, from, value_end);
        self.keep(name, (from, value_end), !good);
    }

    fn word_end(&self, from: usize) -> usize {
        let mut at = from;
        while !(matches!(self.byte(at), None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'>' | b'<'))
            || self.byte(at) == Some(b'/') && self.byte(at + 1) == Some(b'>'))
        {
            at += 1;
        }
        at
    }

    /// Where the next word of the line begins, unless a quote has ended the value, or it is an attribute or the end of the tag.
    fn next_plain_word(&self) -> Option<usize> {
        if matches!(self.byte(self.at.checked_sub(1)?), Some(b'"' | b'\'')) {
            return None;
        }
        let rest = self.text.as_bytes().get(self.at..)?;
        let start = self.at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let end = self.word_end(start);
        let word = self.text.as_bytes().get(start..end)?;
        let mut next = end;
        while matches!(self.byte(next), Some(b' ' | b'\t')) {
            next += 1;
        }
        (start > self.at && !word.is_empty() && !word.contains(&b'=') && self.byte(next) != Some(b'=')).then_some(start)
    }

    /// A value in quotes, `self.at` is the opening one.
    pub(super) fn quoted(&mut self, name: (usize, usize), quote: u8) {
        let start = self.at + 1;
        let close = self.closing_quote(quote, start);
        let value = close.and_then(|close| self.text.get(start..close));
        if let (Some(value), Some(close)) = (value, close)
            && !opens_the_next_value(value)
        {
            self.at = close + 1;
            let good = self.check_value(name, start, close);
            self.keep(name, (start, close), !good);
            return;
        }
        let end = self.value_without_closing_quote(start, value);
        let quote = char::from(quote);
        let message = format!("the value of `{}` has no closing quote", self.text.get(name.0..name.1).unwrap_or(""));
        let fix = Fix::replace("add the quote", self.span(end, end), quote.to_string());
        self.out.push(Diagnostic::new(Code::UnquotedValue, self.span(start - 1, end), message).fix(fix));
        let good = self.check_value(name, start, end);
        self.keep(name, (start, end), !good);
        self.at = end;
    }

    fn closing_quote(&mut self, quote: u8, from: usize) -> Option<usize> {
        let kind = usize::from(quote == b'\'');
        if self.no_more_quotes.get(kind).copied().unwrap_or(false) {
            return None;
        }
        let close = self.find(quote, from);
        if close.is_none()
            && let Some(missing) = self.no_more_quotes.get_mut(kind)
        {
            *missing = true;
        }
        close
    }

    /// Where a value most likely ends whose closing quote is missing. `value` is what lies before the next quote, if there is any.
    fn value_without_closing_quote(&self, start: usize, value: Option<&str>) -> usize {
        let rest = value.unwrap_or_else(|| self.text.get(start..).unwrap_or(""));
        if let Some(at) = rest.bytes().position(|byte| matches!(byte, b'\n' | b'\r' | b'<' | b'>')) {
            let before = rest.get(..at).unwrap_or("");
            let before = before.strip_suffix('/').filter(|_| rest.as_bytes().get(at) == Some(&b'>')).unwrap_or(before);
            return start + before.trim_ascii_end().len();
        }
        let last_name = rest.trim_ascii_end().rfind([' ', '\t']).filter(|_| value.is_some());
        start + last_name.map_or(rest.len(), |at| rest.get(..at).unwrap_or("").trim_ascii_end().len())
    }

    /// Reports what may not stand in a value; whether the value can be used.
    pub(super) fn check_value(&mut self, name: (usize, usize), start: usize, end: usize) -> bool {
        let mut good = true;
        let mut at = start;
        while let Some(found) = self.text.as_bytes().get(at..end).and_then(|value| memchr::memchr2(b'<', b'&', value)) {
            at += found;
            if self.byte(at) == Some(b'<') {
                let span = self.span(at, at + 1);
                let name = self.text.get(name.0..name.1).unwrap_or("");
                let message = format!("`<` may not stand in the value of `{name}`; it is written `&lt;`");
                let fix = Fix::replace("write `&lt;`", span, "&lt;").safe();
                self.out.push(Diagnostic::new(Code::LtInAttribute, span, message).fix(fix));
                at += 1;
            } else {
                let value = self.text.get(..end).unwrap_or("");
                let checked = reference::check(self.file, value, at, self.out);
                good &= checked.is_ok();
                let (Ok(next) | Err(next)) = checked;
                at = next;
            }
        }
        good
    }

    /// Where the value in quotes that begins here ends, if it looks like one: it stays in its line and its tag.
    pub(super) fn plain_value_end(&mut self, quote: u8) -> Option<usize> {
        let close = self.closing_quote(quote, self.at + 1)?;
        let value = self.text.get(self.at + 1..close)?;
        (!value.contains(['<', '>', '\n']) && !opens_the_next_value(value)).then_some(close)
    }
}

/// Whether text before a quote shows that this quote opens another attribute's value: it ends in ` name=`, or holds tags.
fn opens_the_next_value(text: &str) -> bool {
    let ends_a_tag = || text.split_once('>').is_some_and(|(_, rest)| rest.contains('<'));
    if text.contains("</") || text.contains('\n') && ends_a_tag() {
        return true;
    }
    let Some(before) = text.trim_ascii_end().strip_suffix('=') else {
        return false;
    };
    let before = before.trim_ascii_end();
    let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'));
    name.len() < before.len() && name.ends_with([' ', '\t', '\n', '\r'])
}
