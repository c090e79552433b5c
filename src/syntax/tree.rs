//! The tree as flat tables: nodes in the order of their start, each knowing where its subtree ends, so that children need no lists and
//! walking is a matter of hopping. A node is some 30 bytes, and no text is copied.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::attribute::Attribute;
use super::reference::{Place, decode, push_pieces};
use crate::ids::FileId;
use crate::text::{SourceText, Span};

/// The elements, texts and comments of one file.
#[derive(Debug)]
pub struct Tree<'s> {
    pub(super) file: FileId,
    pub(super) text: &'s str,
    pub(super) nodes: Vec<Node>,
    pub(super) attributes: Vec<RawAttribute>,
    pub(super) root: Option<u32>,
    /// The names in the closing tags that are not those of their opening tags, by element.
    pub(super) closed_as: FxHashMap<u32, &'s str>,
}

/// A node. What a text holds beyond its span follows from its kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// First byte.
    pub(super) start: u32,
    /// One past the last byte, of an element: of its closing tag.
    pub(super) end: u32,
    /// The node behind the subtree.
    pub(super) after: u32,
    /// Of an element: where its name ends; it begins behind the `<`.
    pub(super) name_end: u32,
    /// Of an element: where its opening tag ends.
    pub(super) tag_end: u32,
    /// Of an element: its attributes.
    pub(super) attributes: (u32, u32),
    /// Of a text: a reference in it has been reported.
    pub(super) broken: bool,
}

/// The kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    Element,
    /// Text with its references.
    Text,
    /// `<![CDATA[…]]>`, all of it.
    CharacterData,
    /// `<!--…-->`, all of it.
    Comment,
    /// A tag that turned out to be no element: its `/` is missing.
    Void,
}

/// An attribute in the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawAttribute {
    pub(super) name: (u32, u32),
    /// Without its quotes.
    pub(super) value: (u32, u32),
    /// The value has been reported as wrong: nothing more is to be said of it.
    pub(super) broken: bool,
}

impl<'s> Tree<'s> {
    /// A tree without a root.
    pub(super) fn empty(file: FileId) -> Self {
        Self { file, text: "", nodes: Vec::new(), attributes: Vec::new(), root: None, closed_as: FxHashMap::default() }
    }

    /// The file it was read from.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The root element, if there is any.
    #[must_use]
    pub fn root(&self) -> Option<Element<'_, 's>> {
        self.root.and_then(|index| self.element(index))
    }

    /// What stands outside of any element, in order: the root and the comments around it.
    pub fn outermost(&self) -> impl Iterator<Item = Content<'_, 's>> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let index = next;
            let node = self.nodes.get(index as usize)?;
            next = node.after.max(index + 1);
            Some(self.content(index, node))
        })
    }

    fn content<'t>(&'t self, index: u32, node: &'t Node) -> Content<'t, 's> {
        let span = self.span(node.start, node.end);
        match node.kind {
            NodeKind::Element => Content::Element(Element { tree: self, node, index }),
            NodeKind::Comment => Content::Comment(span),
            NodeKind::Text if self.slice(node.start, node.end).trim_ascii().is_empty() => Content::Whitespace(span),
            NodeKind::Text | NodeKind::CharacterData | NodeKind::Void => Content::Text(span),
        }
    }

    /// The comments, in order, with their marks.
    pub fn comments(&self) -> impl Iterator<Item = (&'s str, Span)> {
        let comments = self.nodes.iter().filter(|node| node.kind == NodeKind::Comment);
        comments.map(|node| (self.slice(node.start, node.end), self.span(node.start, node.end)))
    }

    /// The comments, each with the element behind it: the next sibling, with nothing but whitespace and comments between.
    pub fn comments_before_elements(&self) -> impl Iterator<Item = (&'s str, Span, Option<Span>)> {
        // Where the elements around the present node end.
        let mut around: Vec<u32> = Vec::new();
        let comments = self.nodes.iter().zip(0_u32..).filter_map(move |(node, index)| {
            while around.last().is_some_and(|after| *after <= index) {
                around.pop();
            }
            match node.kind {
                NodeKind::Element => around.push(node.after),
                NodeKind::Comment => return Some((node, index, around.last().copied())),
                NodeKind::Text | NodeKind::CharacterData | NodeKind::Void => {}
            }
            None
        });
        // What the comment before found, and up to which node: comments in a row have the same element behind them.
        let mut known: (usize, Option<Span>) = (0, None);
        comments.map(move |(node, index, end)| {
            let from = index as usize + 1;
            if from > known.0 {
                let end = end.map_or(self.nodes.len(), |end| end as usize);
                let behind = self.nodes.get(from..end).unwrap_or_default();
                let next = behind.iter().position(|node| match node.kind {
                    NodeKind::Element | NodeKind::CharacterData => true,
                    NodeKind::Text => !self.slice(node.start, node.end).trim_ascii().is_empty(),
                    NodeKind::Comment | NodeKind::Void => false,
                });
                let element = next.and_then(|next| behind.get(next)).filter(|node| node.kind == NodeKind::Element);
                known = (next.map_or(end, |next| from + next), element.map(|node| self.span(node.start, node.end)));
            }
            (self.slice(node.start, node.end), self.span(node.start, node.end), known.1)
        })
    }

    fn element(&self, index: u32) -> Option<Element<'_, 's>> {
        self.nodes.get(index as usize).map(|node| Element { tree: self, node, index })
    }

    fn slice(&self, start: u32, end: u32) -> &'s str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end }
    }
}

