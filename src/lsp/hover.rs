//! What is to be known of a place: what a name stands for, what a word of the language means, what a finding says at length.

use std::fmt::Write as _;
use std::ops::Range;

use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};

use super::index::{Entry, Symbol};
use super::lookup::type_name;
use super::pages::meaning;
use super::place::{Place, Spot};
use super::world::View;
use crate::check::Rules;
use crate::ids::{ModelId, PropertyId};
use crate::program::{Choice, FieldType, Kind};
use crate::schema::offer;
use crate::template::{FILTERS, Signature, TESTS, Tool};
use crate::{explain, graph};

/// Fields that are listed of a model.
const MOST_LISTED: usize = 20;

/// What is known of a place; `None` when nothing is.
pub(super) fn hover(view: View<'_>, offset: usize) -> Option<Hover> {
    let named = name(view, offset).or_else(|| word(view, offset));
    let findings = findings(view, offset);
    let (mut value, range) = match named {
        Some((text, range)) => (text, Some(range)),
        None if findings.is_empty() => return None,
        None => (String::new(), None),
    };
    for (text, _) in &findings {
        if !value.is_empty() {
            value.push_str("\n\n---\n\n");
        }
        value.push_str(text);
    }
    let range = range.or_else(|| findings.first().map(|(_, range)| range.clone()));
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    Some(Hover { contents, range: range.map(|range| view.range(range)) })
}

/// What a name stands for.
fn name(view: View<'_>, offset: usize) -> Option<(String, Range<usize>)> {
    let rules = view.snapshot.rules()?;
    let entry = *view.entries(offset).first()?;
    let mut text = about(view, rules, entry)?;
    let may = match (entry.null, entry.undefined) {
        (true, true) => "null or undefined",
        (true, false) => "null",
        (false, true) => "undefined",
        (false, false) => return Some((text, view.now(entry.span)?)),
    };
    let _ = write!(text, "\n\nmay be {may} here");
    Some((text, view.now(entry.span)?))
}

fn about(view: View<'_>, rules: &Rules, entry: &Entry) -> Option<String> {
    let program = &rules.program;
    Some(match &entry.symbol {
        Symbol::Model(id) => model(rules, *id),
        Symbol::Property(model, id) => property(rules, *model, *id),
        Symbol::HasMany(id, many) => {
            let model = program.model(*id);
            let many = model.has_many(*many);
            let other = program.model(many.model);
            let inverse = &other.property(many.inverse).name;
            format!("**has-many** `{}.{}`: every `{}` whose `{inverse}` is this object", model.name, many.name, other.name)
        }
        Symbol::Webhook(id) => webhook(view, rules, *id),
        Symbol::Option(model, id, key) => {
            let model = program.model(*model);
            let property = model.property(*id);
            let label = label_of(property.field()?, key).unwrap_or_default();
            format!("**option** `{key}` of `{}.{}`: {label}", model.name, property.name)
        }
        Symbol::Variable(name) => format!("**variable** `vars.{name}` = `{}`", rules.settings.vars.get(&**name)?),
        Symbol::Secret(name) => format!("**secret** `secret.{name}`, filled in when the request is sent"),
        Symbol::Receiver(name) => format!("**receiver** `{name}`"),
        Symbol::Template(name) => format!("**template file** `{name}`"),
        Symbol::Tool(Tool::Filter, name) => tool(FILTERS, "filter", name)?,
        Symbol::Tool(Tool::Test, name) => tool(TESTS, "test", name)?,
        Symbol::Tool(Tool::Function, name) => format!("**function** `{name}(\"field\")`: whether the field differs from the previous save"),
        Symbol::Value(name, about) => format!("`{name}`: {about}"),
    })
}

fn model(rules: &Rules, id: ModelId) -> String {
    let model = rules.program.model(id);
    let mut text = format!("**model** `{}` – {}\n", model.name, model.label);
    for property in model.properties.iter().take(MOST_LISTED) {
        let _ = match &property.kind {
            Kind::Field(field) => write!(text, "\n- `{}`: {}", property.name, type_name(field)),
            Kind::BelongsTo(to) => write!(text, "\n- `{}` → `{}`", property.name, rules.program.model(to.model).name),
        };
    }
    if let Some(more) = model.properties.len().checked_sub(MOST_LISTED).filter(|more| *more > 0) {
        let _ = write!(text, "\n- … and {more} more");
    }
    for id in &model.webhooks {
        let _ = write!(text, "\n- webhook `{}`", rules.program.webhook(*id).name);
    }
    text
}

