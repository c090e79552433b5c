//! YAML 1.2 text → a tree of values that know their bytes. Core schema; strict: a key stands once, no tags, one document. JSON is YAML,
//! so it is read as it is. The only user of `saphyr_parser`. Absent: what the values mean.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as MarkerSpan};
use serde_json::{Map, Number, Value};

use super::surrogates::Rewritten;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::FileId;
use crate::text::{SourceFile, Span, Spanned};

/// Values in one file, those repeated by an alias counted each time: an alias of aliases can ask for more than any memory.
const MOST_NODES: usize = 200_000;
/// Levels of lists and maps.
const DEEPEST: usize = 64;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub content: Content,
    pub span: Span,
}

/// A value of the core schema.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: Spanned<String>,
    pub value: Node,
}

impl Node {
    /// The value without its places.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Boolean(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Content::Map(entries) => {
                let entries = entries.iter().map(|entry| (entry.key.value.clone(), entry.value.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// The place of what a JSON pointer (RFC 6901) names; of the deepest part that there is.
    pub(super) fn place(&self, pointer: &str) -> Span {
        let mut node = self;
        let mut span = self.span;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &node.content {
                Content::Map(entries) => entries.iter().find(|entry| entry.key.value == token).map(|entry| (entry.key.span, &entry.value)),
                Content::List(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (item.span, item)),
                Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => None,
            };
            let Some((found, value)) = next else { return span };
            (span, node) = (found, value);
        }
        match &node.content {
            Content::List(_) | Content::Map(_) => span,
            Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => node.span,
        }
    }

    /// The place of a key in the map that a JSON pointer names.
    pub(super) fn key_place(&self, pointer: &str, key: &str) -> Option<Span> {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let Content::Map(entries) = &node.content else { return None };
            node = &entries.iter().find(|entry| entry.key.value == token)?.value;
        }
        let Content::Map(entries) = &node.content else { return None };
        entries.iter().find(|entry| entry.key.value == key).map(|entry| entry.key.span)
    }

    /// As a message names it: `a string`, `a list`.
    pub(super) fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "null",
            Content::Boolean(_) => "a boolean",
            Content::Number(_) => "a number",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}

/// Reads a file of one document; `None` when it is not YAML, or nothing: that has been reported.
pub(super) fn read(file: FileId, source: &SourceFile, out: &mut Diagnostics) -> Option<Node> {
    if let Some(at) = source.invalid_at {
        out.push(Diagnostic::new(Code::TestSyntax, Span::new(file, at, at), "the file is not UTF-8 from here on"));
        return None;
    }
    let start = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let root = read_part(file, source, start..source.text.len(), out)?;
    if root.is_none() {
        out.push(Diagnostic::new(Code::TestSyntax, Span::new(file, 0, 0), "the file is empty, expected a map with `scenarios`"));
    }
    root
}

/// Reads a part of a file as a document of its own; `None` when it is not YAML, `Some(None)` when nothing is in it.
pub(super) fn read_part(file: FileId, source: &SourceFile, part: Range<usize>, out: &mut Diagnostics) -> Option<Option<Node>> {
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
            return None;
        }
    }
    Some(tree.root)
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
                let content = if style == ScalarStyle::Plain { plain(&text, span)? } else { Content::Text(text.into_owned()) };
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
            Some(Opened::Map { entries, key }) => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => {
                    let text = key_text(&node)?;
                    if entries.iter().any(|entry| entry.key.value == text) {
                        return Err((node.span, format!("the key `{text}` stands twice in this map, expected it once")));
                    }
                    *key = Some(Spanned::new(text, node.span));
                }
            },
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

/// A plain scalar by the core schema (YAML 1.2.2, §10.3.2).
fn plain(text: &str, span: Span) -> Result<Content, Wrong> {
    let number = |number: Option<Number>| {
        number.map(Content::Number).ok_or_else(|| (span, format!("the number `{text}` is out of range, or not a number that JSON has")))
    };
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Boolean(true),
        "false" | "False" | "FALSE" => Content::Boolean(false),
        _ if is_integer(text) => number(integer(text))?,
        _ if is_float(text) => number(text.parse::<f64>().ok().and_then(Number::from_f64))?,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => number(None)?,
        _ => Content::Text(text.to_owned()),
    })
}

fn is_integer(text: &str) -> bool {
    let digits = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| is(&byte));
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(octal, |byte| (b'0'..=b'7').contains(byte));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return digits(hexadecimal, u8::is_ascii_hexdigit);
    }
    digits(text.strip_prefix(['-', '+']).unwrap_or(text), u8::is_ascii_digit)
}

