//! The rules → the graph they make: models with their webhooks, belongs-to relations, conditions, embeds and endpoints, as JSON, DOT,
//! Mermaid or SVG. Absent: templates, and anything that only shows when objects are saved.

mod dot;
mod layout;
mod mermaid;
mod svg;
mod words;

pub use dot::dot;
pub(crate) use mermaid::label as mermaid_label;
pub use mermaid::mermaid;
pub use svg::{svg, svg_for_page};
pub use words::conditions;
pub(crate) use words::literal;

use std::borrow::Cow;

use serde::Serialize;

use crate::check::{Rules, TenantEndpoint, TenantEndpoints};
use crate::ids::WebhookId;
use crate::program::{Embed, Kind, Program, Webhook, WebhookType};
use crate::template::without_credentials;

/// Endpoints of a picture that a tenant's own are added to: with more of them nobody sees who receives what.
const MOST_ENDPOINTS: usize = 40;

/// The rule graph, in the words of the schema.
#[derive(Debug, Serialize)]
pub struct Graph<'r> {
    /// Its version; the first number grows when something is taken away.
    pub format_version: &'static str,
    /// Every model, in the order of the files.
    pub models: Vec<ModelNode<'r>>,
    /// Every endpoint.
    pub endpoints: Vec<EndpointNode<'r>>,
}

/// A model.
#[derive(Debug, Serialize)]
pub struct ModelNode<'r> {
    /// Its name.
    pub name: &'r str,
    /// What people call it.
    pub label: &'r str,
    /// Its belongs-to relations.
    pub belongs_to: Vec<RelationEdge<'r>>,
    /// Its webhooks.
    pub webhooks: Vec<WebhookNode<'r>>,
}

/// A relation to another model.
#[derive(Debug, Serialize)]
pub struct RelationEdge<'r> {
    /// Its name, or its path.
    pub name: String,
    /// The other model, as an index into the models.
    #[serde(skip)]
    pub target: usize,
    /// The other model.
    pub model: &'r str,
}

/// A webhook.
#[derive(Debug, Serialize)]
pub struct WebhookNode<'r> {
    /// The event type.
    pub name: &'r str,
    /// `ready` or `update`.
    pub kind: &'static str,
    /// The operations it fires on.
    pub on: Vec<&'static str>,
    /// What must hold, in words.
    pub conditions: Vec<String>,
    /// The models whose objects are in the payload.
    pub embeds: Vec<RelationEdge<'r>>,
    /// Who receives it, as indexes into the endpoints.
    #[serde(skip)]
    pub targets: Vec<usize>,
    /// Who receives it.
    pub endpoints: Vec<&'r str>,
    /// Who receives it beside them, counted.
    #[serde(skip)]
    pub others: usize,
}

/// An endpoint.
#[derive(Debug, Serialize)]
pub struct EndpointNode<'r> {
    /// Its name.
    pub name: &'r str,
    /// Its URL template.
    pub url: Cow<'r, str>,
}

/// The graph of compiled rules.
#[must_use]
pub fn graph(rules: &Rules) -> Graph<'_> {
    let program = &rules.program;
    let models = program.models.iter().map(|model| {
        let relations = model.properties.iter().filter_map(|property| match &property.kind {
            Kind::BelongsTo(belongs_to) => Some(relation(program, property.name.to_string(), belongs_to.model.index())),
            Kind::Field(_) => None,
        });
        ModelNode {
            name: &model.name,
            label: &model.label,
            belongs_to: relations.collect(),
            webhooks: model.webhooks.iter().map(|&id| webhook(rules, id)).collect(),
        }
    });
    let endpoints = rules
        .endpoints
        .iter()
        .map(|endpoint| EndpointNode { name: &endpoint.name.value, url: without_credentials(&endpoint.request.url.text) });
    Graph { format_version: "1.0", models: models.collect(), endpoints: endpoints.collect() }
}

impl<'r> Graph<'r> {
    /// With the endpoints that a tenant has made itself beside those of the program, up to `MOST_ENDPOINTS`; the others are counted.
    #[must_use]
    pub fn with_own(mut self, rules: &'r Rules, own: &'r TenantEndpoints) -> Self {
        let mut known: Vec<&TenantEndpoint> = Vec::new();
        let first = self.endpoints.len();
        for (model, declared) in self.models.iter_mut().zip(&rules.program.models) {
            for (node, &id) in model.webhooks.iter_mut().zip(&declared.webhooks) {
                for endpoint in own.takers(&rules.program, rules.program.webhook(id)) {
                    let place = known.iter().position(|other| other.id == endpoint.id);
                    let has_room = first + known.len() < MOST_ENDPOINTS;
                    let Some(place) = place.or(has_room.then_some(known.len())) else {
                        node.others += 1;
                        continue;
                    };
                    if place == known.len() {
                        known.push(endpoint);
                        let url = without_credentials(&endpoint.wants.url);
                        self.endpoints.push(EndpointNode { name: &endpoint.name, url });
                    }
                    node.endpoints.push(&endpoint.name);
                    node.targets.push(first + place);
                }
            }
        }
        self
    }
}

/// The graph as one JSON object.
#[must_use]
pub fn json(graph: &Graph<'_>) -> String {
    // Strings under string keys: there is nothing in it that JSON could refuse.
    serde_json::to_string_pretty(graph).unwrap_or_default() + "\n"
}

fn webhook(rules: &Rules, id: WebhookId) -> WebhookNode<'_> {
    let webhook: &Webhook = rules.program.webhook(id);
    let mut embeds = Vec::new();
    each_path(&webhook.embeds, "", &mut |path, embed| embeds.push(relation(&rules.program, path, embed.model.index())));
    let subscriptions = rules.subscriptions.get(id.index()).map(Vec::as_slice).unwrap_or_default();
    let targets: Vec<usize> = subscriptions.iter().map(|subscription| subscription.endpoint).collect();
    let operations = [("create", webhook.operations.create), ("update", webhook.operations.update), ("delete", webhook.operations.delete)];
    WebhookNode {
        name: &webhook.name,
        kind: match webhook.kind {
            WebhookType::Ready => "ready",
            WebhookType::Update => "update",
        },
        on: operations.into_iter().filter(|(_, fires)| *fires).map(|(name, _)| name).collect(),
        conditions: words::conditions(webhook),
        embeds,
        endpoints: targets.iter().filter_map(|&target| rules.endpoints.get(target)).map(|endpoint| &*endpoint.name.value).collect(),
        targets,
        others: 0,
    }
}

/// Every embed with its path of relations. Paths are at most five long.
fn each_path(embeds: &[Embed], before: &str, visit: &mut dyn FnMut(String, &Embed)) {
    for embed in embeds {
        let path = if before.is_empty() { embed.name.to_string() } else { format!("{before}.{}", embed.name) };
        visit(path.clone(), embed);
        each_path(&embed.embeds, &path, visit);
    }
}

fn relation(program: &Program, name: String, target: usize) -> RelationEdge<'_> {
    RelationEdge { name, target, model: program.models.get(target).map_or("", |model| &model.name) }
}
