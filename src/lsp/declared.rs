//! What schemas declare, beside what it was resolved to → the names in them with their places, and an outline of each file.

use super::index::{Entry, Role, Symbol, member};
use crate::ids::{FileId, HasManyId, ModelId};
use crate::program::{FieldType, Kind, Model, Program, Webhook};
use crate::schema::{self, Schema, Text};
use crate::text::{SourceText, Span};

/// A part of a file, for the outline that editors show.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub kind: PartKind,
    pub name: String,
    pub detail: String,
    /// From its tag on; a model reaches to the next one.
    pub start: u32,
    /// Its name, or the word of its tag.
    pub span: Span,
    pub below: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Model,
    Field,
    Relation,
    Webhook,
}

/// What is found in all files.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub entries: Vec<Entry>,
    pub parts: Vec<Part>,
}

/// Reads the names of all files.
pub(super) fn read(schemas: &[Schema<'_>], program: &Program) -> Declared {
    let mut found = Declared::default();
    for (model, id) in schemas.iter().flat_map(|schema| &schema.models).zip((0..).map(ModelId)) {
        let mut walk = Walk { program, id, out: &mut found.entries };
        walk.model(model);
        found.parts.push(outline(model, program, id));
    }
    found
}

/// The has-many of this name.
pub(super) fn has_many(model: &Model, name: &str) -> Option<HasManyId> {
    let index = model.has_many.iter().position(|many| *many.name == *name)?;
    u16::try_from(index).ok().map(HasManyId)
}

struct Walk<'a> {
    program: &'a Program,
    id: ModelId,
    out: &'a mut Vec<Entry>,
}

