//! YAML 1.2 text → a tree of values that know their bytes. Core schema; strict: a key stands once, no tags, one document. JSON is YAML,
//! so it is read as it is. The only user of `saphyr_parser`. Absent: what the values mean.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as MarkerSpan};

use super::node::{Content, Entry, Node};
use super::scalar::plain;
use super::surrogates::Rewritten;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::FileId;
use crate::text::{SourceFile, Span, Spanned};

/// Values in one file, those repeated by an alias counted each time: an alias of aliases can ask for more than any memory.
const MOST_NODES: usize = 200_000;
/// Levels of lists and maps.
const DEEPEST: usize = 64;

/// Reads a file of one document; `None` when it is not YAML, or nothing: that has been reported.
pub(super) fn read(file: FileId, source: &SourceFile, out: &mut Diagnostics) -> Option<Node> {
    if let Some(at) = source.invalid_at {
        out.push(Diagnostic::new(Code::TestSyntax, Span::new(file, at, at), "the file is not UTF-8 from here on"));
        return None;
    }
    let start = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let root = read_part(file, source, start..source.text.len(), out).ok()?;
    if root.is_none() {
        out.push(Diagnostic::new(Code::TestSyntax, Span::new(file, 0, 0), "the file is empty, expected a map with `scenarios`"));
    }
    root
}

/// Something was not YAML, and has been reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported;

/// Reads a part of a file as a document of its own; `None` when nothing is in it.
///
/// # Errors
/// When it is not YAML.
pub(super) fn read_part(file: FileId, source: &SourceFile, part: Range<usize>, out: &mut Diagnostics) -> Result<Option<Node>, Reported> {
    let offsets = Offsets::of(file, source, part);
    let mut tree = Tree { offsets: &offsets, stack: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    let mut documents = 0;
    for event in Parser::new_from_str(&offsets.rewritten.text) {
        let read = match event {
            Ok((Event::DocumentStart(_), span)) => {
                documents += 1;
                if documents > 1 { Err((offsets.span(span), "a second document begins here, expected one".to_owned())) } else { Ok(()) }
            }
            Ok((event, span)) => tree.take(event, offsets.span(span)),
            Err(error) => {
                let at = offsets.byte(error.marker());
                Err((Span::new(file, at, at), format!("this is not YAML: {}", error.info())))
            }
        };
        if let Err((span, message)) = read {
            out.push(Diagnostic::new(Code::TestSyntax, span, message));
            return Err(Reported);
        }
    }
    Ok(tree.root)
}

/// What is wrong where.
type Wrong = (Span, String);

/// Lists and maps that are being read, and what is finished.
struct Tree<'a> {
    offsets: &'a Offsets<'a>,
    stack: Vec<Open>,
    /// Finished values by the number of their anchor.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

/// A list or map whose end has not come.
struct Open {
    anchor: usize,
    start: Span,
    content: Opened,
    /// `nodes` before it.
    before: usize,
}

enum Opened {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Spanned<String>> },
}

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Wrong> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                untagged(tag.is_some(), span)?;
                let own = if style == ScalarStyle::DoubleQuoted { None } else { self.offsets.rewritten.restored(&text) };
                let text = own.map_or(text, Into::into);
                let content = if style == ScalarStyle::Plain {
                    plain(&text).map_err(|wrong| (span, wrong))?
                } else {
                    Content::Text(text.into_owned())
                };
                self.count(1, span)?;
                self.finish(Node { content, span }, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                untagged(tag.is_some(), span)?;
                self.open(anchor, span, Opened::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                untagged(tag.is_some(), span)?;
                self.open(anchor, span, Opened::Map { entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.stack.pop() else { return Ok(()) };
                let content = match open.content {
                    Opened::List(items) => Content::List(items),
                    Opened::Map { entries, .. } => Content::Map(entries),
                };
                let span = self.offsets.trimmed(open.start.to(span));
                self.finish(Node { content, span }, open.anchor, self.nodes - open.before)
            }
            Event::Alias(anchor) => {
                let Some(count) = self.anchors.get(&anchor).map(|(_, count)| *count) else {
                    return Err((span, "this alias stands inside what it repeats".to_owned()));
                };
                self.count(count, span)?;
                let repeated = self.anchors.get(&anchor).map_or(Content::Null, |(node, _)| node.content.clone());
                self.finish(Node { content: repeated, span }, 0, count)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, start: Span, content: Opened) -> Result<(), Wrong> {
        if self.stack.len() >= DEEPEST {
            return Err((start, format!("more than {DEEPEST} levels of lists and maps")));
        }
        self.stack.push(Open { anchor, start, content, before: self.nodes });
        self.count(1, start)
    }

    /// Counts values before they are made.
    fn count(&mut self, more: usize, span: Span) -> Result<(), Wrong> {
        self.nodes += more;
        if self.nodes > MOST_NODES { Err((span, format!("more than {MOST_NODES} values in one file"))) } else { Ok(()) }
    }

    /// Puts a finished value of `count` nodes where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, count: usize) -> Result<(), Wrong> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count));
        }
        match self.stack.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Opened::List(items)) => items.push(node),
            Some(Opened::Map { entries, key }) => {
                if let Some(key) = key.take() {
                    entries.push(Entry { key, value: node });
                } else {
                    let text = key_text(&node)?;
                    if entries.iter().any(|entry| entry.key.value == text) {
                        return Err((node.span, format!("the key `{text}` stands twice in this map, expected it once")));
                    }
                    *key = Some(Spanned::new(text, node.span));
                }
            }
        }
        Ok(())
    }
}