fn property(rules: &Rules, model: ModelId, id: PropertyId) -> String {
    let model = rules.program.model(model);
    let property = model.property(id);
    match &property.kind {
        Kind::BelongsTo(to) => {
            let other = rules.program.model(to.model);
            format!("**belongs-to** `{}.{}` → model `{}` ({})", model.name, property.name, other.name, other.label)
        }
        Kind::Field(field) => {
            let mut text = format!("**field** `{}.{}`: `{}` – {}", model.name, property.name, type_name(field), property.label);
            for (key, label) in options(field) {
                let _ = write!(text, "\n- `{key}`: {label}");
            }
            text
        }
    }
}

/// What a webhook means, in prose.
fn webhook(view: View<'_>, rules: &Rules, id: crate::ids::WebhookId) -> String {
    let webhook = rules.program.webhook(id);
    let Some(rules) = view.snapshot.rules.as_deref() else {
        let mut text = format!("**webhook** `{}`", webhook.name);
        for condition in graph::conditions(webhook) {
            let _ = write!(text, "\n- {condition}");
        }
        return text;
    };
    let event = explain::event(rules, &view.snapshot.sources, id, Vec::new());
    let mut text = format!("**webhook** `{}` {}", event.name, event.fires);
    for condition in &event.conditions {
        let _ = write!(text, "\n- {condition}");
    }
    for note in &event.notes {
        let _ = write!(text, "\n\n{note}");
    }
    for receiver in &event.receivers {
        let _ = write!(text, "\n\n→ `{}` {} `{}`", receiver.name, receiver.method, receiver.url);
    }
    text
}

fn options(field: &FieldType) -> Vec<(String, &str)> {
    fn all<K: ToString>(options: &[Choice<K>]) -> Vec<(String, &str)> {
        options.iter().map(|option| (option.key.to_string(), &*option.label)).collect()
    }
    match field {
        FieldType::SingleChoice(options) | FieldType::MultipleChoice(options) => all(options),
        FieldType::SingleChoiceInteger(options) | FieldType::MultipleChoiceInteger(options) => all(options),
        FieldType::Text(_)
        | FieldType::Number
        | FieldType::Integer
        | FieldType::Boolean
        | FieldType::Date
        | FieldType::Datetime
        | FieldType::Location
        | FieldType::Track
        | FieldType::Attachment(_) => Vec::new(),
    }
}

fn label_of<'f>(field: &'f FieldType, key: &str) -> Option<&'f str> {
    options(field).into_iter().find(|(known, _)| known == key).map(|(_, label)| label)
}

fn tool<K>(table: &'static [Signature<K>], kind: &str, name: &str) -> Option<String> {
    let row = table.iter().find(|row| row.name == name)?;
    Some(format!("**{kind}** `{}`\n\n{}", row.form(), row.about))
}

/// What a word of the language means.
fn word(view: View<'_>, offset: usize) -> Option<(String, Range<usize>)> {
    if view.document.path.extension().is_none_or(|extension| extension != "xml") {
        return None;
    }
    let place = Place::of(&view.document.text, offset);
    let element = offer::element(place.dialect, &place.names())?;
    match place.spot {
        Spot::ElementName(range) => Some((format!("**`<{}>`** – {}", element.name(), element.about()), range)),
        Spot::AttributeName(range) => {
            let written = view.document.text.get(range.clone())?;
            let own = |attribute: &offer::AttributeOffer| place.dialect.attribute_word(element.name(), attribute.name()) == written;
            let attribute = element.attributes().find(own).or_else(|| element.attribute(written))?;
            let required = if attribute.is_required() { " (required)" } else { "" };
            let words = attribute.words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let words = if words.is_empty() { words } else { format!("\n\n{words}") };
            Some((format!("**`{}`**{required} – {}{words}", attribute.name(), attribute.about()), range))
        }
        Spot::Content | Spot::ClosingName(_) | Spot::AttributeValue(..) | Spot::Other => None,
    }
}

/// The pages of the findings at a place.
fn findings(view: View<'_>, offset: usize) -> Vec<(String, Range<usize>)> {
    let Some(file) = view.snapshot.file(&view.document.path) else { return Vec::new() };
    let here = view.snapshot.diagnostics.iter().filter(|finding| finding.primary.span.file == file);
    let here = here.filter_map(|finding| Some((finding, view.now(finding.primary.span)?)));
    let here = here.filter(|(_, range)| range.start <= offset && offset <= range.end);
    let page = |code: crate::diagnostics::Code| format!("**{}** {}\n\n{}", code.as_str(), code.name(), meaning(code).unwrap_or_default());
    here.map(|(finding, range)| (page(finding.code), range)).collect()
}
