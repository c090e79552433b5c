//! Where a cursor stands in the text of a schema, however broken: in which elements, in a tag, in an attribute's value, in text. Read
//! forwards from the last model that begins before it, so that the size of the file does not matter. Absent: what the names mean.

use std::ops::Range;

use crate::schema::Dialect;

/// A text of more bytes is only looked at from the last model on.
const SMALL: usize = 256 * 1024;

/// An element that is open at the cursor.
#[derive(Clone, Debug, Default)]
pub(super) struct Open<'t> {
    pub name: &'t str,
    /// Names and values as written.
    pub attributes: Vec<(&'t str, &'t str)>,
    /// How many elements of the same name stand before it in the element around it.
    pub nth: usize,
    /// Where what it holds begins.
    pub inside: usize,
    /// The names of the elements in it so far.
    children: Vec<&'t str>,
}

impl<'t> Open<'t> {
    /// The value of an attribute, as written.
    pub(super) fn attribute(&self, name: &str) -> Option<&'t str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// What is at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot<'t> {
    /// Text, or nothing, between tags.
    Content,
    /// The name of an opening tag; the range includes what stands of it behind the cursor.
    ElementName(Range<usize>),
    /// The name of a closing tag.
    ClosingName(Range<usize>),
    /// In a tag, on an attribute's name or where one could begin.
    AttributeName(Range<usize>),
    /// In the value of an attribute: its name, and the value up to its end.
    AttributeValue(&'t str, Range<usize>),
    /// In a comment, or a declaration.
    Other,
}

/// Where a cursor stands.
#[derive(Clone, Debug)]
pub(super) struct Place<'t> {
    pub dialect: Dialect,
    /// The elements around it, from the root; of a cursor in a tag, the last is the tag's own.
    pub path: Vec<Open<'t>>,
    pub spot: Spot<'t>,
}

impl<'t> Place<'t> {
    /// Reads the text around a cursor.
    pub(super) fn of(text: &'t str, cursor: usize) -> Self {
        let cursor = text.floor_char_boundary(cursor.min(text.len()));
        let head = text.get(..text.floor_char_boundary(text.len().min(4096))).unwrap_or_default();
        let dialect = dialect(head);
        let start = if text.len() <= SMALL { 0 } else { model_before(text, cursor, dialect).unwrap_or(0) };
        let mut path = Vec::new();
        if start > 0 {
            path.push(Open { name: dialect.root(), ..Open::default() });
        }
        let mut scan = Scan { text, at: start, cursor, path };
        let spot = scan.run();
        Self { dialect, path: scan.path, spot }
    }

    /// The names of the elements, as written.
    pub(super) fn names(&self) -> Vec<&'t str> {
        self.path.iter().map(|open| open.name).collect()
    }

    /// The innermost element of this name in 3.1.
    pub(super) fn around(&self, name: &str) -> Option<&Open<'t>> {
        self.path.iter().rev().find(|open| self.dialect.element(open.name) == name)
    }
}

fn dialect(head: &str) -> Dialect {
    if head.contains("<schema") {
        Dialect::V2
    } else if head.contains("<object") {
        Dialect::V3p0
    } else {
        Dialect::V3p1
    }
}

/// Where the last model before the cursor begins.
fn model_before(text: &str, cursor: usize, dialect: Dialect) -> Option<usize> {
    let tag = format!("<{} ", dialect.element_word("model"));
    memchr::memmem::rfind(text.as_bytes().get(..cursor)?, tag.as_bytes())
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    cursor: usize,
    path: Vec<Open<'t>>,
}

