//! Every name of a project with its place and what it stands for: in schemas, templates, `webhookc.toml` and scenario tests. Made after a
//! compilation, from what its stages resolved; asked for the name at a place, and for the places of a name.

use super::declared;
use crate::check::Rules;
use crate::config::Config;
use crate::ids::{FileId, HasManyId, ModelId, PropertyId, WebhookId};
use crate::program::{EndpointSource, Events, Kind, Program};
use crate::scenario::{Mention, MentionOf};
use crate::template::{Named, Tool, Use};
use crate::text::{SourceMap, Span};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symbol {
    Model(ModelId),
    /// A field or a belongs-to.
    Property(ModelId, PropertyId),
    HasMany(ModelId, HasManyId),
    Webhook(WebhookId),
    Option(ModelId, PropertyId, Box<str>),
    Variable(Box<str>),
    Secret(Box<str>),
    Receiver(Box<str>),
    /// A template file.
    Template(Box<str>),
    /// A filter, test or function.
    Tool(Tool, Box<str>),
    /// Something that a template reads, and what it is in words.
    Value(Box<str>, Box<str>),
}

/// How a name stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It is declared here.
    Declared,
    /// It is used here.
    Used,
    /// It is used here, followed by `_id`; the place is without that.
    UsedWithId,
    /// It is declared here, but has the name of something else, which stands here.
    Implied,
    /// A webhook without a name, whose name is made of others: the place is the word `webhook`.
    Unnamed,
}

/// A name at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub span: Span,
    pub role: Role,
    pub symbol: Symbol,
    /// In a template: it may be null, or undefined.
    pub null: bool,
    pub undefined: bool,
}

impl Entry {
    pub(super) fn new(symbol: Symbol, span: Span, role: Role) -> Self {
        Self { span, role, symbol, null: false, undefined: false }
    }
}

/// All names, by place.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
}

impl Index {
    /// Names of schemas, from what is declared; the rest is added.
    pub(super) fn new(declared: Vec<Entry>) -> Self {
        Self { entries: declared }
    }

    /// Adds what templates name.
    pub(super) fn add_uses(&mut self, uses: Vec<Use>, sources: &SourceMap) {
        self.entries.extend(uses.into_iter().map(|noted| {
            let (symbol, role) = match noted.named {
                Named::Model(model) => (Symbol::Model(model), Role::Used),
                Named::Property(model, property) => (Symbol::Property(model, property), Role::Used),
                Named::IdOf(model, property) => (Symbol::Property(model, property), Role::UsedWithId),
                Named::HasMany(model, many) => (Symbol::HasMany(model, many), Role::Used),
                Named::Option(model, property, key) => (Symbol::Option(model, property, key), Role::Used),
                Named::Variable(name) => (Symbol::Variable(name), Role::Used),
                Named::Secret(name) => (Symbol::Secret(name), Role::Used),
                Named::Tool(tool, name) => (Symbol::Tool(tool, name), Role::Used),
                Named::Value(name, about) => (Symbol::Value(name, about), Role::Used),
            };
            let mut span = noted.span;
            if role == Role::UsedWithId && sources.slice(span).ends_with("_id") {
                span.end -= 3;
            }
            Entry { span, role, symbol, null: noted.null, undefined: noted.undefined }
        }));
    }

    /// Adds what `webhookc.toml` declares and names.
    pub(super) fn add_config(&mut self, config: &Config, program: &Program) {
        for (name, span) in &config.names {
            let Some((group, name)) = name.split_once('.') else { continue };
            let symbol = match group {
                "vars" => Symbol::Variable(name.into()),
                "secrets" => Symbol::Secret(name.into()),
                _ => Symbol::Receiver(name.into()),
            };
            self.entries.push(Entry::new(symbol, *span, Role::Declared));
        }
        for endpoint in &config.endpoints {
            self.add_endpoint(&endpoint.source, program);
        }
    }

    fn add_endpoint(&mut self, endpoint: &EndpointSource, program: &Program) {
        if let Events::Named(events) = &endpoint.events {
            let named = events.iter().filter_map(|event| Some((program.webhook_named(&event.value)?, event.span)));
            self.entries.extend(named.map(|(webhook, span)| Entry::new(Symbol::Webhook(webhook), span, Role::Used)));
        }
        if let Some(file) = endpoint.request.body.as_ref().and_then(|body| body.file.as_ref()) {
            self.entries.push(Entry::new(Symbol::Template(file.value.clone()), file.span, Role::Used));
        }
    }

