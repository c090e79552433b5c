//! The names of the data model that a test file mentions, with their places: for an editor that looks names up or renames them. Only places
//! where a name can be nothing else; a reason in prose or a URL is not read. Absent: whether a name exists.

use super::node::{Content, Entry, Node};
use super::yaml::read;
use crate::diagnostics::Diagnostics;
use crate::ids::FileId;
use crate::text::{SourceFile, Span, Spanned};

/// A name in a test file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// What it is a name of.
    pub of: MentionOf,
    /// The name, and its place without quotes.
    pub name: Spanned<String>,
}

/// What a test file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MentionOf {
    /// A model.
    Model,
    /// A field, or `x_id`, of the model with this name.
    Field(String),
    /// A field, `x_id` or relation in the `object` of a body, of the webhook with this name.
    BodyField(String),
    /// A value of the field, of the model with this name: perhaps the key of an option.
    Value(String, String),
    /// A webhook.
    Webhook,
    /// A secret.
    Secret,
}

/// The names in a test file; none when it is no YAML.
#[must_use]
pub fn mentions(file: FileId, source: &SourceFile) -> Vec<Mention> {
    let Some(root) = read(file, source, &mut Diagnostics::default()) else { return Vec::new() };
    let mut walk = Walk { text: &source.text, found: Vec::new() };
    walk.shared(&root);
    for scenario in items(member(&root, "scenarios")) {
        walk.shared(scenario);
        for step in items(member(scenario, "steps")) {
            walk.step(step);
        }
        walk.deliveries(member(scenario, "deliveries"));
    }
    walk.found.sort_by_key(|mention| mention.name.span);
    // An alias repeats what its anchor says.
    walk.found.dedup();
    walk.found
}

struct Walk<'s> {
    text: &'s str,
    found: Vec<Mention>,
}

impl Walk<'_> {
    /// What a file says for all its scenarios, and a scenario for itself.
    fn shared(&mut self, node: &Node) {
        for save in items(member(node, "given")) {
            self.save(save);
        }
        for entry in entries(member(node, "secrets")) {
            self.push(MentionOf::Secret, &entry.key.value, entry.key.span);
        }
    }

    fn step(&mut self, step: &Node) {
        for action in ["save", "patch", "uploaded", "delete"] {
            if let Some(save) = member(step, action) {
                self.save(save);
            }
        }
        let expect = member(step, "expect");
        for entry in entries(expect.and_then(|expect| member(expect, "webhooks"))) {
            let name = entry.key.value.split('/').next().unwrap_or_default();
            self.push(MentionOf::Webhook, name, entry.key.span);
        }
        self.deliveries(expect.and_then(|expect| member(expect, "deliveries")));
    }

    fn save(&mut self, save: &Node) {
        let Some(model) = member(save, "model") else { return };
        let Content::Text(name) = &model.content else { return };
        self.push(MentionOf::Model, name, model.span);
        if let Some(field) = member(save, "field")
            && let Content::Text(text) = &field.content
        {
            self.push(MentionOf::Field(name.clone()), text, field.span);
        }
        for entry in entries(member(save, "fields")) {
            self.push(MentionOf::Field(name.clone()), &entry.key.value, entry.key.span);
            let list = std::slice::from_ref(&entry.value).iter().chain(items(Some(&entry.value)));
            for value in list {
                if let Content::Text(text) = &value.content {
                    self.push(MentionOf::Value(name.clone(), entry.key.value.clone()), text, value.span);
                }
            }
        }
    }

    fn deliveries(&mut self, deliveries: Option<&Node>) {
        let list = deliveries.and_then(|node| member(node, "$contains")).or(deliveries);
        for delivery in items(list) {
            let Some(event) = member(delivery, "event") else { continue };
            let Content::Text(name) = &event.content else { continue };
            self.push(MentionOf::Webhook, name, event.span);
            let object = member(delivery, "body").map(unwrapped).and_then(|body| member(body, "object")).map(unwrapped);
            for entry in entries(object) {
                self.push(MentionOf::BodyField(name.clone()), &entry.key.value, entry.key.span);
            }
        }
    }

    /// Keeps a name whose letters stand in the file as they are.
    fn push(&mut self, of: MentionOf, name: &str, span: Span) {
        let written = self.text.get(span.range()).unwrap_or_default();
        let quotes = usize::from(written.starts_with(['"', '\'']));
        if written.get(quotes..).is_some_and(|rest| rest.starts_with(name)) && !name.is_empty() {
            let start = span.start as usize + quotes;
            let span = Span::new(span.file, start, start + name.len());
            self.found.push(Mention { of, name: Spanned::new(name.to_owned(), span) });
        }
    }
}

/// What is inside of `{$subset: …}`.
fn unwrapped(node: &Node) -> &Node {
    member(node, "$subset").unwrap_or(node)
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    entries(Some(node)).iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
}

fn entries(node: Option<&Node>) -> &[Entry] {
    match node.map(|node| &node.content) {
        Some(Content::Map(entries)) => entries,
        Some(Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) | Content::List(_)) | None => &[],
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.content) {
        Some(Content::List(items)) => items,
        Some(Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) | Content::Map(_)) | None => &[],
    }
}
