//! What an attribute may be, and what stands in an element of text: words of the language, names of the data model, templates.

use std::ops::Range;

use lsp_types::CompletionItemKind;

use super::super::lookup;
use super::super::place::Place;
use super::super::world::View;
use super::{Choice, Choices, format, template};
use crate::ids::ModelId;
use crate::program::{FieldType, Kind, Model, Program};
use crate::schema::offer::{self, ElementOffer};

/// Receivers that every project has.
const BUILT_IN_RECEIVERS: [&str; 2] = ["cloudcode", "pdfmailer"];

/// The choices in the value of an attribute.
pub(super) fn in_attribute(view: View<'_>, place: &Place<'_>, written: &str, range: Range<usize>, cursor: usize) -> Choices {
    let Some(element) = offer::element(place.dialect, &place.names()) else { return Choices::default() };
    let word = |attribute: &offer::AttributeOffer| place.dialect.attribute_word(element.name(), attribute.name()) == written;
    let Some(attribute) = element.attributes().find(|attribute| word(attribute) || attribute.name() == written) else {
        return Choices::default();
    };
    let words = attribute.words();
    if attribute.is_list() {
        let list = words.iter().map(|word| Choice::new(word, CompletionItemKind::ENUM_MEMBER, ""));
        return Choices { range: part(view, &range, cursor, &[' ', ',']), list: list.collect() };
    }
    if !words.is_empty() {
        let list = words.iter().map(|word| Choice::new(word, CompletionItemKind::ENUM_MEMBER, ""));
        return Choices { range, list: list.collect() };
    }
    match (element.kind(), attribute.name()) {
        ("belongs-to" | "has-many", "model") => Choices { range, list: models(view) },
        ("has-many", "inverse-of") => Choices { list: inverses(view, place), range },
        ("index", "on") => Choices { range: part(view, &range, cursor, &[' ', ',', '-']), list: members(view, place, |_| true, false) },
        ("display", "format") | ("notify-user", "message") => format::choices(view, place, range, cursor),
        ("notify-user", "received-field") => {
            let fits = |kind: &Kind| matches!(kind, Kind::Field(FieldType::Datetime | FieldType::Boolean));
            Choices { range, list: members(view, place, fits, false) }
        }
        ("notify-user", "recipient-field") => {
            Choices { range, list: members(view, place, |kind| matches!(kind, Kind::BelongsTo(_)), false) }
        }
        ("notify-user", "badge-count-field") => Choices { list: badges(view, place), range },
        ("webhook", "receiver") => Choices { list: receivers(view), range },
        ("webhook", "when") => template::in_expression(view, place, range, cursor),
        ("webhook-field", "name") => path(view, place, range, cursor),
        ("webhook-field", "equals") => Choices { list: values(view, place), range },
        ("webhook-field", "one-of") => Choices { list: values(view, place), range: part(view, &range, cursor, &[' ', ',']) },
        ("request", "url") => template::in_text(view, place, range, cursor),
        ("request", "method") => words_of(range, &["POST", "PUT", "PATCH", "DELETE"]),
        ("body", "template") => Choices { list: templates(view), range },
        ("body", "content-type") => words_of(range, &["application/json", "text/plain", "application/x-www-form-urlencoded"]),
        _ => Choices::default(),
    }
}

/// The choices in an element that holds text.
pub(super) fn in_text(view: View<'_>, place: &Place<'_>, element: ElementOffer, text: &str, cursor: usize) -> Choices {
    let Some(open) = place.path.last() else { return Choices::default() };
    let start = open.inside;
    let end = text.get(cursor..).and_then(|rest| rest.find("</")).map_or(text.len(), |length| cursor + length);
    match element.kind() {
        "header" | "body" => template::in_text(view, place, start..end, cursor),
        "display" => format::choices(view, place, start..end, cursor),
        _ => Choices::default(),
    }
}

fn words_of(range: Range<usize>, words: &[&str]) -> Choices {
    Choices { range, list: words.iter().map(|word| Choice::new(*word, CompletionItemKind::ENUM_MEMBER, "")).collect() }
}

/// The item of a list in which the cursor stands.
fn part(view: View<'_>, range: &Range<usize>, cursor: usize, separators: &[char]) -> Range<usize> {
    let text = view.document.text.as_str();
    let start = text.get(range.start..cursor).and_then(|before| before.rfind(separators)).map_or(range.start, |at| range.start + at + 1);
    let end = text.get(cursor..range.end).and_then(|rest| rest.find(separators)).map_or(range.end, |at| cursor + at);
    start..end
}

/// The models of the last compilation, and of the last one without an error when it had others.
fn models(view: View<'_>) -> Vec<Choice> {
    let mut list = Vec::new();
    let mut known = rustc_hash::FxHashSet::default();
    for program in lookup::programs(view) {
        for model in &program.models {
            if known.insert(&*model.name) {
                list.push(Choice::new(&*model.name, CompletionItemKind::CLASS, &*model.label));
            }
        }
    }
    list
}

