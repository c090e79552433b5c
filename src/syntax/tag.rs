//! Opening tags and their attributes. The scanner of the attributes finds the end of the tag too, so that a missing quote or `>`
//! costs the attribute it belongs to and not the rest of the file.

use rustc_hash::FxHashMap;

use super::MAX_DEPTH;
use super::reader::{Open, Reader, offset};
use super::tree::{Node, NodeKind, RawAttribute};
use crate::diagnostics::{Code, Diagnostic, Fix};

/// Up to this many attributes are compared with each other; more are looked up in a table.
const FEW_ATTRIBUTES: usize = 8;

/// So many `<` at once mark a merge conflict.
const CONFLICT: usize = 7;

/// How a tag ended.
enum End {
    Open,
    Empty,
    /// It did not: something has been reported.
    Missing,
}

impl Reader<'_, '_> {
    /// Reports a `<` that begins no tag, with those that follow it in the same way.
    fn no_tag(&mut self, start: usize) {
        let mut end = start + 1;
        while self.byte(end) == Some(b'<') && self.name_end(end + 1) == end + 1 && !matches!(self.byte(end + 1), Some(b'/' | b'!' | b'?')) {
            end += 1;
        }
        let (span, seen) = (self.span(start, end), "<".repeat(end - start));
        let diagnostic = if end - start == CONFLICT {
            let message = format!("`{seen}` begins no tag; a merge conflict has not been resolved here");
            Diagnostic::new(Code::UnclosedTag, span, message)
                .help("choose one side, and remove the lines of `<<<<<<<`, `=======` and `>>>>>>>`")
        } else {
            let escaped = "&lt;".repeat(end - start);
            let message = format!("`{seen}` begins no tag; the character itself is written `&lt;`");
            Diagnostic::new(Code::UnclosedTag, span, message).fix(Fix::replace(format!("write `{escaped}`"), span, escaped))
        };
        self.out.push(diagnostic);
        self.at = end;
    }

    /// Reads what begins with a `<`.
    pub(super) fn open_tag(&mut self) {
        let start = self.at;
        let name_end = self.name_end(start + 1);
        let Some(name) = self.text.get(start + 1..name_end).filter(|name| !name.is_empty()) else {
            self.no_tag(start);
            return;
        };
        self.at = name_end;
        let first = self.tree.attributes.len();
        let end = self.attributes(start, name_end);
        self.drop_duplicates(first);
        let attributes = (offset(first), offset(self.tree.attributes.len()));
        self.element(start, name_end, attributes, name, &end);
    }

    fn element(&mut self, start: usize, name_end: usize, attributes: (u32, u32), name: &str, end: &End) {
        let opens = !matches!(end, End::Empty);
        if self.skipped > 0 || self.open.len() >= MAX_DEPTH {
            if !self.too_deep {
                self.too_deep = true;
                let message = format!("`{name}` stands deeper than {MAX_DEPTH} elements; nothing in it is read");
                self.out.push(Diagnostic::new(Code::NestingTooDeep, self.span(start + 1, name_end), message));
            }
            self.skipped += usize::from(opens);
            return;
        }
        let index = offset(self.tree.nodes.len());
        if self.open.is_empty() {
            if self.tree.root.is_none() {
                self.tree.root = Some(index);
            } else {
                let message = format!("`{name}` is a second root element; a file has one");
                self.out.push(Diagnostic::new(Code::SecondRoot, self.span(start + 1, name_end), message));
            }
        }
        let tag_end = offset(self.at);
        self.tree.nodes.push(Node {
            kind: NodeKind::Element,
            start: offset(start),
            end: tag_end,
            after: index + 1,
            name_end: offset(name_end),
            tag_end,
            attributes,
            broken: false,
        });
        self.owed.clear();
        if opens {
            let name = self.text.get(start + 1..name_end).unwrap_or("");
            self.open.push(Open { node: index, name, reported: matches!(end, End::Missing) });
        }
    }