impl<'t> Scan<'t> {
    /// Reads tags until the cursor is reached.
    fn run(&mut self) -> Spot<'t> {
        loop {
            let Some(open) = self.find("<").filter(|open| *open < self.cursor) else { return Spot::Content };
            self.at = open + 1;
            let rest = self.rest();
            let ended = if rest.starts_with("!--") {
                self.skip("-->")
            } else if rest.starts_with("![CDATA[") {
                self.at += 8;
                if let Some(open) = self.path.last_mut()
                    && self.text.get(open.inside..self.at - 9).is_some_and(|text| text.trim().is_empty())
                {
                    open.inside = self.at;
                }
                if self.find("]]>").is_none_or(|end| end >= self.cursor) {
                    return Spot::Content;
                }
                self.skip("]]>")
            } else if rest.starts_with('?') {
                self.skip("?>")
            } else if rest.starts_with('!') {
                self.skip(">")
            } else if rest.starts_with('/') {
                self.at += 1;
                let name = self.word();
                if name.start <= self.cursor && self.cursor <= name.end {
                    return Spot::ClosingName(name);
                }
                self.close(name);
                self.skip(">")
            } else {
                match self.tag() {
                    Some(spot) => return spot,
                    None => true,
                }
            };
            if !ended || self.at > self.cursor {
                return Spot::Other;
            }
        }
    }

    /// Reads an opening tag; what is at the cursor when it is in it.
    fn tag(&mut self) -> Option<Spot<'t>> {
        let name = self.word();
        let word = self.text.get(name.clone()).unwrap_or_default();
        let nth = self.path.last().map_or(0, |parent| parent.children.iter().filter(|child| **child == word).count());
        if let Some(parent) = self.path.last_mut() {
            parent.children.push(word);
        }
        let mut open = Open { name: word, nth, ..Open::default() };
        let mut spot = (name.start <= self.cursor && self.cursor <= name.end).then_some(Spot::ElementName(name));
        loop {
            let before = self.at;
            self.blank();
            let gap = before..self.at;
            let here = self.at;
            if spot.is_none()
                && gap.start < self.cursor
                && self.cursor <= gap.end
                && self.text.get(here..).is_none_or(|rest| !starts_word(rest))
            {
                spot = Some(Spot::AttributeName(self.cursor..self.cursor));
            }
            let rest = self.rest();
            if rest.starts_with("/>") {
                self.at += 2;
                return self.ended(open, spot, false);
            }
            if rest.starts_with('>') {
                self.at += 1;
                return self.ended(open, spot, true);
            }
            if rest.is_empty() || rest.starts_with('<') {
                return self.ended(open, spot, true);
            }
            let name = self.word();
            if name.is_empty() {
                // Something that means nothing in a tag.
                self.at = self.text.ceil_char_boundary(self.at + 1);
                continue;
            }
            if spot.is_none() && name.start <= self.cursor && self.cursor <= name.end {
                spot = Some(Spot::AttributeName(name.clone()));
            }
            let word = self.text.get(name).unwrap_or_default();
            let value = self.value();
            if let Some(value) = value {
                if spot.is_none() && value.start <= self.cursor && self.cursor <= value.end {
                    spot = Some(Spot::AttributeValue(word, value.clone()));
                }
                open.attributes.push((word, self.text.get(value).unwrap_or_default()));
            } else {
                open.attributes.push((word, ""));
            }
        }
    }

    /// A tag is read to its end: it is the place, or what follows is in it.
    fn ended(&mut self, mut open: Open<'t>, spot: Option<Spot<'t>>, holds: bool) -> Option<Spot<'t>> {
        open.inside = self.at;
        let is_here = spot.is_some() || self.at > self.cursor;
        if holds || is_here {
            self.path.push(open);
        }
        if spot.is_some() {
            return spot;
        }
        // Between the bytes of `/>`.
        is_here.then_some(Spot::Other)
    }

    /// `="value"`, without the quotes; a value that nothing ends, ends at its line.
    fn value(&mut self) -> Option<Range<usize>> {
        let back = self.at;
        self.blank();
        if !self.rest().starts_with('=') {
            self.at = back;
            return None;
        }
        self.at += 1;
        self.blank();
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            let start = self.at;
            let length = self.rest().find([' ', '\t', '\n', '\r', '>', '<', '/']).unwrap_or(self.rest().len());
            self.at = start + length;
            return Some(start..self.at);
        };
        self.at += 1;
        let start = self.at;
        let end = self.rest().find([quote, '<']).map_or(self.text.len(), |length| start + length);
        if self.text.get(end..).is_some_and(|rest| rest.starts_with(quote)) {
            self.at = end + 1;
            return Some(start..end);
        }
        let line = self.rest().find(['\n', '>']).map_or(self.text.len(), |length| start + length);
        self.at = line.min(end);
        Some(start..self.at)
    }

    /// Leaves the innermost open element of this name.
    fn close(&mut self, name: Range<usize>) {
        let name = self.text.get(name).unwrap_or_default();
        if let Some(at) = self.path.iter().rposition(|open| open.name == name) {
            self.path.truncate(at);
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn find(&self, what: &str) -> Option<usize> {
        memchr::memmem::find(self.rest().as_bytes(), what.as_bytes()).map(|found| self.at + found)
    }

    /// Goes behind the next `what`; false when there is none.
    fn skip(&mut self, what: &str) -> bool {
        let found = self.find(what);
        self.at = found.map_or(self.text.len(), |found| found + what.len());
        found.is_some()
    }

    fn blank(&mut self) {
        self.at += self.rest().len() - self.rest().trim_ascii_start().len();
    }

    fn word(&mut self) -> Range<usize> {
        let start = self.at;
        let length = self.rest().find(|c: char| !is_word(c)).unwrap_or(self.rest().len());
        self.at += length;
        start..self.at
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.')
}

fn starts_word(rest: &str) -> bool {
    rest.starts_with(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path and the spot at `‸`.
    fn seen(marked: &str) -> String {
        let cursor = marked.find('‸').unwrap();
        let text = marked.replace('‸', "");
        let place = Place::of(&text, cursor);
        let spot = match place.spot {
            Spot::Content => "content".to_owned(),
            Spot::ElementName(name) => format!("element `{}`", &text[name]),
            Spot::ClosingName(name) => format!("closing `{}`", &text[name]),
            Spot::AttributeName(name) => format!("attribute `{}`", &text[name]),
            Spot::AttributeValue(name, value) => format!("value of {name} `{}`", &text[value]),
            Spot::Other => "other".to_owned(),
        };
        format!("{} {spot}", place.path.iter().map(|open| open.name).collect::<Vec<_>>().join("/"))
    }

    #[test]
    fn places_are_told_apart_also_in_half_written_text() {
        for (marked, expected) in [
            ("‸", " content"),
            ("<da‸", "da element `da`"),
            ("<data-model>‸", "data-model content"),
            ("<data-model><model name='a'><fi‸eld name='x'/>", "data-model/model/field element `field`"),
            ("<data-model><model ‸", "data-model/model attribute ``"),
            ("<data-model><model na‸me='a'>", "data-model/model attribute `name`"),
            ("<data-model><model name='‸'>", "data-model/model value of name ``"),
            ("<data-model><model name='a‸ label=\"x\">\n<field/>", "data-model/model value of name `a label=\"x\"`"),
            ("<data-model><model><field name=\"a‸\n <field name=\"b\"/>", "data-model/model/field value of name `a`"),
            ("<a><b/>‸", "a content"),
            ("<a><b></b></‸a>", "a closing `a`"),
            ("<a><!-- <b> ‸ -->", "a other"),
            ("<a><body><![CDATA[{{ ‸ }}]]></body>", "a/body content"),
            ("<a><b x=y ‸/>", "a/b attribute ``"),
            ("<a x='1'‸>", "a other"),
            ("<a <b x='‸'", "a/b value of x ``"),
        ] {
            assert_eq!(seen(marked), expected, "{marked}");
        }
    }
}
