//! The rules under test, the saves that are made, and how each endpoint is called.

use std::time::Duration;

use webhookc::check::{Rules, Valid};
use webhookc::compile::{Input, compile};
use webhookc::delivery::{FailureHandling, Pattern, Policy, Retry, Trigger};
use webhookc::engine::{Save, Verb, parse_save};
use webhookc::ids::{EndpointId, ModelId, PropertyId, WebhookId};
use webhookc::program::Events;
use webhookc::text::{SourceText, Span, Spanned};

use crate::support::{in_words, settings};

const SCHEMA: &str = r#"<data-model>
  <model name="user" label="User">
    <field name="name" label="Name" type="text"/>
    <display>{name}</display>
    <webhook type="update" name="user_saved"/>
  </model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text"/>
    <field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
    <belongs-to model="user" name="owner"/>
    <display>{name}</display>
    <webhook type="ready" name="asset_ready" order="object"><field name="status" equals="done"/><field name="owner"/></webhook>
    <webhook type="update" name="asset_owned"><field name="owner"/></webhook>
    <webhook type="update" name="asset_saved" on="create update delete" order="object"/>
  </model>
</data-model>"#;

/// The objects, in the order of their numbers.
const OBJECTS: [(&str, &str); 4] = [("asset", "a1"), ("asset", "a2"), ("user", "u1"), ("user", "u2")];

const ASSET_SAVES: [(Verb<'static>, &str); 9] = [
    (Verb::Put, r#"{"name":"n","status":"done","owner_id":"u1"}"#),
    (Verb::Put, r#"{"name":"n","status":"done","owner_id":"u2"}"#),
    (Verb::Put, r#"{"status":"open","owner_id":"u1"}"#),
    (Verb::Put, r#"{"name":"n","status":"done"}"#),
    (Verb::Patch, r#"{"status":"done"}"#),
    (Verb::Patch, r#"{"owner_id":"u2"}"#),
    (Verb::Patch, r#"{"owner_id":null}"#),
    (Verb::Patch, "{}"),
    (Verb::Delete, ""),
];

const USER_SAVES: [(Verb<'static>, &str); 4] =
    [(Verb::Put, r#"{"name":"Ann"}"#), (Verb::Put, "{}"), (Verb::Patch, r#"{"name":"Bob"}"#), (Verb::Delete, "")];

/// Endpoints: those of the rules, and the one that is told of them.
pub const ENDPOINTS: usize = 3;
/// The one that is told.
pub const OPS: usize = 2;

/// The number of an endpoint as the object of an alert.
pub fn as_object(endpoint: usize) -> usize {
    OBJECTS.len() + endpoint
}

/// Everything that is the same in all simulations.
pub struct Setting {
    pub user: ModelId,
    pub asset: ModelId,
    pub status: PropertyId,
    pub owner: PropertyId,
    pub ready: WebhookId,
    pub with_owner: WebhookId,
    pub each_save: WebhookId,
    /// The saves that may be made.
    pub saves: Vec<Save>,
    /// By endpoint; the last one is told of the others.
    pub policies: [Policy; ENDPOINTS],
    pub rules: Valid<Rules>,
}

impl Setting {
    pub fn new() -> Self {
        let mut input = Input::default();
        input.schemas.push(input.sources.add("schema.xml", SCHEMA.as_bytes().to_vec()));
        input.settings = settings(&mut input.sources);
        let mut all = (*input.settings.endpoints.remove(0)).clone();
        all.events = Events::All;
        // An object without a name cannot be told to this one: its delivery is diverted before it is sent.
        let url = "http://127.0.0.1:9/{{ object.name | default('') }}/x";
        let span = Span::new(input.sources.add("named.toml", url.as_bytes().to_vec()), 0, url.len());
        let mut named = all.clone();
        named.id = EndpointId::new("ep_named");
        named.name = Spanned::new("named".into(), span);
        named.request.url = SourceText::verbatim(url, span);
        input.settings.endpoints = vec![all.into(), named.into()];
        let compilation = compile(input);
        let found = in_words(&compilation);
        let rules = compilation.rules.unwrap_or_else(|| panic!("the schema does not compile:\n{found}"));
        let mut saves = Vec::new();
        for (model, id) in OBJECTS {
            let forms = if model == "asset" { &ASSET_SAVES[..] } else { &USER_SAVES[..] };
            saves.extend(forms.iter().map(|(verb, body)| parse_save(&rules, model, id, *verb, body.as_bytes()).unwrap()));
        }
        let webhook = |name| rules.program.webhook_named(name).unwrap();
        let (ready, with_owner, each_save) = (webhook("asset_ready"), webhook("asset_owned"), webhook("asset_saved"));
        let told = || Some(EndpointId::new("ep_ops"));
        let mut first = policy(&[], 3);
        first.failure_handling = FailureHandling { suspend: true, alert_endpoint: told(), ..first.failure_handling };
        (first.concurrency, first.rate_limit) = (4, "30/min".parse().ok());
        let mut second = policy(&[Trigger::ServerError, Trigger::Timeout, Trigger::Status(429)], 2);
        second.failure_handling = FailureHandling { divert: false, alert_endpoint: told(), ..second.failure_handling };
        let policies = [first, second, policy(&[], 2)];
        let model = |name| rules.program.model_named(name).unwrap();
        let (user, asset) = (model("user"), model("asset"));
        let property = |name: &str| {
            let properties = &rules.program.model(asset).properties;
            PropertyId(u16::try_from(properties.iter().position(|property| &*property.name == name).unwrap()).unwrap())
        };
        let (status, owner) = (property("status"), property("owner"));
        Self { user, asset, status, owner, ready, with_owner, each_save, saves, policies, rules }
    }

    /// The number of an object.
    pub fn object(&self, model: ModelId, id: &str) -> usize {
        let name = &*self.rules.program.model(model).name;
        OBJECTS.iter().position(|object| *object == (name, id)).unwrap()
    }
}

fn policy(triggers: &[Trigger], attempts: u32) -> Policy {
    let retry = Retry::new(Pattern::Linear, Some(Duration::from_secs(10)), Some(attempts)).unwrap();
    Policy { failure_handling: FailureHandling { triggers: triggers.to_vec(), retry, ..FailureHandling::default() }, ..Policy::default() }
}