fn integer(text: &str) -> Option<Number> {
    let radix = |digits, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return radix(hexadecimal, 16);
    }
    let signed = text.strip_prefix('+').unwrap_or(text);
    signed.parse::<i64>().map(Number::from).or_else(|_| signed.parse::<u64>().map(Number::from)).ok()
}

fn is_float(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
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
mod tests {
    use super::*;
    use crate::text::SourceMap;

    fn parsed(text: &str) -> (Option<Node>, Vec<String>, SourceMap) {
        let mut sources = SourceMap::default();
        let file = sources.add("a.test.yaml", text.as_bytes().to_vec());
        let mut out = Diagnostics::default();
        let node = read(file, sources.file(file), &mut out);
        let found = out.iter().map(|found| {
            let at = sources.file(file).position(found.primary.span.start);
            format!("{}:{} {}", at.line, at.column, found.message)
        });
        (node, found.collect(), sources)
    }

    fn json(text: &str) -> Value {
        let (node, found, _) = parsed(text);
        node.unwrap_or_else(|| panic!("{text}: {found:?}")).to_json()
    }

    fn mistake(text: &str) -> String {
        let (node, found, _) = parsed(text);
        assert!(node.is_none(), "{text}");
        found.join("; ")
    }

    #[test]
    fn json_is_read_verbatim() {
        let text = "{\n\t\"a\": [1, -2.5e3, true, null, \"x\\u00e9\\n\\/\\\"\", \"\\ud83d\\ude00\"],\n\t\"big\": 7710355930075889664, \"url\": \"https://a.example/b?c#d\", \"e\":{}, \"f\":[]\n}";
        assert_eq!(json(text), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn surrogate_pairs_are_one_character_in_double_quotes_and_text_elsewhere() {
        let (node, _, sources) = parsed(
            r#"a: "x\\ud83d\ud83d\ude00\ud83d\ude00"
b: '\ud83d\ude00'
c: [1, "\ud83d\ude00", end]
"#,
        );
        let node = node.unwrap();
        assert_eq!(node.to_json(), serde_json::json!({"a": "x\\ud83d😀😀", "b": "\\ud83d\\ude00", "c": [1, "😀", "end"]}).to_owned());
        assert_eq!(sources.slice(node.place("/c/2")), "end");
        assert!(mistake(r#"a: "\ud83d""#).contains("this is not YAML"));
    }

    #[test]
    fn plain_words_are_of_the_core_schema() {
        let text = "[yes, no, on, ~, 0x1F, 0o17, 010, 1e3, .5, 1., 2026-01-31, '3', +7, 1_000, a: b]";
        let expected =
            serde_json::json!(["yes", "no", "on", null, 31, 15, 10, 1000.0, 0.5, 1.0, "2026-01-31", "3", 7, "1_000", {"a": "b"}]);
        assert_eq!(json(text), expected);
    }

    #[test]
    fn mistakes_have_their_place() {
        assert_eq!(mistake("a: 1\nb: 2\na: 3\n"), "3:1 the key `a` stands twice in this map, expected it once");
        assert_eq!(mistake("é: !x 1\n"), "1:4 a tag such as `!name` means nothing here, expected a plain value");
        assert_eq!(mistake("a: 1\n---\nb: 1\n"), "2:1 a second document begins here, expected one");
        assert!(mistake("a: [1, 2\nb: 3\n").contains("this is not YAML"), "{}", mistake("a: [1, 2\nb: 3\n"));
        assert!(mistake("").contains("the file is empty"));
        assert!(mistake("a: .nan").contains("out of range"));
        assert!(mistake("a: 99999999999999999999").contains("out of range"));
        assert!(mistake(&"[".repeat(100)).contains("more than 64 levels"));
    }

    #[test]
    fn aliases_repeat_a_value_but_not_without_end() {
        assert_eq!(json("a: &x {b: 1}\nc: *x\n"), serde_json::json!({"a": {"b": 1}, "c": {"b": 1}}));
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
        }
        assert!(mistake(&bomb).contains("more than 200000 values"));
        assert!(!mistake("a: &x [*x]\n").is_empty());
    }

    #[test]
    fn places_are_bytes() {
        let (node, _, sources) = parsed("\u{feff}ä: ü\nb:\n  - c: 'é'\n    d: [1, {e: f}]\n");
        let node = node.unwrap();
        let at = |pointer: &str| sources.slice(node.place(pointer)).to_owned();
        assert_eq!(at("/ä"), "ü");
        assert_eq!(at("/b/0/c"), "'é'");
        assert_eq!(at("/b/0/d/1/e"), "f");
        assert_eq!(at("/b/0/d/1/missing"), "{e: f}");
        assert_eq!(at("/b/0/d"), "d");
    }
}