impl Walk<'_> {
    fn push(&mut self, symbol: Symbol, span: Span, role: Role) {
        self.out.push(Entry::new(symbol, span, role));
    }

    fn resolved(&self) -> Option<&Model> {
        self.program.models.get(self.id.index())
    }

    fn model(&mut self, model: &schema::Model<'_>) {
        let id = self.id;
        if let Some(name) = &model.name {
            self.push(Symbol::Model(id), name.span, Role::Declared);
        }
        for field in &model.fields {
            self.field(field);
        }
        for relation in &model.belongs_to {
            self.model_name(relation.model.as_ref());
            let (name, role) = match (&relation.name, relation.has_name) {
                (Some(name), _) => (Some(name), Role::Declared),
                (None, false) => (relation.model.as_ref(), Role::Implied),
                (None, true) => (None, Role::Declared),
            };
            self.property(name, role);
        }
        for relation in &model.has_many {
            self.model_name(relation.model.as_ref());
            let Some(name) = &relation.name else { continue };
            if let Some(many) = self.resolved().and_then(|model| has_many(model, &name.value)) {
                self.push(Symbol::HasMany(id, many), name.span, Role::Declared);
            }
            let target = relation.model.as_ref().and_then(|model| self.program.model_named(&model.value));
            if let (Some(inverse), Some(target)) = (&relation.inverse_of, target) {
                self.member_of(target, &inverse.value, inverse.span);
            }
        }
        for on in model.indexes.iter().filter_map(|index| index.on.as_ref()) {
            self.list(on);
        }
        for format in model.displays.iter().filter_map(|display| display.format.as_ref()) {
            self.format(format);
        }
        for notify in &model.notify_users {
            notify.message.iter().for_each(|message| self.format(message));
            for name in [&notify.received_field, &notify.recipient_field].into_iter().flatten() {
                self.member_of(id, &name.value, name.span);
            }
            if let Some(badge) = &notify.badge_count_field {
                let recipient = notify.recipient_field.as_ref().and_then(|name| self.target(id, &name.value));
                let holder = recipient.filter(|model| member(self.program, *model, &badge.value).is_some()).unwrap_or(id);
                self.member_of(holder, &badge.value, badge.span);
            }
        }
        for webhook in &model.webhooks {
            self.webhook(webhook);
        }
    }

    fn field(&mut self, field: &schema::Field<'_>) {
        self.property(field.name.as_ref(), Role::Declared);
        let Some(name) = &field.name else { return };
        let Some(property) = self.resolved().and_then(|model| model.property_named(&name.value)) else { return };
        for key in field.options.iter().filter_map(|option| option.key.as_ref()) {
            self.push(Symbol::Option(self.id, property, key.value.as_ref().into()), key.span, Role::Declared);
        }
    }

    /// A property where it is declared: the first of its name, or it has been reported.
    fn property(&mut self, name: Option<&Text<'_>>, role: Role) {
        let Some(name) = name else { return };
        let found = self.resolved().and_then(|model| Some((model.property_named(&name.value)?, model)));
        if let Some((property, model)) = found
            && model.property(property).span == name.span
        {
            self.push(Symbol::Property(self.id, property), name.span, role);
        }
    }

    fn model_name(&mut self, name: Option<&Text<'_>>) {
        if let Some((model, span)) = name.and_then(|name| Some((self.program.model_named(&name.value)?, name.span))) {
            self.push(Symbol::Model(model), span, Role::Used);
        }
    }

    fn member_of(&mut self, model: ModelId, name: &str, span: Span) {
        if let Some((symbol, role)) = member(self.program, model, name) {
            let span = if role == Role::UsedWithId { Span { end: span.end.saturating_sub(3), ..span } } else { span };
            self.push(symbol, span, role);
        }
    }

    /// Where a relation leads.
    fn target(&self, model: ModelId, name: &str) -> Option<ModelId> {
        let found = self.program.model(model);
        if let Some(property) = found.property_named(name) {
            return match &found.property(property).kind {
                Kind::BelongsTo(to) => Some(to.model),
                Kind::Field(_) => None,
            };
        }
        has_many(found, name).map(|many| found.has_many(many).model)
    }

    /// `name, -other`
    fn list(&mut self, source: &SourceText) {
        let mut at = 0;
        for part in source.text.split(',') {
            let name = part.trim().trim_start_matches('-').trim_start();
            let start = at + part.rfind(name).unwrap_or_default();
            at += part.len() + 1;
            if !name.is_empty() {
                self.member_of(self.id, name, source.span(start..start + name.len()));
            }
        }
    }

    /// `{name} of {relation.name:03n}`
    fn format(&mut self, source: &SourceText) {
        let mut at = 0;
        while let Some(open) = source.text.get(at..).and_then(|rest| rest.find('{')) {
            let start = at + open + 1;
            let rest = source.text.get(start..).unwrap_or_default();
            if rest.starts_with('{') {
                at = start + 1;
                continue;
            }
            let path = rest.split(['}', ':', '{']).next().unwrap_or_default();
            self.path(source, start, path);
            at = start + path.len();
        }
    }

    /// Names with dots between, from the model on.
    fn path(&mut self, source: &SourceText, start: usize, path: &str) {
        let mut model = Some(self.id);
        let mut at = start;
        for name in path.split('.') {
            let Some(here) = model else { return };
            self.member_of(here, name, source.span(at..at + name.len()));
            at += name.len() + 1;
            model = self.target(here, name);
        }
    }

    fn webhook(&mut self, webhook: &schema::Webhook<'_>) {
        let own = webhook.name.as_ref().map_or(webhook.element, |name| name.span);
        let ids = self.resolved().map(|model| model.webhooks.clone()).unwrap_or_default();
        if let Some(id) = ids.into_iter().find(|id| self.program.webhook(*id).span == own) {
            let role = if webhook.name.is_some() { Role::Declared } else { Role::Unnamed };
            self.push(Symbol::Webhook(id), own, role);
        }
        if let Some(receiver) = &webhook.receiver {
            self.push(Symbol::Receiver(receiver.value.as_ref().into()), receiver.span, Role::Used);
        }
        for field in &webhook.fields {
            let Some(name) = &field.name else { continue };
            self.path(&SourceText::verbatim(&name.value, name.span), 0, &name.value);
            let single = [(&field.equals, false), (&field.one_of, true)];
            for (source, is_list) in single.into_iter().filter_map(|(source, is_list)| Some((source.as_ref()?, is_list))) {
                self.keys(&name.value, source, is_list);
            }
        }
        let body = webhook.request.as_ref().and_then(|request| request.body.as_ref());
        if let Some(template) = body.and_then(|body| body.template.as_ref()) {
            self.push(Symbol::Template(template.value.as_ref().into()), template.span, Role::Used);
        }
    }

    /// The keys of options that a condition compares with.
    fn keys(&mut self, name: &str, source: &SourceText, is_list: bool) {
        let Some(model) = self.resolved() else { return };
        let Some(property) = model.property_named(name) else { return };
        let is_choice = matches!(model.property(property).field(), Some(FieldType::SingleChoice(_) | FieldType::SingleChoiceInteger(_)));
        if !is_choice {
            return;
        }
        let mut at = 0;
        let parts: Vec<&str> = if is_list { source.text.split(',').collect() } else { vec![&source.text] };
        for part in parts {
            let key = if is_list { part.trim() } else { part };
            let start = at + part.find(key).unwrap_or_default();
            at += part.len() + 1;
            self.push(Symbol::Option(self.id, property, key.into()), source.span(start..start + key.len()), Role::Used);
        }
    }
}

