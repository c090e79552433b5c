//! What one save costs in the engine: reading a body, deciding webhooks, finding who receives them, writing a payload and the
//! explanation. No store, no network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that is wrong should stop"
)]

#[path = "support/schema.rs"]
mod schema;

use divan::{Bencher, black_box};
use jiff::Timestamp;
use schema::{compiled_for, rules, without_errors};
use webhookc::check::{Rules, TenantEndpoint, TenantEndpoints, Valid, Wants};
use webhookc::endpoints::Draft;
use webhookc::engine::{Found, Known, Moment, Outcome, Read, Save, Step, Trace, Verb, evaluate, parse_save};
use webhookc::ids::{EndpointId, Sequence};

fn main() {
    divan::main();
}

/// A model with this many webhooks, each on a field of its own but for a hundred at most, so that a save of one field makes few of them fire.
fn model_with_webhooks(webhooks: usize) -> String {
    let fields = webhooks.min(100);
    let field = |index: usize| format!("<field name=\"field_{index}\" label=\"Field\" type=\"integer\"/>");
    let webhook = |index: usize| {
        let field = index % fields;
        format!("<webhook type=\"update\" name=\"hook_{index}\"><field name=\"field_{field}\" equals=\"{index}\"/></webhook>")
    };
    let fields: Vec<String> = (0..fields).map(field).collect();
    let hooks: Vec<String> = (0..webhooks).map(webhook).collect();
    format!(
        "<data-model><model name=\"asset\" label=\"Asset\">{}<display>{{field_0}}</display>{}</model></data-model>",
        fields.concat(),
        hooks.concat()
    )
}

/// About a kilobyte of fields of every type.
const KILOBYTE: &str = r#"{"name":"Sample Resource with a name of usual length","code":"A-00042","contact":"someone@example.com","quantity":42,
"weight":12.75,"started_on":"2026-01-31","changed_at":"2026-01-31T09:30:00+02:00","archived":false,"status":1,
"picture":{"id":"5b534ff-29a0-33fe-11e6-040151508301","state":"uploaded","original":"https://run.example.com/media/MyImageLFsicCIsImZ1bGxzY3JlZW4iXV0/o.png",
"fullscreen":"https://run.example.com/media/MyImageLFsicCIsImZ1bGxzY3JlZW4iXV0/f.png","thumbnail":"https://run.example.com/media/t.png"},
"place":{"latitude":-33.92487,"longitude":18.424055,"altitude":42.5,"horizontal_accuracy":3},
"notes":"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat.","owner_id":"343dfae00-29a0-11e6-98f3-040173434df01"}"#;

const RESOURCE: &str = r#"<data-model>
<model name="owner" label="Owner"><field name="name" label="Name" type="text"/><display>{name}</display></model>
<model name="resource" label="Resource">
<field name="name" label="Name" type="text"/><field name="code" label="Code" type="text"/><field name="contact" label="Contact" type="text:email"/>
<field name="quantity" label="Quantity" type="integer"/><field name="weight" label="Weight" type="number"/>
<field name="started_on" label="Started" type="date"/><field name="changed_at" label="Changed" type="datetime"/>
<field name="archived" label="Archived" type="boolean"/>
<field name="status" label="Status" type="single-choice-integer"><option>New</option><option>Done</option></field>
<field name="picture" label="Picture" type="photo"/><field name="place" label="Place" type="location"/><field name="notes" label="Notes" type="text:paragraph"/>
<belongs-to model="owner"/><display>{name}</display>
<webhook type="update" name="resource_saved"/>
</model></data-model>"#;

fn read(rules: &Valid<Rules>, model: &str, body: &str) -> Save {
    parse_save(rules, model, "a1", Verb::Put, body.as_bytes()).expect("the body is right")
}

/// Reads and evaluates a save of an object that does not exist yet, and makes its explanation.
fn decide(rules: &Valid<Rules>, model: &str, body: &str) -> (Outcome, Trace) {
    evaluated(rules, &read(rules, model, body))
}

