//! Where the mistakes against the language can be made.

use super::document::{Attr, Change, Document, Node, misspelt};

pub fn misspell<'d>(found: impl Iterator<Item = &'d Attr>) -> Vec<Change> {
    found.map(|found| Change::here(found.value_at.clone(), misspelt(&found.value))).collect()
}

/// Misspells the first word of a list.
pub fn first_word<'d>(found: impl Iterator<Item = &'d Attr>) -> Vec<Change> {
    found
        .map(|found| {
            let from = found.value_at.start + found.value.find(|first: char| first.is_alphabetic()).unwrap();
            let word = &found.value[from - found.value_at.start..];
            let word = word.split([',', ' ']).next().unwrap();
            Change::here(from..from + word.len(), misspelt(word))
        })
        .collect()
}

pub fn in_model(document: &Document, node: &Node) -> bool {
    node.parent.is_some_and(|parent| document.nodes[parent].name == "model")
}

/// Whether a name is that of a model or of a field of a model.
pub fn defines(document: &Document, found: &Attr) -> bool {
    let node = document.node(found);
    node.name == "model" || in_model(document, node)
}

/// The names of fields that nothing else of the document says.
pub fn unused_names(document: &Document) -> impl Iterator<Item = &Attr> {
    let names = document.attributes(&["field"], "name").filter(|found| defines(document, found));
    names.filter(|found| document.text.matches(&found.value).count() == 1)
}

/// The names that webhooks list.
pub fn listed(document: &Document) -> impl Iterator<Item = &Attr> {
    document.attributes(&["field"], "name").filter(|found| !defines(document, found) && !found.value.contains('.'))
}

pub fn is_required(element: &str, found: &Attr, document: &Document) -> bool {
    let required: &[&str] = match element {
        "field" if !defines(document, found) => &["name"],
        "field" => &["name", "label", "type"],
        "model" => &["name", "label"],
        "belongs-to" => &["model"],
        "has-many" => &["model", "name"],
        "index" => &["on"],
        "notify-user" => &["message", "received-field", "recipient-field"],
        "webhook" => &["type"],
        "request" => &["url"],
        "header" => &["name"],
        _ => &[],
    };
    required.contains(&found.name.as_str())
}

pub fn is_boolean(document: &Document, option: &Node) -> bool {
    let field = &document.nodes[option.parent.unwrap()];
    field.attribute("type").is_some_and(|kind| kind.value == "boolean")
}

pub fn twice<'d>(document: &Document, found: impl Iterator<Item = &'d Node>) -> Vec<Change> {
    found.map(|node| Change::here(node.span.end..node.span.end, document.slice(&node.span))).collect()
}

/// Moves the first element of a name behind the last child of its model.
pub fn moved(document: &Document, name: &str) -> Vec<Change> {
    let models = document.nodes.iter().enumerate().filter(|(_, node)| node.name == "model");
    models
        .filter_map(|(index, _)| {
            let first = document.children(index).find(|child| child.name == name)?;
            let last = document.children(index).last()?;
            let between = document.slice(&(first.span.end..last.span.end));
            let at = first.span.start..last.span.end;
            let near = document.nodes[index].span.clone();
            (last.name != name).then(|| Change::new(at, format!("{between}{}", document.slice(&first.span)), near))
        })
        .collect()
}

/// An attribute on the fields that webhooks list, where it means nothing.
pub fn on_plain(document: &Document, attribute: &str) -> Vec<Change> {
    let plain = listed(document).filter(|found| {
        let texts = document.attributes(&["field"], "type").filter(|kind| kind.value.starts_with("text"));
        let is_text =
            texts.map(|kind| document.node(kind)).any(|field| field.attribute("name").is_some_and(|name| name.value == found.value));
        is_text && document.node(found).attributes.iter().all(|other| !attribute.contains(&other.name))
    });
    plain.map(|found| Change::here(found.whole.end..found.whole.end, attribute)).collect()
}

/// Replaces what stands in displays.
pub fn in_displays(document: &Document, wrong: &str, right: &str) -> Vec<Change> {
    let texts = document.named(&["display"]).filter_map(|node| node.text.clone());
    texts
        .filter_map(|text| {
            let at = text.start + document.slice(&text).find(right)?;
            Some(Change::here(at..at + right.len(), wrong))
        })
        .collect()
}
