//! The type of a webhook's default body: its members by name, as the engine writes them. What the conditions guarantee is not null.

use serde::Serialize;

use crate::check::Rules;
use crate::ids::{ModelId, PropertyId};
use crate::program::{Condition, Embed, FieldType, Kind, Literal, Operations, Program, Subject, Test, Through, Webhook};

/// A member of a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its key.
    pub name: String,
    /// Its type, as a person says it: `text or null`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The members of an object, or of each object of a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

impl Member {
    fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { name: name.into(), kind: kind.into(), members: Vec::new() }
    }

    fn with(mut self, members: Vec<Member>) -> Self {
        self.members = members;
        self
    }
}

/// The members of the default body.
pub(super) fn payload(rules: &Rules, webhook: &Webhook) -> Vec<Member> {
    let program = &rules.program;
    let object = object(program, webhook.model, &webhook.embeds, Some(webhook));
    vec![
        Member::new("account_id", "text"),
        Member::new("app", "text"),
        Member::new("event", format!("\"{}\"", webhook.name)),
        Member::new("object", "object").with(object),
        Member::new("operation", operations(webhook.operations)),
        Member::new("sequence", "integer"),
        Member::new("server", "text"),
    ]
}

fn operations(operations: Operations) -> String {
    let words = [(operations.create, "\"create\""), (operations.update, "\"update\""), (operations.delete, "\"delete\"")];
    words.into_iter().filter_map(|(contained, word)| contained.then_some(word)).collect::<Vec<_>>().join(" or ")
}

/// The members of an object. `webhook` is given for the saved object itself, whose conditions are known to hold.
fn object(program: &Program, model: ModelId, embeds: &[Embed], webhook: Option<&Webhook>) -> Vec<Member> {
    let model = program.model(model);
    let mut members = vec![Member::new("id", "text"), Member::new("type", format!("\"{}\"", model.name))];
    if model.tells_time_of_save(embeds.iter().map(|embed| &*embed.name)) {
        members.push(Member::new("updated_at", "datetime"));
    }
    for (id, property) in (0_u16..).map(PropertyId).zip(&model.properties) {
        let null = if webhook.is_some_and(|webhook| is_certain(webhook, id)) { "" } else { " or null" };
        let member = |name: String, kind: &str| {
            let comma = if kind.starts_with("list of") && !null.is_empty() { "," } else { "" };
            Member::new(name, format!("{kind}{comma}{null}"))
        };
        match &property.kind {
            Kind::BelongsTo(_) => members.push(member(format!("{}_id", property.name), "text")),
            Kind::Field(FieldType::Attachment(_)) => {
                members.push(member(format!("{}_id", property.name), "text"));
                if !webhook.is_some_and(|webhook| webhook.attachments_by_id.contains(&id)) {
                    members.push(member(property.name.to_string(), "attachment").with(attachment()));
                }
            }
            Kind::Field(field) => {
                let members_of = if matches!(field, FieldType::Location | FieldType::Track) { location() } else { Vec::new() };
                let kind = webhook.and_then(|webhook| values_left(webhook, id)).unwrap_or_else(|| kind(field));
                members.push(member(property.name.to_string(), &kind).with(members_of));
            }
        }
    }
    for embed in embeds {
        let related = object(program, embed.model, &embed.embeds, None);
        let name = embed.name.to_string();
        members.push(match embed.through {
            Through::HasMany(_) => Member::new(name, format!("list of at most {} objects", embed.limit)).with(related),
            Through::BelongsTo(_) => Member::new(name, if embed.required { "object" } else { "object or null" }).with(related),
        });
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members
}

/// Whether a condition makes it certain that the property is not null.
fn is_certain(webhook: &Webhook, property: PropertyId) -> bool {
    let about = |condition: &&Condition| match &condition.subject {
        Subject::Property(subject) => *subject == property,
        Subject::Embed(path) => {
            let first = path.first().and_then(|&index| webhook.embeds.get(index));
            first.is_some_and(|embed| embed.through == Through::BelongsTo(property))
        }
    };
    webhook.conditions.iter().filter(about).any(|condition| condition.test != Test::Changed)
}

/// The values of a field that the conditions leave, where one of them lists some.
fn values_left(webhook: &Webhook, property: PropertyId) -> Option<String> {
    let about = webhook.conditions.iter().filter(|condition| condition.subject == Subject::Property(property));
    let mut lists = about.filter_map(|condition| condition.test.values());
    let mut left: Vec<&Literal> = lists.next()?.iter().collect();
    for values in lists {
        left.retain(|value| values.contains(value));
    }
    // Of conditions that exclude each other nothing is left to show.
    (!left.is_empty()).then(|| left.into_iter().map(literal).collect::<Vec<_>>().join(" or "))
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("\"{text}\""),
        Literal::Integer(number) => number.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(flag) => flag.to_string(),
    }
}

fn attachment() -> Vec<Member> {
    let url = |name| Member::new(name, "URL or null");
    vec![url("fullscreen"), url("original"), Member::new("state", "\"pending\" or \"uploaded\""), url("thumbnail")]
}

fn location() -> Vec<Member> {
    let number = |name| Member::new(name, "number");
    let maybe = |name| Member::new(name, "number or null");
    vec![maybe("altitude"), maybe("horizontal_accuracy"), number("latitude"), number("longitude"), maybe("vertical_accuracy")]
}

fn kind(field: &FieldType) -> String {
    let words = |keys: Vec<String>| keys.join(" or ");
    match field {
        FieldType::Text(_) => "text".to_owned(),
        FieldType::Number => "number".to_owned(),
        FieldType::Integer => "integer".to_owned(),
        FieldType::Boolean => "boolean".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Datetime => "datetime".to_owned(),
        FieldType::Location => "location".to_owned(),
        FieldType::Track => "list of locations".to_owned(),
        FieldType::Attachment(_) => "attachment".to_owned(),
        FieldType::SingleChoice(options) => words(options.iter().map(|option| format!("\"{}\"", option.key)).collect()),
        FieldType::SingleChoiceInteger(options) => words(options.iter().map(|option| option.key.to_string()).collect()),
        FieldType::MultipleChoice(options) => {
            format!("list of {}", words(options.iter().map(|option| format!("\"{}\"", option.key)).collect()))
        }
        FieldType::MultipleChoiceInteger(options) => {
            format!("list of {}", words(options.iter().map(|option| option.key.to_string()).collect()))
        }
    }
}