fn evaluated(rules: &Valid<Rules>, save: &Save) -> (Outcome, Trace) {
    evaluated_beside(rules, save, None)
}

/// The same for a tenant that has endpoints of its own.
fn evaluated_beside(rules: &Valid<Rules>, save: &Save, own: Option<&TenantEndpoints>) -> (Outcome, Trace) {
    let known = Known { found: std::iter::once((Read::Object(save.model, save.id.clone()), Found::Object(None))).collect() };
    let moment = Moment { tenant: "default", own, sequence: Sequence(6_291_989_525_132_476_422), now: Timestamp::UNIX_EPOCH };
    match evaluate(rules, save, &known, moment) {
        Step::Done(outcome) => {
            let trace = outcome.decided.trace(rules, outcome.operation);
            (*outcome, trace)
        }
        other @ (Step::Need(_) | Step::Refused(_)) => panic!("{other:?}"),
    }
}

/// Webhooks on the model of the save, of which the one whose value is saved fires. Reading the body is not part of it.
#[divan::bench(args = [1, 10, 1_000, 10_000])]
fn a_save_against_webhooks_of_which_one_fires(bencher: Bencher<'_, '_>, webhooks: usize) {
    let rules = rules(&model_with_webhooks(webhooks));
    let save = read(&rules, "asset", r#"{"field_0":0}"#);
    assert_eq!(evaluated(&rules, &save).0.firings.len(), 1);
    bencher.bench_local(|| evaluated(&rules, black_box(&save)));
}

/// As above with 1,000 webhooks, none of which fires.
#[divan::bench]
fn a_save_against_a_thousand_webhooks_of_which_none_fires(bencher: Bencher<'_, '_>) {
    let rules = rules(&model_with_webhooks(1_000));
    let save = read(&rules, "asset", r#"{"field_0":-1}"#);
    let (outcome, trace) = evaluated(&rules, &save);
    assert_eq!((outcome.firings.len(), outcome.decided.decisions(&rules).len()), (0, 1_000));
    assert!(trace.text.len() < 100, "{}", trace.text);
    bencher.bench_local(|| evaluated(&rules, black_box(&save)));
}

/// The same save, webhooks and explanation in a schema of this many models with ten webhooks each.
#[divan::bench(args = [10, 100, 1_000])]
fn a_save_in_a_schema_of_models(bencher: Bencher<'_, '_>, models: usize) {
    let model = model_with_webhooks(10);
    let model = model.trim_start_matches("<data-model>").trim_end_matches("</data-model>");
    let others =
        (1..models).map(|number| model.replace("\"asset\"", &format!("\"asset_{number}\"")).replace("hook_", &format!("hook_{number}_")));
    let rules = rules(&format!("<data-model>{model}{}</data-model>", others.collect::<String>()));
    let save = read(&rules, "asset", r#"{"field_0":0}"#);
    assert_eq!(evaluated(&rules, &save).0.firings.len(), 1);
    bencher.bench_local(|| evaluated(&rules, black_box(&save)));
}

/// A message is made for the three endpoints of so many that want its event, and a request is rendered for each.
#[divan::bench(args = [3, 100, 10_000])]
fn a_message_to_three_of_endpoints(bencher: Bencher<'_, '_>, endpoints: usize) {
    let spread = move |number: usize| number.is_multiple_of(endpoints.div_ceil(3));
    let endpoints = (0..endpoints).map(|number| (format!("e{number}"), Some(if spread(number) { "hook_0" } else { "hook_1" })));
    let rules = without_errors(compiled_for(&model_with_webhooks(2), endpoints));
    let save = read(&rules, "asset", r#"{"field_0":0}"#);
    assert_eq!(evaluated(&rules, &save).0.firings[0].requests.len(), 3);
    bencher.bench_local(|| evaluated(&rules, black_box(&save)));
}

/// The same with endpoints that a tenant has made by API.
#[divan::bench(args = [3, 100, 10_000])]
fn a_message_to_three_of_a_tenants_endpoints(bencher: Bencher<'_, '_>, endpoints: usize) {
    let spread = |number: usize| number.is_multiple_of(endpoints.div_ceil(3));
    let mut own = TenantEndpoints::default();
    for number in 0..endpoints {
        let wants = Wants {
            event_types: vec![if spread(number) { "hook_0" } else { "hook_1" }.into()],
            url: "https://erp.example.com/{{ object.id }}".into(),
            ..Draft::blank().wants
        };
        own.insert(&TenantEndpoint::new(EndpointId::new(format!("ep_{number}")), "e".into(), wants).into());
    }
    let rules = rules(&model_with_webhooks(2));
    let save = read(&rules, "asset", r#"{"field_0":0}"#);
    assert_eq!(evaluated_beside(&rules, &save, Some(&own)).0.firings[0].own_requests.len(), 3);
    bencher.bench_local(|| evaluated_beside(&rules, black_box(&save), Some(&own)));
}

#[divan::bench]
fn reading_a_kilobyte(bencher: Bencher<'_, '_>) {
    let rules = rules(RESOURCE);
    bencher.bench_local(|| parse_save(&rules, "resource", "a1", Verb::Put, black_box(KILOBYTE).as_bytes()).expect("the body is right"));
}

#[divan::bench]
fn a_kilobyte_from_body_to_payload(bencher: Bencher<'_, '_>) {
    let rules = rules(RESOURCE);
    assert!(decide(&rules, "resource", KILOBYTE).0.firings.iter().all(|firing| firing.payload.len() > 1_000));
    bencher.bench_local(|| decide(&rules, "resource", black_box(KILOBYTE)));
}

/// A request with a URL, three headers and a structural body of a kilobyte: reading the saved body, the decision and rendering.
fn model_with_request(request: &str) -> String {
    RESOURCE.replace("<webhook type=\"update\" name=\"resource_saved\"/>", &format!("<webhook type=\"update\" name=\"resource_saved\"><field name=\"name\"/><field name=\"code\"/><field name=\"quantity\"/><field name=\"picture\"/><field name=\"notes\"/><field name=\"owner\" embed=\"false\"/>{request}</webhook>"))
}

const REQUEST: &str = r#"<request url="https://api.example.com/resources/{{ object.code }}/events?operation={{ operation }}">
<header name="X-Resource">{{ object.code|upper }}</header><header name="X-Sequence">{{ sequence }}</header><header name="X-Event">{{ event }}</header>
<body>{"id": "{{ object.id }}", "name": "{{ object.name }}", "code": "{{ object.code }}", "contact?": "{{ object.contact }}",
"quantity": "{{ object.quantity }}", "weight": "{{ object.weight }}", "started_on": "{{ object.started_on }}", "archived": "{{ object.archived }}",
"status": {"$if": "object.status == 1", "$then": "done", "$else": "new"}, "picture": "{{ object.picture }}", "place": "{{ object.place }}",
"title": "{{ object.name }} ({{ object.code }}), {{ object.quantity }} pieces", "notes": "{{ object.notes }}", "owner": {"id": "{{ object.owner_id }}"},
"sequence": "{{ sequence }}", "operation": "{{ operation }}"}</body></request>"#;

/// Compare with `rendering_nothing`: the difference is what rendering costs.
#[divan::bench]
fn rendering_a_kilobyte(bencher: Bencher<'_, '_>) {
    let rules = rules(&model_with_request(REQUEST));
    let rendered = decide(&rules, "resource", KILOBYTE);
    assert!(format!("{:?}", rendered.0.firings).contains("A-00042/events"));
    bencher.bench_local(|| decide(&rules, "resource", black_box(KILOBYTE)));
}

/// The same save and webhook, with a request of literal text and the default body.
#[divan::bench]
fn rendering_nothing(bencher: Bencher<'_, '_>) {
    let rules = rules(&model_with_request(r#"<request url="https://api.example.com/resources"></request>"#));
    assert!(!decide(&rules, "resource", KILOBYTE).0.firings.is_empty());
    bencher.bench_local(|| decide(&rules, "resource", black_box(KILOBYTE)));
}
