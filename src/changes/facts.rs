//! A program as facts with names, so that two of them can be compared fact by fact.

use indexmap::IndexMap;

use crate::check::Rules;
use crate::graph::{conditions, literal};
use crate::program::{
    Choice, Classification, Embed, EndpointSource, Events, FieldType, Kind, Media, Model, Order, Program, RequestSource, Test, Through,
    Webhook, WebhookType,
};
use crate::schema::TEXT_FORMATS;

/// Characters of a template that are shown.
const SHOWN: usize = 80;

/// What is true of one model, webhook or endpoint, by name.
pub(super) type Facts = IndexMap<String, Fact>;

/// One thing that is true.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// As it may be shown; empty when the name says it all.
    pub(super) shown: String,
    /// What cannot be shown, or not whole.
    hidden: String,
}

fn fact(shown: impl Into<String>) -> Fact {
    Fact { shown: shown.into(), hidden: String::new() }
}

/// Everything that has a meaning, by what it is about, in the order of the files.
pub(super) fn facts(rules: &Rules) -> IndexMap<String, Facts> {
    let program = &rules.program;
    let models = program.models.iter().map(|model| (format!("model {}", model.name), of_model(program, model)));
    let webhooks = program.webhooks.iter().zip(&rules.subscriptions).map(|(webhook, subscriptions)| {
        let receivers = subscriptions.iter().filter_map(|subscription| rules.endpoints.get(subscription.endpoint));
        (webhook.name.to_string(), of_webhook(program, webhook, receivers))
    });
    // That of a `<request>` is part of its webhook.
    let endpoints = rules.settings.endpoints.iter().map(|endpoint| (format!("endpoint {}", endpoint.name.value), of_endpoint(endpoint)));
    let settings = std::iter::once(("settings".to_owned(), of_settings(rules)));
    models.chain(webhooks).chain(endpoints).chain(settings).collect()
}

fn of_model(program: &Program, model: &Model) -> Facts {
    let mut facts = Facts::new();
    if model.classification == Classification::Sensitive {
        facts.insert("sensitive".to_owned(), fact(""));
    }
    for property in &model.properties {
        match &property.kind {
            Kind::Field(field) => {
                facts.insert(format!("field {}", property.name), fact(type_name(field)));
                let option = |key: &dyn std::fmt::Display| (format!("option {} of {}", key, property.name), fact(""));
                match field {
                    FieldType::SingleChoice(options) | FieldType::MultipleChoice(options) => {
                        facts.extend(options.iter().map(|Choice { key, .. }| option(key)));
                    }
                    FieldType::SingleChoiceInteger(options) | FieldType::MultipleChoiceInteger(options) => {
                        facts.extend(options.iter().map(|Choice { key, .. }| option(key)));
                    }
                    FieldType::Text(_)
                    | FieldType::Number
                    | FieldType::Integer
                    | FieldType::Boolean
                    | FieldType::Date
                    | FieldType::Datetime
                    | FieldType::Location
                    | FieldType::Track
                    | FieldType::Attachment(_) => {}
                }
            }
            Kind::BelongsTo(target) => {
                facts.insert(format!("belongs-to {}", property.name), fact(&*program.model(target.model).name));
            }
        }
    }
    for has_many in &model.has_many {
        facts.insert(format!("has-many {}", has_many.name), fact(&*program.model(has_many.model).name));
    }
    facts
}

fn type_name(field: &FieldType) -> String {
    let plain = match field {
        FieldType::Text(format) => {
            let format = TEXT_FORMATS.iter().find(|(_, known)| known == format);
            return format.map_or_else(|| "text".to_owned(), |(name, _)| format!("text:{name}"));
        }
        FieldType::Attachment(Media::Any) => return "attachment any".to_owned(),
        FieldType::Attachment(Media::Type(media)) => return format!("attachment {media}"),
        FieldType::Number => "number",
        FieldType::Integer => "integer",
        FieldType::Boolean => "boolean",
        FieldType::Date => "date",
        FieldType::Datetime => "datetime",
        FieldType::Location => "location",
        FieldType::Track => "track",
        FieldType::SingleChoice(_) => "single-choice",
        FieldType::MultipleChoice(_) => "multiple-choice",
        FieldType::SingleChoiceInteger(_) => "single-choice-integer",
        FieldType::MultipleChoiceInteger(_) => "multiple-choice-integer",
    };
    plain.to_owned()
}