    fn attributes(&mut self, start: usize, name_end: usize) -> End {
        loop {
            let before = self.at;
            self.skip_whitespace();
            match self.byte(self.at) {
                Some(b'>') => {
                    self.at += 1;
                    return End::Open;
                }
                Some(b'/') if self.at_empty_end() => {
                    self.at += 2;
                    return End::Empty;
                }
                Some(b'/') if self.at_cut_end() => {
                    self.at += 1;
                    self.no_end(start, name_end);
                    return End::Empty;
                }
                None | Some(b'<') => {
                    self.no_end(start, name_end);
                    return End::Missing;
                }
                Some(_) if self.at_text() => {
                    self.at = before;
                    self.no_end(start, name_end);
                    return End::Missing;
                }
                Some(b'"' | b'\'' | b'=' | b'/') => self.stray(),
                Some(_) => self.attribute(before),
            }
        }
    }

    fn no_end(&mut self, start: usize, name_end: usize) {
        let message = format!("the tag `{}` has no `>` at its end", self.text.get(start..name_end).unwrap_or("<"));
        self.out.push(Diagnostic::new(Code::UnclosedTag, self.span(start, name_end), message));
    }

    /// Whether what stands here is the text of an element whose tag has no `>`: it is no attribute, and the next tag comes before any `>`.
    fn at_text(&mut self) -> bool {
        let end = self.name_end(self.at);
        let mut next = end;
        while matches!(self.byte(next), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            next += 1;
        }
        let is_attribute = end > self.at && matches!(self.byte(next), Some(b'=' | b'"' | b'\''));
        !is_attribute && !matches!(self.byte(self.at), Some(b'"' | b'\'' | b'=' | b'/')) && self.next_angle() == Some(b'<')
    }

    /// The next `<` or `>`. What lies before it is looked through once.
    fn next_angle(&mut self) -> Option<u8> {
        if self.angle.is_none_or(|angle| angle < self.at) {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.angle = Some(memchr::memchr2(b'<', b'>', rest).map_or(self.text.len(), |found| self.at + found));
        }
        self.angle.and_then(|angle| self.byte(angle))
    }

    /// Characters that begin no attribute, with the value in quotes that they may open.
    fn stray(&mut self) {
        let start = self.at;
        while matches!(self.byte(self.at), Some(b'"' | b'\'' | b'=')) || self.byte(self.at) == Some(b'/') && !self.at_empty_end() {
            self.at += 1;
        }
        if let Some(quote @ (b'"' | b'\'')) = self.byte(self.at - 1)
            && self.at - start > 1
            && let Some(value) = self.find(quote, self.at).and_then(|close| self.text.get(self.at..close))
            && !value.contains(['<', '>', '\n', '='])
        {
            self.at += value.len() + 1;
        }
        let span = self.span(start, self.at);
        let message = format!("expected an attribute or the end of the tag, found `{}`", self.text.get(start..self.at).unwrap_or(""));
        self.out.push(Diagnostic::new(Code::AttributeWithoutValue, span, message));
    }