/// The fields and relations of the model around the cursor.
fn members(view: View<'_>, place: &Place<'_>, fits: impl Fn(&Kind) -> bool, with_many: bool) -> Vec<Choice> {
    let mut list: Vec<Choice> = Vec::new();
    for (program, model) in lookup::models_around(view, place) {
        for choice in members_of(program, program.model(model), &fits, with_many) {
            if !list.iter().any(|known| known.label == choice.label) {
                list.push(choice);
            }
        }
    }
    list
}

fn members_of(program: &Program, model: &Model, fits: impl Fn(&Kind) -> bool, with_many: bool) -> Vec<Choice> {
    let mut list = Vec::new();
    for property in model.properties.iter().filter(|property| fits(&property.kind)) {
        list.push(match &property.kind {
            Kind::Field(field) => {
                let detail = format!("`{}` · {}", lookup::type_name(field), property.label);
                Choice::new(&*property.name, CompletionItemKind::FIELD, detail)
            }
            Kind::BelongsTo(to) => {
                let detail = format!("belongs to `{}`", program.model(to.model).name);
                Choice::new(&*property.name, CompletionItemKind::REFERENCE, detail)
            }
        });
    }
    if with_many {
        list.extend(model.has_many.iter().map(|many| {
            let detail = format!("has many `{}`", program.model(many.model).name);
            Choice::new(&*many.name, CompletionItemKind::REFERENCE, detail)
        }));
    }
    list
}

/// The next name of a path through relations.
fn path(view: View<'_>, place: &Place<'_>, range: Range<usize>, cursor: usize) -> Choices {
    let text = view.document.text.as_str();
    let before = text.get(range.start..cursor).unwrap_or_default();
    let Some((walked, _)) = before.rsplit_once('.') else {
        return Choices { range, list: members(view, place, |_| true, true) };
    };
    let start = range.start + walked.len() + 1;
    let mut list = Vec::new();
    for (program, model) in lookup::models_around(view, place) {
        let end = walked.split('.').try_fold(model, |model, name| lookup::target(program, model, name));
        if let Some(end) = end
            && list.is_empty()
        {
            list = members_of(program, program.model(end), |kind| matches!(kind, Kind::BelongsTo(_)), true);
        }
    }
    Choices { range: start..range.end, list }
}

/// The values that the field of a condition can have.
fn values(view: View<'_>, place: &Place<'_>) -> Vec<Choice> {
    let Some(name) = place.path.last().and_then(|open| open.attribute("name")) else { return Vec::new() };
    let word = |key: String, label: &str| Choice::new(key, CompletionItemKind::ENUM_MEMBER, label);
    let field = lookup::models_around(view, place).find_map(|(program, model)| {
        let model = program.model(model);
        model.property(model.property_named(name)?).field()
    });
    match field {
        Some(FieldType::SingleChoice(options)) => options.iter().map(|option| word(option.key.to_string(), &option.label)).collect(),
        Some(FieldType::SingleChoiceInteger(options)) => options.iter().map(|option| word(option.key.to_string(), &option.label)).collect(),
        Some(FieldType::Boolean) => ["true", "false"].map(|key| word(key.to_owned(), "")).into(),
        Some(_) | None => Vec::new(),
    }
}

/// The belongs-to relations of the model that a has-many names which lead back here.
fn inverses(view: View<'_>, place: &Place<'_>) -> Vec<Choice> {
    let written = place.dialect.attribute_word("has-many", "model");
    let Some(name) = place.path.last().and_then(|open| open.attribute(written)) else { return Vec::new() };
    let found = lookup::models_around(view, place).find_map(|(program, here)| {
        let other = program.model(program.model_named(name)?);
        let leads_here = |kind: &Kind| matches!(kind, Kind::BelongsTo(to) if to.model == here);
        Some(members_of(program, other, leads_here, false))
    });
    found.unwrap_or_default()
}

/// The numbers of who is notified, and of the object.
fn badges(view: View<'_>, place: &Place<'_>) -> Vec<Choice> {
    let counts = |kind: &Kind| matches!(kind, Kind::Field(FieldType::Integer | FieldType::Number));
    let recipient = place.path.last().and_then(|open| open.attribute("recipient-field"));
    let found = lookup::models_around(view, place).find_map(|(program, model): (_, ModelId)| {
        let recipient = lookup::target(program, model, recipient?)?;
        Some(members_of(program, program.model(recipient), counts, false))
    });
    found.unwrap_or_default().into_iter().chain(members(view, place, counts, false)).collect()
}

fn receivers(view: View<'_>) -> Vec<Choice> {
    let settings = view.snapshot.rules().or_else(|| view.sound.rules()).map(|rules| &rules.settings);
    let own = settings.into_iter().flat_map(|settings| settings.receivers.iter().map(String::as_str));
    BUILT_IN_RECEIVERS.into_iter().chain(own).map(|name| Choice::new(name, CompletionItemKind::VALUE, "")).collect()
}

fn templates(view: View<'_>) -> Vec<Choice> {
    view.snapshot.templates.iter().map(|(name, _)| Choice::new(name, CompletionItemKind::FILE, "")).collect()
}
