//! What the compiled tables hold: effective names, conditions, embeds, literals, subscriptions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use support::{compile_text, in_words, settings};
use webhookc::compile::{Compilation, Input, compile};
use webhookc::ids::{EndpointId, WebhookId};
use webhookc::program::{
    EndpointSource, Events, FieldType, Kind, Literal, Operation, Order, Program, Subject, Test, Through, Webhook, WebhookType,
};
use webhookc::text::Spanned;

fn webhook<'p>(program: &'p Program, name: &str) -> &'p Webhook {
    program.webhook(program.webhook_named(name).unwrap_or_else(|| panic!("a webhook `{name}`")))
}

fn compiled(name: &str) -> Compilation {
    let path = format!("{}/tests/cases/valid/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    compile_text(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn the_asset_of_the_seed_waits_for_its_photo() {
    let compilation = compiled("seed_asset");
    let program = &compilation.rules.as_ref().unwrap().program;
    let ready = webhook(program, "asset_ready");
    assert_eq!(ready.kind, WebhookType::Ready);
    let asset = program.model(ready.model);
    let names: Vec<&str> = asset.properties.iter().map(|property| &*property.name).collect();
    assert_eq!((&*asset.label, names), ("Asset", vec!["name", "asset_photo", "user"]));
    let conditions: Vec<(&str, &Test)> = ready.conditions.iter().map(|condition| (&*condition.name, &condition.test)).collect();
    assert_eq!(conditions, [("asset_photo", &Test::Uploaded), ("user", &Test::Set)]);
    let uploaded = ready.conditions.first().unwrap();
    assert_eq!(compilation.sources.slice(uploaded.span), "state=\"uploaded\"");
    assert_eq!(uploaded.subject, Subject::Property(asset.property_named("asset_photo").unwrap()));
    assert!(ready.embeds.is_empty() && ready.attachments_by_id.is_empty());
}

#[test]
fn webhooks_without_a_name_are_named_after_what_they_do() {
    let compilation = compiled("defaults");
    let program = &compilation.rules.as_ref().unwrap().program;
    let names: Vec<&str> = program.webhooks.iter().map(|webhook| &*webhook.name).collect();
    assert_eq!(names, ["asset_ready", "cloudcode_asset_update_sync", "pdfmailer_asset_ready_report"]);
}

#[test]
fn conditions_hold_values_of_the_type_of_their_field() {
    let compilation = compiled("every_condition");
    let program = &compilation.rules.as_ref().unwrap().program;
    let one = webhook(program, "one");
    let text = |text: &str| Literal::Text(text.into());
    let tests: Vec<(&str, Test)> = one.conditions.iter().map(|condition| (&*condition.name, condition.test.clone())).collect();
    assert_eq!(
        tests,
        [
            ("status", Test::Set),
            ("status", Test::OneOf(vec![text("open"), text("done")])),
            ("status", Test::Changed),
            ("status", Test::Set),
            ("status", Test::Equals(text("done"))),
            ("photo", Test::Uploaded),
            ("level", Test::Equals(Literal::Integer(-3))),
            ("weight", Test::Set),
            ("weight", Test::Equals(Literal::Number(2.5))),
            ("on_loan", Test::Set),
            ("on_loan", Test::Equals(Literal::Boolean(false))),
            ("bought", Test::Set),
            ("bought", Test::Equals(text("2026-01-31"))),
            ("seen", Test::Set),
            ("seen", Test::OneOf(vec![text("2026-01-31T09:30:00Z"), text("2026-01-31T07:30:00Z")])),
            ("user", Test::Set),
            ("user", Test::Equals(text("u1"))),
        ]
    );
    assert!([Operation::Create, Operation::Update, Operation::Delete].into_iter().all(|operation| one.operations.contains(operation)));
    assert_eq!(one.order, Order::Object);
    let asset = program.model(one.model);
    assert_eq!(one.attachments_by_id, [asset.property_named("photo").unwrap()]);
}

#[test]
fn paths_share_the_embeds_they_have_in_common() {
    let compilation = compiled("deep_path");
    let program = &compilation.rules.as_ref().unwrap().program;
    let saved = webhook(program, "asset_saved");
    let [room] = saved.embeds.as_slice() else { panic!("one embed on the first level") };
    let [building] = room.embeds.as_slice() else { panic!("one embed below it") };
    let names: Vec<(&str, bool, u32)> = building.embeds.iter().map(|embed| (&*embed.name, embed.required, embed.limit)).collect();
    assert_eq!(names, [("owner", true, 100), ("rooms", false, 100)]);
    assert!(matches!(building.embeds.last().unwrap().through, Through::HasMany(_)));
    let subjects: Vec<&Subject> = saved.conditions.iter().map(|condition| &condition.subject).collect();
    let property = program.model(saved.model).property_named("room").unwrap();
    assert_eq!(subjects, [&Subject::Property(property), &Subject::Embed(vec![0, 0, 0])]);
    // Saves of every model that is embedded wake the webhook.
    let watched: Vec<bool> = program.watchers.iter().map(|watchers| watchers.contains(&WebhookId(0))).collect();
    assert_eq!(watched, [false, true, true, true]);
}

#[test]
fn options_without_a_key_count_on() {
    let compilation = compiled("all_types");
    let program = &compilation.rules.as_ref().unwrap().program;
    let asset = program.model(program.model_named("asset").unwrap());
    let level = asset.property(asset.property_named("level").unwrap());
    let Kind::Field(FieldType::SingleChoiceInteger(choices)) = &level.kind else { panic!("a choice of integers") };
    let keys: Vec<(i64, &str)> = choices.iter().map(|choice| (choice.key, &*choice.label)).collect();
    assert_eq!(keys, [(-5, "Low"), (-4, "Next"), (10, "High"), (11, "Higher")]);
}

#[test]
fn a_request_keeps_its_templates_with_their_places() {
    let compilation = compiled("requests");
    let rules = compilation.rules.as_ref().unwrap();
    let request = webhook(&rules.program, "one").request.as_ref().unwrap();
    assert_eq!(&*request.method.value, "PUT");
    assert_eq!(request.url.text, "https://example.com/assets/{{ object.id }}");
    let header = request.headers.first().unwrap();
    assert_eq!((&*header.name.value, header.value.text.as_str()), ("X-Asset", "{{ object.name }}"));
    let body = request.body.as_ref().unwrap();
    let text = body.text.as_ref().unwrap();
    assert_eq!(&*body.content_type.value, "application/json");
    let at = text.text.find("user.id").unwrap();
    assert_eq!(compilation.sources.slice(text.span(at..at + 7)), "user.id");
    let ids: Vec<&str> = rules.endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect();
    assert_eq!(ids, ["ep_sink", "ep_request_one"]);
}

#[test]
fn endpoints_that_name_an_unknown_event_are_told() {
    let mut input = Input::default();
    let mut settings = settings(&mut input.sources);
    let mut named = |id: &str, name: &str| {
        let sink = EndpointSource::clone(settings.endpoints.first().unwrap());
        let span = sink.name.span;
        let events = Events::Named(vec![Spanned::new(name.into(), span)]);
        settings.endpoints.push(EndpointSource { id: EndpointId::new(id), events, ..sink }.into());
    };
    named("ep_good", "asset_ready");
    named("ep_bad", "aset_ready");
    input.settings = settings;
    let schema = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/valid/seed_asset.xml")).unwrap();
    input.schemas.push(input.sources.add("schema.xml", schema));
    let found = in_words(&compile(input));
    assert!(found.starts_with("WH0203 unknown-reference error webhookc.toml:1:1\n  there is no webhook `aset_ready`\n"), "{found}");
    assert!(found.contains("help did you mean `asset_ready`?"), "{found}");
}
