//! What stands beside a handler: what it does, what it needs, what it takes and what it answers.

use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// How the schema of a type is made.
type Make = fn(&mut SchemaGenerator) -> Schema;

/// What an answer holds.
pub(super) enum Content {
    /// Nothing.
    None,
    /// JSON of a type of ours.
    Json(Make),
    /// Something else.
    Other(&'static str, Value),
}

/// A call of the API.
pub(in crate::server) struct Operation {
    pub(super) handler: &'static str,
    pub(super) summary: &'static str,
    pub(super) more: &'static str,
    pub(super) permission: Option<&'static str>,
    pub(super) query: Option<Make>,
    /// Content types and schemas of the body.
    pub(super) body: Vec<(&'static str, Value)>,
    pub(super) is_body_required: bool,
    pub(super) answers: Vec<(u16, Content)>,
    /// Statuses of problems beside those that every call can have.
    pub(super) refusals: Vec<u16>,
}

impl Operation {
    /// Of a handler: the resource and what is done with it, `endpoints::one`.
    pub(in crate::server) fn of(handler: &'static str) -> Self {
        Self {
            handler,
            summary: "",
            more: "",
            permission: None,
            query: None,
            body: Vec::new(),
            is_body_required: false,
            answers: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// What it does, in few words.
    pub(in crate::server) fn says(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    /// What else is worth knowing.
    pub(in crate::server) fn and(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    /// The permission that it needs.
    pub(in crate::server) fn needs(self, permission: &'static str) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// The parameters after `?`: the fields of a type.
    pub(in crate::server) fn asks<T: JsonSchema>(self) -> Self {
        Self { query: Some(T::json_schema), ..self }
    }

    /// The JSON that its body must be.
    pub(in crate::server) fn takes(self, schema: Value) -> Self {
        Self { is_body_required: true, ..self.may_take(schema) }
    }

    /// The JSON that its body may be, or nothing.
    pub(in crate::server) fn may_take(self, schema: Value) -> Self {
        self.takes_as("application/json", schema)
    }

    /// Another form of the body.
    pub(in crate::server) fn takes_as(mut self, content_type: &'static str, schema: Value) -> Self {
        self.body.push((content_type, schema));
        self
    }

    /// The JSON that it answers with.
    pub(in crate::server) fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answers.push((status, Content::Json(SchemaGenerator::subschema_for::<T>)));
        self
    }

    /// What else it answers with.
    pub(in crate::server) fn answers_with(mut self, status: u16, content_type: &'static str, schema: Value) -> Self {
        self.answers.push((status, Content::Other(content_type, schema)));
        self
    }

    /// It answers without content.
    pub(in crate::server) fn answers_nothing(mut self, status: u16) -> Self {
        self.answers.push((status, Content::None));
        self
    }

    /// Statuses of problems beside those that every call can have.
    pub(in crate::server) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }
}

/// A generator of schemas for what is sent (or, in the other direction, for what is taken), which refer to `components`.
pub(super) fn generator(contract: Contract) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.contract = contract;
    settings.meta_schema = None;
    settings.into_generator()
}

/// The schema of an object with these fields; those of `required` must be there, and no other may.
#[expect(clippy::needless_pass_by_value, reason = "it is written where it is handed in")]
pub(in crate::server) fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
