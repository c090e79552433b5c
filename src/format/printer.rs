//! The tree, written out. Every node goes to a line of its own, but for a comment or processing instruction that stood behind
//! something on the same line.

use super::{WIDTH, comment};
use crate::schema::Dialect;
use crate::syntax::{Content, Element, Tree};

const INDENT: usize = 4;
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Writes out a tree; elements, attributes and types are named as 3.1 names those of `dialect`.
pub(super) fn print(tree: &Tree<'_>, source: &str, dialect: Dialect) -> String {
    let line_end = match source.split_once('\n') {
        Some((line, _)) if line.ends_with('\r') => "\r\n",
        _ => "\n",
    };
    let mut printer = Printer { source, dialect, line_end, out: String::with_capacity(source.len() + source.len() / 8) };
    let start = source.len() - source.trim_start_matches(BYTE_ORDER_MARK).len();
    printer.out.push_str(source.get(..start).unwrap_or(""));
    printer.contents(tree.outermost(), start, source.len(), 0);
    printer.out.push_str(line_end);
    printer.out
}

struct Printer<'s> {
    source: &'s str,
    dialect: Dialect,
    line_end: &'static str,
    out: String,
}

/// What stood before the next node.
struct Before {
    /// Where it ends.
    end: usize,
    /// Nothing stands before it in its element.
    first: bool,
    /// It is a model.
    model: bool,
}

impl<'s> Printer<'s> {
    /// Writes the nodes of an element, of which the bytes from `start` to `end` are the inside.
    fn contents<'t>(&mut self, contents: impl Iterator<Item = Content<'t, 's>>, start: usize, end: usize, depth: usize)
    where
        's: 't,
    {
        let mut before = Before { end: start, first: true, model: false };
        for content in contents {
            match content {
                Content::Whitespace(_) => {}
                Content::Element(element) => {
                    let span = element.span().range();
                    self.instructions(&mut before, span.start, depth);
                    self.line(&before, span.start, depth);
                    self.element(element, depth);
                    before = Before { end: span.end, first: false, model: matches!(element.name(), "model" | "object") };
                }
                Content::Comment(span) | Content::Text(span) => {
                    self.instructions(&mut before, span.start as usize, depth);
                    self.aside(&mut before, span.start as usize, span.end as usize, depth);
                }
            }
        }
        self.instructions(&mut before, end, depth);
    }

    /// Writes the processing instructions that stand before `end`: nothing else but whitespace does.
    fn instructions(&mut self, before: &mut Before, end: usize, depth: usize) {
        while let Some(gap) = self.source.get(before.end..end) {
            let start = gap.find("<?");
            let end = start.and_then(|start| gap.get(start + 2..)?.find("?>").map(|close| start + 2 + close + 2));
            let (Some(start), Some(end)) = (start, end) else {
                return;
            };
            let from = before.end;
            self.aside(before, from + start, from + end, depth);
        }
    }

    /// Writes a comment or processing instruction, behind what stands before it if it stood on the same line.
    fn aside(&mut self, before: &mut Before, start: usize, end: usize, depth: usize) {
        let gap = self.source.get(before.end..start).unwrap_or("");
        let opens_file = before.first && depth == 0;
        let text = self.source.get(start..end).unwrap_or("");
        if gap.contains('\n') || opens_file {
            self.line(before, start, depth);
            let line_start = self.source.get(..start).and_then(|above| above.rfind('\n')).map_or(0, |at| at + 1);
            let column = comment::columns(self.source.get(line_start..start).unwrap_or(""));
            comment::shift(text, column, depth * INDENT, self.line_end, &mut self.out);
        } else {
            self.out.push(' ');
            self.out.push_str(text);
        }
        // A model's empty line comes before a comment that stands on a line of its own, not behind it.
        *before = Before { end, first: false, model: before.model && !gap.contains('\n') };
    }

    /// Begins the line of a node that starts at `start`.
    fn line(&mut self, before: &Before, start: usize, depth: usize) {
        let gap = self.source.get(before.end..start).unwrap_or("");
        if before.first && depth == 0 {
            return;
        }
        let blank = !before.first && (before.model || gap.bytes().filter(|byte| *byte == b'\n').count() > 1);
        if blank {
            self.out.push_str(self.line_end);
        }
        self.out.push_str(self.line_end);
        self.indent(depth * INDENT);
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    fn element(&mut self, element: Element<'_, 's>, depth: usize) {
        let name = self.dialect.element(element.name());
        let inner = element.inner_span().range();
        let inside = self.source.get(inner.clone()).unwrap_or("");
        let empty = inside.trim_ascii().is_empty();
        self.tag(element, name, if empty { " />" } else { ">" }, depth);
        if empty {
            return;
        }
        if element.contents().any(|content| matches!(content, Content::Text(_))) {
            self.mixed(element, inner.start, inner.end, depth + 1);
        } else {
            self.contents(element.contents(), inner.start, inner.end, depth + 1);
            self.out.push_str(self.line_end);
            self.indent(depth * INDENT);
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Writes the inside of an element that holds text: every byte between its elements stays.
    fn mixed(&mut self, element: Element<'_, 's>, start: usize, end: usize, depth: usize) {
        let mut from = start;
        for child in element.children() {
            let span = child.span().range();
            self.out.push_str(self.source.get(from..span.start).unwrap_or(""));
            self.element(child, depth);
            from = span.end;
        }
        self.out.push_str(self.source.get(from..end).unwrap_or(""));
    }

    fn tag(&mut self, element: Element<'_, 's>, name: &str, close: &str, depth: usize) {
        let attributes: Vec<(&str, &str)> = element.attributes().map(|attribute| self.attribute(element, name, &attribute)).collect();
        // The name, its quotes, `=` and a space: one column a character.
        let width: usize = attributes.iter().map(|(name, value)| name.chars().count() + value.chars().count() + 4).sum();
        let wide = depth * INDENT + 1 + name.len() + width + close.len() > WIDTH && attributes.len() > 1;
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            if wide {
                self.out.push_str(self.line_end);
                self.indent((depth + 1) * INDENT);
            } else {
                self.out.push(' ');
            }
            let quote = if value.contains('"') { '\'' } else { '"' };
            self.out.push_str(name);
            self.out.push('=');
            self.out.push(quote);
            self.out.push_str(value);
            self.out.push(quote);
        }
        self.out.push_str(close);
    }

    fn attribute(&self, element: Element<'_, 's>, name: &str, attribute: &crate::syntax::Attribute<'s>) -> (&'s str, &'s str) {
        let raw = attribute.raw();
        let value = if name == "field" && attribute.name == "type" { self.dialect.field_type(raw).unwrap_or(raw) } else { raw };
        (self.dialect.attribute(element, attribute.name), value)
    }
}