fn untagged(tagged: bool, span: Span) -> Result<(), Wrong> {
    if tagged { Err((span, "a tag such as `!name` means nothing here, expected a plain value".to_owned())) } else { Ok(()) }
}

/// Keys are text; a number or a word such as `true` is meant as it is written.
fn key_text(node: &Node) -> Result<String, Wrong> {
    match &node.content {
        Content::Text(text) => Ok(text.clone()),
        Content::Boolean(flag) => Ok(flag.to_string()),
        Content::Number(number) => Ok(number.to_string()),
        Content::Null | Content::List(_) | Content::Map(_) => Err((node.span, format!("a key is {}, expected a name", node.kind()))),
    }
}

/// Character positions of the parser as bytes of the file.
struct Offsets<'t> {
    file: FileId,
    /// The byte of each character and of the end; empty for text of one byte a character.
    bytes: Vec<usize>,
    /// Where the text begins in the file.
    start: usize,
    text: &'t str,
    rewritten: Rewritten<'t>,
}

impl<'t> Offsets<'t> {
    fn of(file: FileId, source: &'t SourceFile, part: Range<usize>) -> Self {
        let start = part.start;
        let text = source.text.get(part).unwrap_or_default();
        let bytes = if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(at, _)| at).chain([text.len()]).collect() };
        Self { file, bytes, start, text, rewritten: Rewritten::of(text) }
    }

    fn byte(&self, marker: &Marker) -> usize {
        let index = self.rewritten.original(marker.index());
        let within = if self.bytes.is_empty() { index } else { self.bytes.get(index).copied().unwrap_or(self.text.len()) };
        self.start + within.min(self.text.len())
    }

    fn span(&self, span: MarkerSpan) -> Span {
        self.trimmed(Span::new(self.file, self.byte(&span.start), self.byte(&span.end)))
    }

    /// Without the white space at its end: the parser knows the end of a block only when the next thing begins.
    fn trimmed(&self, span: Span) -> Span {
        let range = span.range();
        let text = self.text.get(range.start.saturating_sub(self.start)..range.end.saturating_sub(self.start)).unwrap_or_default();
        Span::new(self.file, range.start, range.start + text.trim_end().len())
    }
}

#[cfg(test)]
mod tests;