fn of_webhook<'r>(program: &Program, webhook: &Webhook, receivers: impl Iterator<Item = &'r std::sync::Arc<EndpointSource>>) -> Facts {
    let mut facts = Facts::new();
    let mut add = |name: String, fact: Fact| {
        facts.insert(name, fact);
    };
    add("model".to_owned(), fact(&*program.model(webhook.model).name));
    let kind = match webhook.kind {
        WebhookType::Ready => "ready",
        WebhookType::Update => "update",
    };
    add("type".to_owned(), fact(kind));
    let operations = webhook.operations;
    let operations = [(operations.create, "create"), (operations.update, "update"), (operations.delete, "delete")];
    let operations: Vec<&str> = operations.into_iter().filter_map(|(contained, word)| contained.then_some(word)).collect();
    add("on".to_owned(), fact(operations.join(" ")));
    if webhook.order == Order::Object {
        add("order object".to_owned(), fact(""));
    }
    for condition in &webhook.conditions {
        let name = &condition.name;
        match &condition.test {
            Test::Set => add(format!("required {name}"), fact("")),
            Test::Uploaded => add(format!("uploaded {name}"), fact("")),
            Test::Changed => add(format!("changed {name}"), fact("")),
            Test::Equals(value) => add(format!("{name} equals"), fact(literal(value))),
            Test::OneOf(values) => add(format!("{name} one of"), fact(values.iter().map(literal).collect::<Vec<_>>().join(", "))),
        }
    }
    if webhook.when.is_some() {
        // The last of its conditions in words.
        add("when".to_owned(), text(&conditions(webhook).pop().unwrap_or_default()));
    }
    of_embeds(&webhook.embeds, "", &mut add);
    for &attachment in &webhook.attachments_by_id {
        add(format!("{} by id", program.model(webhook.model).property(attachment).name), fact(""));
    }
    for endpoint in receivers {
        let own = webhook.request.is_some() && endpoint.name.value == webhook.name;
        if !own {
            add(format!("received by {}", endpoint.name.value), fact(""));
        }
    }
    if let Some(request) = &webhook.request {
        of_request(request, &mut add);
    }
    facts
}

fn of_embeds(embeds: &[Embed], above: &str, add: &mut impl FnMut(String, Fact)) {
    for embed in embeds {
        let path = format!("{above}{}", embed.name);
        let shown = match embed.through {
            Through::BelongsTo(_) => String::new(),
            Through::HasMany(_) => format!("at most {}", embed.limit),
        };
        add(format!("embed {path}"), fact(shown));
        of_embeds(&embed.embeds, &format!("{path}."), add);
    }
}

fn of_endpoint(endpoint: &EndpointSource) -> Facts {
    let mut facts = Facts::new();
    let events = match &endpoint.events {
        Events::All => "*".to_owned(),
        Events::Named(names) => names.iter().map(|name| &*name.value).collect::<Vec<_>>().join(", "),
        Events::Receiver(receiver) => format!("with receiver {receiver}"),
        Events::Unclaimed => "nobody else receives".to_owned(),
    };
    facts.insert("events".to_owned(), text(&events));
    if !endpoint.enabled {
        facts.insert("disabled".to_owned(), fact(""));
    }
    of_request(&endpoint.request, &mut |name, fact| {
        facts.insert(name, fact);
    });
    facts
}

fn of_request(request: &RequestSource, add: &mut impl FnMut(String, Fact)) {
    add("url".to_owned(), url(&request.url.text));
    add("method".to_owned(), fact(&*request.method.value));
    for header in &request.headers {
        add(format!("header {}", header.name.value), Fact { shown: String::new(), hidden: header.value.text.clone() });
    }
    if let Some(body) = &request.body {
        add("content type".to_owned(), fact(&*body.content_type.value));
        let hidden = body.text.as_ref().map(|text| text.text.clone()).unwrap_or_default();
        add("body".to_owned(), Fact { shown: String::new(), hidden });
    }
}

fn of_settings(rules: &Rules) -> Facts {
    let settings = &rules.settings;
    let vars = settings.vars.iter().map(|(name, value)| (format!("vars.{name}"), Fact { shown: String::new(), hidden: value.clone() }));
    let secrets = settings.secrets.iter().map(|name| (format!("secret.{name}"), fact("")));
    let own = [("app".to_owned(), text(&settings.app)), ("server".to_owned(), url(&settings.server))];
    own.into_iter().chain(vars).chain(secrets).collect()
}

/// A URL without what stands before its host and in its query, where people write keys.
fn url(text: &str) -> Fact {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let (start, rest) = text.split_once("://").unwrap_or(("", text));
    let host = rest.split('/').next().unwrap_or_default();
    let shown =
        if host.contains('@') && !host.contains("{{") { format!("{start}://…") } else { text.get(..end).unwrap_or_default().to_owned() };
    Fact { shown: cut(&shown), hidden: text.to_owned() }
}

/// A text of which only the beginning may be shown.
fn text(text: &str) -> Fact {
    Fact { shown: cut(text), hidden: text.to_owned() }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
