//! A schema or template that is right, taken apart into the places where a mistake can be made.

use std::ops::Range;

use webhookc::diagnostics::Diagnostics;
use webhookc::syntax::{Element, parse};
use webhookc::text::{SourceMap, Span};

/// One replacement in a document, and where the diagnostic about it has to stand.
#[derive(Clone)]
pub struct Change {
    /// The bytes to replace, of the original.
    pub at: Range<usize>,
    /// What to put there.
    pub with: String,
    /// The primary place has to lie in these bytes of the original, as they are after the change.
    pub near: Range<usize>,
}

impl Change {
    /// A replacement whose diagnostic stands within `near`.
    pub fn new(at: Range<usize>, with: impl Into<String>, near: Range<usize>) -> Self {
        Self { at, with: with.into(), near }
    }

    /// A replacement whose diagnostic stands on what was put there.
    pub fn here(at: Range<usize>, with: impl Into<String>) -> Self {
        Self::new(at.clone(), with, at)
    }
}

/// An attribute and its places.
#[derive(Clone)]
pub struct Attr {
    pub element: usize,
    pub name: String,
    pub value: String,
    pub name_at: Range<usize>,
    /// Between the quotes.
    pub value_at: Range<usize>,
    /// From the name to the closing quote.
    pub whole: Range<usize>,
}

/// An element and its places.
pub struct Node {
    pub name: String,
    pub parent: Option<usize>,
    pub name_at: Range<usize>,
    /// The opening tag.
    pub tag: Range<usize>,
    pub span: Range<usize>,
    /// The closing tag; `None` for an empty-element tag.
    pub close: Option<Range<usize>>,
    pub text: Option<Range<usize>>,
    pub attributes: Vec<Attr>,
}

impl Node {
    pub fn attribute(&self, name: &str) -> Option<&Attr> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// A document that is right.
pub struct Document {
    /// Its path below the root of the project.
    pub path: String,
    pub text: String,
    /// Not a schema but the text of a template file.
    pub is_template: bool,
    /// The elements in the order of the text; none for a template.
    pub nodes: Vec<Node>,
}

impl Document {
    pub fn schema(path: String, text: String) -> Self {
        let mut sources = SourceMap::default();
        let file = sources.add("schema.xml", text.clone().into_bytes());
        let tree = parse(file, sources.file(file), &mut Diagnostics::default());
        let mut nodes = Vec::new();
        if let Some(root) = tree.root() {
            take_apart(root, None, &text, &mut nodes);
        }
        Self { path, text, is_template: false, nodes }
    }

    pub fn template(path: String, text: String) -> Self {
        Self { path, text, is_template: true, nodes: Vec::new() }
    }

    /// The elements with one of these names.
    pub fn named<'d>(&'d self, names: &'d [&str]) -> impl Iterator<Item = &'d Node> {
        self.nodes.iter().filter(move |node| names.contains(&node.name.as_str()))
    }

    /// The attributes with this name of the elements with one of these names.
    pub fn attributes<'d>(&'d self, elements: &'d [&str], name: &'d str) -> impl Iterator<Item = &'d Attr> {
        self.named(elements).filter_map(move |node| node.attribute(name))
    }

    /// Every attribute.
    pub fn all_attributes(&self) -> impl Iterator<Item = &Attr> {
        self.nodes.iter().flat_map(|node| &node.attributes)
    }

    pub fn node(&self, attribute: &Attr) -> &Node {
        &self.nodes[attribute.element]
    }

    /// The elements right below one.
    pub fn children(&self, parent: usize) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.parent == Some(parent))
    }

    /// Every place of a text, outside comments.
    pub fn places<'d>(&'d self, text: &'d str) -> impl Iterator<Item = Range<usize>> + 'd {
        self.text.match_indices(text).map(|(at, found)| at..at + found.len()).filter(|at| {
            let before = &self.text[..at.start];
            before.rfind("<!--") <= before.rfind("-->")
        })
    }

    /// From a place to the next of these characters.
    pub fn until(&self, from: usize, ends: &[char]) -> Range<usize> {
        from..self.text[from..].find(ends).map_or(self.text.len(), |at| from + at)
    }

    pub fn slice(&self, at: &Range<usize>) -> &str {
        &self.text[at.clone()]
    }
}

fn take_apart(element: Element<'_, '_>, parent: Option<usize>, text: &str, nodes: &mut Vec<Node>) {
    let index = nodes.len();
    let range = |span: Span| span.range();
    let attributes = element.attributes().map(|attribute| {
        let (name_at, value_at) = (range(attribute.name_span), range(attribute.value_span));
        let whole = name_at.start..value_at.end + 1;
        let value = text[value_at.clone()].to_owned();
        Attr { element: index, name: attribute.name.to_owned(), value, name_at, value_at, whole }
    });
    let (tag, span) = (range(element.tag_span()), range(element.span()));
    let close = (tag.end < span.end).then(|| text[..span.end].rfind("</").map(|at| at..span.end)).flatten();
    let name_at = range(element.name_span());
    let own_text = element.text_span().map(range);
    nodes.push(Node {
        name: element.name().to_owned(),
        parent,
        name_at,
        tag,
        span,
        close,
        text: own_text,
        attributes: attributes.collect(),
    });
    for child in element.children() {
        take_apart(child, Some(index), text, nodes);
    }
}

/// The text with two neighbouring letters of its middle swapped, or one doubled where that changes nothing.
pub fn misspelt(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let middle = letters.len() / 2;
    if middle == 0 || letters[middle] == letters[middle - 1] || !letters[middle].is_alphabetic() || !letters[middle - 1].is_alphabetic() {
        letters.insert(middle, 'q');
    } else {
        letters.swap(middle, middle - 1);
    }
    letters.into_iter().collect()
}
