//! The data model with every name resolved: models, fields, relations, webhooks as tables, and the rule graph between them. Input:
//! what `schema` found declared, in all files. Output: a [`Program`] and diagnostics. Templates are still text here; whether
//! something is allowed is mostly said in `check`.

mod conditions;
mod decision_table;
mod display;
mod field_type;
mod format_string;
mod has_many;
mod index;
mod link;
mod literal;
mod model;
mod names;
mod notify_user;
mod payload_keys;
mod properties;
mod record;
mod request;
mod rule_graph;
mod settings;
mod webhook;
mod webhooks;
mod words;

pub use decision_table::{Ask, DecisionTable, TableRow};
pub use link::{Context, resolve};
pub use model::{BelongsTo, Choice, Classification, FieldType, HasMany, Kind, Media, Model, Property};
pub(crate) use names::{is_good_model_name, is_name, is_reserved_member};
pub use payload_keys::{PayloadKey, PayloadKeys, PayloadValue};
pub use record::Record;
pub(crate) use record::stored_name;
pub use request::{BodySource, EndpointSource, Events, HeaderSource, RequestSource, TemplateSource};
pub use rule_graph::{Aspect, Listed, Rule, RuleGraph, Side};
pub use settings::Settings;
pub use webhook::{Condition, Embed, Literal, Operation, Operations, Order, Subject, Test, Through, Webhook, WebhookType};
pub(crate) use words::quoted;
// A word of the schema that means the same here.
pub use crate::schema::TextFormat;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ids::{HasManyId, ModelId, PropertyId, WebhookId};

/// The linked data model of one run.
#[derive(Debug, Default)]
pub struct Program {
    /// Every model, in the order of the files.
    pub models: Vec<Model>,
    /// Every webhook, in the order of the files.
    pub webhooks: Vec<Webhook>,
    /// Which webhooks of other models wait for, or embed, objects of a model. Indexed by [`ModelId`].
    pub watchers: Vec<Vec<WebhookId>>,
    model_names: FxHashMap<Box<str>, ModelId>,
    webhook_names: FxHashMap<Box<str>, WebhookId>,
    broken: FxHashSet<(ModelId, Box<str>)>,
    partial_models: FxHashSet<ModelId>,
    incomplete: FxHashSet<WebhookId>,
}

impl Program {
    /// Links the tables; later duplicates do not replace the first of a name.
    #[must_use]
    pub fn new(models: Vec<Model>, webhooks: Vec<Webhook>) -> Self {
        let mut model_names = FxHashMap::default();
        for (index, model) in (0_u32..).zip(&models) {
            model_names.entry(model.name.clone()).or_insert(ModelId(index));
        }
        let mut webhook_names = FxHashMap::default();
        for (index, webhook) in (0_u32..).zip(&webhooks) {
            webhook_names.entry(webhook.name.clone()).or_insert(WebhookId(index));
        }
        let mut watchers = vec![Vec::new(); models.len()];
        for (index, webhook) in (0_u32..).zip(&webhooks) {
            webhook.each_embed(&mut |embed| {
                if let Some(watching) = watchers.get_mut(embed.model.index())
                    && watching.last() != Some(&WebhookId(index))
                {
                    watching.push(WebhookId(index));
                }
            });
        }
        Self {
            models,
            webhooks,
            watchers,
            model_names,
            webhook_names,
            broken: FxHashSet::default(),
            partial_models: FxHashSet::default(),
            incomplete: FxHashSet::default(),
        }
    }

    /// Whether a field or relation of this name that is not in the tables is, or may be, declared all the same, but wrongly. That has
    /// been reported, so its use is no second mistake.
    #[must_use]
    pub fn is_broken(&self, model: ModelId, name: &str) -> bool {
        self.partial_models.contains(&model) || !self.broken.is_empty() && self.broken.contains(&(model, Box::from(name)))
    }

    /// Whether a listed field of a webhook could not be resolved, so that it has fewer conditions and embeds than were meant.
    #[must_use]
    pub fn is_incomplete(&self, webhook: WebhookId) -> bool {
        self.incomplete.contains(&webhook)
    }

    /// The model of this name.
    #[must_use]
    pub fn model_named(&self, name: &str) -> Option<ModelId> {
        self.model_names.get(name).copied()
    }

    /// The webhook whose effective name, the event type, is this.
    #[must_use]
    pub fn webhook_named(&self, name: &str) -> Option<WebhookId> {
        self.webhook_names.get(name).copied()
    }

    /// The model with this id.
    ///
    /// # Panics
    /// When the id is of another program: ids never leave the program that made them.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an id is made only with its row")]
    pub fn model(&self, id: ModelId) -> &Model {
        &self.models[id.index()]
    }

    /// The webhook with this id.
    ///
    /// # Panics
    /// When the id is of another program: ids never leave the program that made them.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an id is made only with its row")]
    pub fn webhook(&self, id: WebhookId) -> &Webhook {
        &self.webhooks[id.index()]
    }
}

impl Model {
    /// The property with this id.
    ///
    /// # Panics
    /// When the id is of another model.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an id is made only with its row")]
    pub fn property(&self, id: PropertyId) -> &Property {
        &self.properties[id.index()]
    }

    /// The has-many with this id.
    ///
    /// # Panics
    /// When the id is of another model.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "an id is made only with its row")]
    pub fn has_many(&self, id: HasManyId) -> &HasMany {
        &self.has_many[id.index()]
    }
}