    /// Adds what a test file names.
    pub(super) fn add_mentions(&mut self, mentions: Vec<Mention>, rules: &Rules) {
        let program = &rules.program;
        for Mention { of, name } in mentions {
            let mut span = name.span;
            let found = match &of {
                MentionOf::Model => program.model_named(&name.value).map(|model| (Symbol::Model(model), Role::Used)),
                MentionOf::Field(model) => program.model_named(model).and_then(|model| field(program, model, &name.value)),
                MentionOf::BodyField(event) => program.webhook_named(event).and_then(|webhook| {
                    let model = program.webhook(webhook).model;
                    has_default_body(rules, webhook).then(|| member(program, model, &name.value)).flatten()
                }),
                MentionOf::Value(model, field) => {
                    let model = program.model_named(model);
                    model.and_then(|model| option(program, model, field, &name.value)).map(|symbol| (symbol, Role::Used))
                }
                MentionOf::Webhook => program.webhook_named(&name.value).map(|webhook| (Symbol::Webhook(webhook), Role::Used)),
                MentionOf::Secret => Some((Symbol::Secret(name.value.as_str().into()), Role::Used)),
            };
            let Some((symbol, role)) = found else { continue };
            if role == Role::UsedWithId {
                span.end = span.end.saturating_sub(3);
            }
            self.entries.push(Entry::new(symbol, span, role));
        }
    }

    /// Puts the names in order, when all are there.
    pub(super) fn finish(mut self, sources: &SourceMap) -> Self {
        // A quoted name of the project file stands there with its quotes, and a word with an escape is none that can be pointed at.
        for entry in &mut self.entries {
            let text = sources.slice(entry.span);
            if text.len() > 1 && text.starts_with(['"', '\'']) && text.ends_with(['"', '\'']) {
                entry.span.start += 1;
                entry.span.end -= 1;
            }
        }
        self.entries.sort();
        self.entries.dedup();
        self
    }

    /// The names at a place, the innermost first; an edge counts as inside.
    pub(super) fn at(&self, file: FileId, offset: usize) -> Vec<&Entry> {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let end = self.entries.partition_point(|entry| (entry.span.file, entry.span.start) <= (file, offset));
        // Names do not nest, but several can stand at one place.
        let near = self.entries.get(..end).unwrap_or_default().iter().rev();
        let near = near.take(64).filter(|entry| entry.span.file == file && entry.span.end + id_length(entry) >= offset);
        let mut found: Vec<&Entry> = near.collect();
        found.sort_by_key(|entry| (entry.span.end - entry.span.start, entry.role));
        found
    }

    /// The places of a name, in order.
    pub(super) fn of<'i>(&'i self, symbol: &'i Symbol) -> impl Iterator<Item = &'i Entry> {
        self.entries.iter().filter(move |entry| entry.symbol == *symbol)
    }

    /// The names that stand exactly at a place.
    pub(super) fn exactly(&self, span: Span) -> impl Iterator<Item = &Entry> {
        let start = self.entries.partition_point(|entry| entry.span < span);
        self.entries.get(start..).unwrap_or_default().iter().take_while(move |entry| entry.span == span)
    }

    /// Every name at every place, in order.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

fn id_length(entry: &Entry) -> u32 {
    if entry.role == Role::UsedWithId { 3 } else { 0 }
}

/// Whether every receiver of a webhook is sent the default body, whose object has the names of the model.
fn has_default_body(rules: &Rules, webhook: WebhookId) -> bool {
    let subscriptions = rules.subscriptions.get(webhook.index()).map(Vec::as_slice).unwrap_or_default();
    subscriptions.iter().all(|own| rules.endpoints.get(own.endpoint).is_some_and(|endpoint| endpoint.request.body.is_none()))
}

/// A field, or the id of a relation or attachment.
pub(super) fn field(program: &Program, model: ModelId, name: &str) -> Option<(Symbol, Role)> {
    let found = program.model(model);
    if let Some(property) = found.property_named(name).filter(|id| found.property(*id).field().is_some()) {
        return Some((Symbol::Property(model, property), Role::Used));
    }
    let property = found.property_named(name.strip_suffix("_id")?)?;
    let has_id = match found.property(property).kind {
        Kind::BelongsTo(_) => true,
        Kind::Field(_) => found.property(property).is_attachment(),
    };
    has_id.then_some((Symbol::Property(model, property), Role::UsedWithId))
}

/// The option of a field with this key.
fn option(program: &Program, model: ModelId, field: &str, key: &str) -> Option<Symbol> {
    let found = program.model(model);
    let property = found.property_named(field)?;
    let options = found.property(property).field()?.text_options()?;
    let is_key = options.iter().any(|option| *option.key == *key);
    is_key.then(|| Symbol::Option(model, property, key.into()))
}

/// A field, an id, or a relation.
pub(super) fn member(program: &Program, model: ModelId, name: &str) -> Option<(Symbol, Role)> {
    let relation = || {
        let found = program.model(model);
        let property = found.property_named(name).map(|property| Symbol::Property(model, property));
        property.or_else(|| declared::has_many(found, name).map(|many| Symbol::HasMany(model, many)))
    };
    field(program, model, name).or_else(|| Some((relation()?, Role::Used)))
}