/// What can stand in an element, with its bytes. Processing instructions are not kept: they lie between two contents.
#[derive(Clone, Copy, Debug)]
pub enum Content<'t, 's> {
    /// An element.
    Element(Element<'t, 's>),
    /// Text or a CDATA section, of which more than whitespace is written.
    Text(Span),
    /// Text of whitespace.
    Whitespace(Span),
    /// A comment with its marks.
    Comment(Span),
}

/// An element of a tree.
#[derive(Clone, Copy, Debug)]
pub struct Element<'t, 's> {
    tree: &'t Tree<'s>,
    node: &'t Node,
    index: u32,
}

impl<'t, 's> Element<'t, 's> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'s str {
        self.tree.slice(self.node.start + 1, self.node.name_end)
    }

    /// The name in its closing tag when that is another one, which has been reported.
    #[must_use]
    pub fn closed_as(self) -> Option<&'s str> {
        self.tree.closed_as.get(&self.index).copied()
    }

    /// Whether a reference in its own text has been reported.
    #[must_use]
    pub fn has_broken_text(self) -> bool {
        self.texts().any(|(_, node)| node.broken)
    }

    /// Where the name stands in the opening tag.
    #[must_use]
    pub fn name_span(self) -> Span {
        self.tree.span(self.node.start + 1, self.node.name_end)
    }

    /// Where the name stands in both tags, or in the only one.
    pub fn names(self) -> impl Iterator<Item = Span> {
        let (name, Node { tag_end, end, .. }) = (self.name(), *self.node);
        let inner = self.tree.slice(tag_end, end);
        let closing = inner.rfind("</").map(|at| at + 2).filter(|&at| {
            let rest = inner.get(at..).and_then(|rest| rest.strip_prefix(name)).and_then(|rest| rest.strip_suffix('>'));
            rest.is_some_and(|rest| rest.trim_ascii().is_empty())
        });
        let closing = closing.map(|at| Span::new(self.tree.file, tag_end as usize + at, tag_end as usize + at + name.len()));
        std::iter::once(self.name_span()).chain(closing)
    }

    /// All of it, from `<` to the end of the closing tag.
    #[must_use]
    pub fn span(self) -> Span {
        self.tree.span(self.node.start, self.node.end)
    }

    /// The opening tag.
    #[must_use]
    pub fn tag_span(self) -> Span {
        self.tree.span(self.node.start, self.node.tag_end)
    }

    /// The white space before it on its line; `None` when something else stands there too.
    #[must_use]
    pub fn indentation(self) -> Option<&'s str> {
        let line = self.tree.slice(0, self.node.start).rsplit('\n').next()?;
        line.trim_ascii().is_empty().then_some(line)
    }

    /// Whether it has a closing tag, or room for one: it is not written `<name/>`.
    #[must_use]
    pub fn is_open(self) -> bool {
        !self.tree.slice(self.node.start, self.node.tag_end).ends_with("/>")
    }

    /// Its attributes, in order, each name once.
    pub fn attributes(self) -> impl Iterator<Item = Attribute<'s>> + 't {
        let (from, to) = self.node.attributes;
        let raw = self.tree.attributes.get(from as usize..to as usize).unwrap_or_default();
        let tree = self.tree;
        raw.iter().map(move |raw| Attribute {
            name: tree.slice(raw.name.0, raw.name.1),
            name_span: tree.span(raw.name.0, raw.name.1),
            raw: tree.slice(raw.value.0, raw.value.1),
            value_span: tree.span(raw.value.0, raw.value.1),
            broken: raw.broken,
            quote: tree.text.as_bytes().get(raw.value.1 as usize).map(|byte| char::from(*byte)).filter(|quote| matches!(quote, '"' | '\'')),
        })
    }

    /// The elements right below it, in order.
    pub fn children(self) -> impl Iterator<Item = Element<'t, 's>> {
        self.below().filter(|(_, node)| node.kind == NodeKind::Element).map(move |(index, node)| Element { tree: self.tree, node, index })
    }

    /// Everything right below it, in order, text that is only whitespace too.
    pub fn contents(self) -> impl Iterator<Item = Content<'t, 's>> {
        self.below().map(move |(index, node)| self.tree.content(index, node))
    }

    /// The bytes between its opening and its closing tag; empty when it has no closing tag.
    #[must_use]
    pub fn inner_span(self) -> Span {
        let inside = self.tree.slice(self.node.tag_end, self.node.end);
        let length = inside.rfind("</").unwrap_or(0);
        Span::new(self.tree.file, self.node.tag_end as usize, self.node.tag_end as usize + length)
    }

    /// The bytes of its own text without the whitespace around it; `None` when there is none.
    #[must_use]
    pub fn text_span(self) -> Option<Span> {
        let mut whole: Option<Span> = None;
        for (_, node) in self.texts() {
            let raw = self.tree.slice(node.start, node.end);
            let trimmed = raw.trim_ascii();
            if trimmed.is_empty() {
                continue;
            }
            let start = node.start as usize + (raw.len() - raw.trim_ascii_start().len());
            let span = Span::new(self.tree.file, start, start + trimmed.len());
            whole = Some(whole.map_or(span, |whole| whole.to(span)));
        }
        whole
    }

    /// Its own text, decoded, without the whitespace around it. Borrowed when nothing had to be decoded.
    #[must_use]
    pub fn text(self) -> Cow<'s, str> {
        let mut texts = self.texts();
        let Some((_, first)) = texts.next() else {
            return Cow::Borrowed("");
        };
        let mut text = self.decoded(first);
        for (_, node) in texts {
            text.to_mut().push_str(&self.decoded(node));
        }
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
            Cow::Owned(text) if text.trim_ascii().len() == text.len() => Cow::Owned(text),
            Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_owned()),
        }
    }

    /// Its own text, decoded, with the place of every byte. Whitespace at both ends is left out.
    #[must_use]
    pub fn source_text(self) -> SourceText {
        let Some(whole) = self.text_span() else {
            return SourceText::empty(self.tree.span(self.node.tag_end, self.node.tag_end));
        };
        let mut text = SourceText::empty(whole);
        for (_, node) in self.texts() {
            let (from, to) = content(node);
            let (from, to) = (from.max(whole.start), to.min(whole.end));
            if from >= to {
                continue;
            }
            let raw = self.tree.slice(from, to);
            if node.kind == NodeKind::CharacterData {
                text.push(raw, self.tree.span(from, to));
            } else {
                push_pieces(&mut text, raw, Place::Text, self.tree.span(from, to));
            }
        }
        text
    }

    fn decoded(self, node: &Node) -> Cow<'s, str> {
        let (from, to) = content(node);
        let raw = self.tree.slice(from, to);
        if node.kind == NodeKind::CharacterData { Cow::Borrowed(raw) } else { decode(raw, Place::Text) }
    }

    fn texts(self) -> impl Iterator<Item = (u32, &'t Node)> {
        self.below().filter(|(_, node)| matches!(node.kind, NodeKind::Text | NodeKind::CharacterData))
    }

    fn below(self) -> impl Iterator<Item = (u32, &'t Node)> {
        let mut next = self.index + 1;
        let (tree, end) = (self.tree, self.node.after);
        std::iter::from_fn(move || {
            let index = next;
            let node = (index < end).then(|| tree.nodes.get(index as usize)).flatten()?;
            next = node.after.max(index + 1);
            Some((index, node))
        })
    }
}

/// The bytes of a text node without the marks of a CDATA section.
fn content(node: &Node) -> (u32, u32) {
    match node.kind {
        NodeKind::CharacterData => (node.start + 9, node.end - 3),
        NodeKind::Element | NodeKind::Text | NodeKind::Comment | NodeKind::Void => (node.start, node.end),
    }
}