fn outline(model: &schema::Model<'_>, program: &Program, id: ModelId) -> Part {
    let named = |kind, name: Option<&Text<'_>>, detail: &str, element: Option<Span>| {
        let name = name?;
        let start = element.map_or(name.attribute().start, |element| element.start.saturating_sub(1));
        Some(Part { kind, name: name.value.to_string(), detail: detail.to_owned(), start, span: name.span, below: Vec::new() })
    };
    let text = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.value.to_string()).unwrap_or_default();
    let mut below: Vec<Part> = Vec::new();
    below.extend(
        model.fields.iter().filter_map(|field| named(PartKind::Field, field.name.as_ref(), &text(&field.kind), Some(field.element))),
    );
    for relation in &model.belongs_to {
        let name = relation.name.as_ref().or(relation.model.as_ref());
        below.extend(named(PartKind::Relation, name, &format!("belongs to {}", text(&relation.model)), None));
    }
    for relation in &model.has_many {
        below.extend(named(
            PartKind::Relation,
            relation.name.as_ref(),
            &format!("has many {}", text(&relation.model)),
            Some(relation.element),
        ));
    }
    let webhooks: Vec<&Webhook> =
        program.models.get(id.index()).map_or_else(Vec::new, |model| model.webhooks.iter().map(|id| program.webhook(*id)).collect());
    for webhook in &model.webhooks {
        let span = webhook.name.as_ref().map_or(webhook.element, |name| name.span);
        let effective = webhooks.iter().find(|resolved| resolved.span == span).map(|resolved| resolved.name.to_string());
        let name = effective.unwrap_or_else(|| "webhook".to_owned());
        let start = webhook.element.start.saturating_sub(1);
        below.push(Part { kind: PartKind::Webhook, name, detail: "webhook".to_owned(), start, span, below: Vec::new() });
    }
    let span = model.name.as_ref().map_or(model.element, |name| name.span);
    let name = text(&model.name);
    let name = if name.is_empty() { "model".to_owned() } else { name };
    Part { kind: PartKind::Model, name, detail: text(&model.label), start: model.element.start.saturating_sub(1), span, below }
}

/// The parts of one file.
pub(super) fn parts_of(parts: &[Part], file: FileId) -> impl Iterator<Item = &Part> {
    parts.iter().filter(move |part| part.span.file == file)
}