    /// One attribute; `before` is where the one before it, or the name of the element, ended.
    fn attribute(&mut self, before: usize) {
        let start = self.at;
        while !matches!(self.byte(self.at), None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'>' | b'/' | b'<' | b'"' | b'\'')) {
            self.at += 1;
        }
        let name = (start, self.at);
        let name_text = self.text.get(start..self.at).unwrap_or("");
        if before == start {
            let span = self.span(start, self.at);
            let message = format!("expected a space before `{name_text}`");
            let fix = Fix::replace("add the space", self.span(start, start), " ").safe();
            self.out.push(Diagnostic::new(Code::UnquotedValue, span, message).fix(fix));
        }
        self.skip_whitespace();
        if let Some(quote @ (b'"' | b'\'')) = self.byte(self.at)
            && let Some(end) = self.plain_value_end(quote)
        {
            self.no_equals(name, end);
            return;
        }
        if self.byte(self.at) != Some(b'=') {
            self.at = name.1;
            self.no_value(name, name.1);
            return;
        }
        let equals = self.at;
        self.at += 1;
        self.skip_whitespace();
        match self.byte(self.at) {
            Some(quote @ (b'"' | b'\'')) => self.quoted(name, quote),
            None | Some(b'>' | b'<') => {
                self.at = equals + 1;
                self.no_value(name, equals + 1);
            }
            Some(b'/') if self.at_empty_end() => self.no_value(name, equals + 1),
            Some(_) if self.at > equals + 1 && self.begins_attribute() => {
                // The whitespace is read again, so that the next attribute is seen behind it.
                self.at = equals + 1;
                self.no_value(name, equals + 1);
            }
            Some(_) => self.unquoted(name),
        }
    }

    /// A name with a value in quotes behind it, `self.at` is the opening one.
    fn no_equals(&mut self, name: (usize, usize), close: usize) {
        let start = self.at + 1;
        self.at = close + 1;
        let text = self.text.get(name.0..name.1).unwrap_or("");
        let message = format!("no `=` stands between the attribute `{text}` and its value");
        let fix = Fix::replace("add the `=`", self.span(name.1, start - 1), "=").safe();
        self.out.push(Diagnostic::new(Code::AttributeWithoutValue, self.span(name.0, name.1), message).fix(fix));
        let good = self.check_value(name, start, close);
        self.keep(name, (start, close), !good);
    }

    /// Whether an empty tag ends here that has no `>`.
    fn at_cut_end(&self) -> bool {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(next, None | Some(b'<'))
    }

    fn at_empty_end(&self) -> bool {
        self.byte(self.at) == Some(b'/') && self.byte(self.at + 1) == Some(b'>')
    }

    /// Whether a name with `=` and a quote stands here.
    fn begins_attribute(&self) -> bool {
        let end = self.name_end(self.at);
        end > self.at && self.byte(end) == Some(b'=') && matches!(self.byte(end + 1), Some(b'"' | b'\''))
    }

    fn no_value(&mut self, name: (usize, usize), insert_at: usize) {
        let span = self.span(name.0, name.1);
        let text = self.text.get(name.0..name.1).unwrap_or("");
        let message = format!("the attribute `{text}` has no value; expected `{text}=\"…\"`");
        self.out.push(Diagnostic::new(Code::AttributeWithoutValue, span, message));
        self.keep(name, (insert_at, insert_at), true);
    }

    pub(super) fn keep(&mut self, name: (usize, usize), value: (usize, usize), broken: bool) {
        let name = (offset(name.0), offset(name.1));
        let value = (offset(value.0), offset(value.1));
        self.tree.attributes.push(RawAttribute { name, value, broken });
    }

    /// Reports and removes every attribute whose name has been there before, among those from index `first` on.
    fn drop_duplicates(&mut self, first: usize) {
        let text = self.text;
        let name = |attribute: &RawAttribute| text.get(attribute.name.0 as usize..attribute.name.1 as usize).unwrap_or("");
        let added = self.tree.attributes.get(first..).unwrap_or_default();
        let mut duplicates: Vec<(usize, RawAttribute, RawAttribute)> = Vec::new();
        if added.len() <= FEW_ATTRIBUTES {
            for (index, attribute) in added.iter().enumerate() {
                if let Some(earlier) = added.iter().take(index).find(|earlier| name(earlier) == name(attribute)) {
                    duplicates.push((first + index, *attribute, *earlier));
                }
            }
        } else {
            let mut seen = FxHashMap::default();
            for (index, attribute) in added.iter().enumerate() {
                let earlier = *seen.entry(name(attribute)).or_insert(*attribute);
                if earlier.name != attribute.name {
                    duplicates.push((first + index, *attribute, earlier));
                }
            }
        }
        if duplicates.is_empty() {
            return;
        }
        for (_, attribute, earlier) in &duplicates {
            let span = self.span(attribute.name.0 as usize, attribute.name.1 as usize);
            let message = format!("the attribute `{}` is given twice", name(attribute));
            let earlier = self.span(earlier.name.0 as usize, earlier.name.1 as usize);
            self.out.push(Diagnostic::new(Code::DuplicateAttribute, span, message).related(earlier, "the first one, which counts"));
        }
        let mut next = duplicates.iter().map(|(index, _, _)| *index).peekable();
        let mut index = first;
        let kept = self.tree.attributes.split_off(first).into_iter().filter(|_| {
            let duplicate = next.next_if_eq(&index).is_some();
            index += 1;
            !duplicate
        });
        self.tree.attributes.extend(kept);
    }

    pub(super) fn skip_whitespace(&mut self) {
        while matches!(self.byte(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Where the name that begins at `from` ends; `from` itself when none does.
    pub(super) fn name_end(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes().get(from..).unwrap_or_default();
        if !bytes.first().is_some_and(|&byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || byte >= 0x80) {
            return from;
        }
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.') || *byte >= 0x80;
        from + bytes.iter().take_while(|byte| part(byte)).count()
    }
}
