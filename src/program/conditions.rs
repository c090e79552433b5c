//! The fields that a webhook lists: what must hold, what is embedded. One listed field is several conditions (set, uploaded, equals…)
//! in the order in which they are explained.

use super::link::{Linked, Member};
use super::literal;
use super::{BelongsTo, Condition, Embed, FieldType, Kind, Property, Subject, Test, Through};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix};
use crate::ids::{ModelId, PropertyId};
use crate::schema::{State, Text, WebhookField};
use crate::text::{SourceText, Span};

/// The most relations that one dotted path may follow.
const MAX_DEPTH: usize = 5;

/// Objects of a has-many in a payload, unless `limit` says otherwise.
const DEFAULT_LIMIT: u32 = 100;

/// What has been read of a webhook's fields.
pub(super) struct Conditions<'l, 'a> {
    model: ModelId,
    linked: &'l Linked<'a>,
    found: Vec<Condition>,
    embeds: Vec<Embed>,
    attachments_by_id: Vec<PropertyId>,
    /// Every listed field could be resolved.
    complete: bool,
}

impl<'l, 'a> Conditions<'l, 'a> {
    pub(super) fn new(model: ModelId, linked: &'l Linked<'a>) -> Self {
        Self { model, linked, found: Vec::new(), embeds: Vec::new(), attachments_by_id: Vec::new(), complete: true }
    }

    /// Conditions, embeds, the attachments of which only the id is wanted, and whether every listed field could be resolved.
    pub(super) fn finish(self) -> (Vec<Condition>, Vec<Embed>, Vec<PropertyId>, bool) {
        (self.found, self.embeds, self.attachments_by_id, self.complete)
    }

    /// Resolves one listed field.
    pub(super) fn read(&mut self, field: &WebhookField<'_>, out: &mut Diagnostics) {
        let Some(name) = &field.name else {
            self.complete = false;
            return;
        };
        if name.value.contains('.') {
            self.path(name, field, out);
            return;
        }
        match self.linked.member(self.model, &name.value) {
            Some(Member::Broken) => self.complete = false,
            Some(Member::Property(id, property)) => match &property.kind {
                Kind::BelongsTo(belongs_to) => self.belongs_to(id, *belongs_to, property, name, field, out),
                Kind::Field(FieldType::Attachment(_)) => self.attachment(id, property, name, field, out),
                Kind::Field(_) => self.plain(id, property, name, field, out),
            },
            Some(Member::HasMany(..)) => self.path(name, field, out),
            None => {
                self.complete = false;
                out.push(self.linked.unknown(self.model, &name.value, name.span, "field or relation"));
            }
        }
    }

    fn plain(&mut self, id: PropertyId, property: &Property, name: &Text<'_>, field: &WebhookField<'_>, out: &mut Diagnostics) {
        no_state(name, field, out);
        if let Some(embed) = &field.embed {
            out.push(means_nothing(Code::EmbedOnPlainField, "embed", name, "a plain field and always in the payload", embed.span));
        }
        no_limit(name, field, out);
        if is_required(field) {
            self.push(Subject::Property(id), name, Test::Set, name.span);
        }
        self.comparisons(id, property, name, field, out);
    }

    fn attachment(&mut self, id: PropertyId, property: &Property, name: &Text<'_>, field: &WebhookField<'_>, out: &mut Diagnostics) {
        no_limit(name, field, out);
        if is_required(field) {
            // Uploaded means set: one condition, so that an explanation names the one thing that is missing.
            let (test, span) = match &field.state {
                Some(state) if state.value == State::Uploaded => (Test::Uploaded, state.span),
                Some(_) | None => (Test::Set, name.span),
            };
            self.push(Subject::Property(id), name, test, span);
        }
        if field.embed.is_some_and(|embed| !embed.value) && !self.attachments_by_id.contains(&id) {
            self.attachments_by_id.push(id);
        }
        self.comparisons(id, property, name, field, out);
    }

    fn belongs_to(
        &mut self,
        id: PropertyId,
        belongs_to: BelongsTo,
        property: &Property,
        name: &Text<'_>,
        field: &WebhookField<'_>,
        out: &mut Diagnostics,
    ) {
        no_state(name, field, out);
        no_limit(name, field, out);
        let required = is_required(field);
        if required {
            self.push(Subject::Property(id), name, Test::Set, name.span);
        }
        if field.embed.is_none_or(|embed| embed.value) {
            let step = Step { name: &property.name, through: Through::BelongsTo(id), model: belongs_to.model };
            enter(&mut self.embeds, &step, required, DEFAULT_LIMIT, name.span);
        }
        self.comparisons(id, property, name, field, out);
    }

    /// A dotted path of relations, or a single has-many.
    fn path(&mut self, name: &Text<'_>, field: &WebhookField<'_>, out: &mut Diagnostics) {
        let source = SourceText::verbatim(&name.value, name.span);
        let Some(steps) = self.steps(name, &source, out) else {
            self.complete = false;
            return;
        };
        no_state(name, field, out);
        let ends_in_many = steps.last().is_some_and(|step| matches!(step.through, Through::HasMany(_)));
        if !ends_in_many {
            no_limit(name, field, out);
        }
        if let Some(embed) = field.embed.filter(|embed| !embed.value) {
            out.push(means_nothing(
                Code::EmbedOnPlainField,
                "embed=\"false\"",
                name,
                "listed to be embedded, as every path and has-many",
                embed.span,
            ));
        }
        for span in [field.equals.as_ref(), field.one_of.as_ref()].into_iter().flatten().map(SourceText::whole) {
            let message = format!("`{}` cannot be compared with a value: it is the way to another object", name.value);
            out.push(Diagnostic::new(Code::InvalidValue, span, message).help("use the attribute `when` with an expression"));
        }
        if let Some(changed) = field.changed.filter(|changed| changed.value) {
            let message = format!("`{}` cannot be watched for changes: it is the way to another object", name.value);
            out.push(Diagnostic::new(Code::InvalidValue, changed.span, message));
        }
        let required = is_required(field);
        let limit = field.limit.map_or(DEFAULT_LIMIT, |limit| limit.value);
        let mut indexes = Vec::with_capacity(steps.len());
        let mut level = &mut self.embeds;
        for (depth, step) in steps.iter().enumerate() {
            let last = depth + 1 == steps.len();
            let index = enter(level, step, required, if last { limit } else { DEFAULT_LIMIT }, name.span);
            indexes.push(index);
            match level.get_mut(index) {
                Some(embed) => level = &mut embed.embeds,
                None => return,
            }
        }
        if required {
            self.push(Subject::Embed(indexes), name, Test::Set, name.span);
        }
    }

    /// The relations that a path follows; `None` when something is wrong, which has been reported.
    fn steps(&self, name: &Text<'_>, source: &SourceText, out: &mut Diagnostics) -> Option<Vec<Step<'l>>> {
        let mut steps: Vec<(ModelId, Step<'l>)> = Vec::new();
        let mut model = self.model;
        let mut at = 0;
        for part in name.value.split('.') {
            let span = source.span(at..at + part.len());
            at += part.len() + 1;
            let linked: &'l Linked<'a> = self.linked;
            let step = match linked.member(model, part) {
                Some(Member::Broken) => return None,
                Some(Member::Property(id, property)) => match &property.kind {
                    Kind::BelongsTo(belongs_to) => Step { name: &property.name, through: Through::BelongsTo(id), model: belongs_to.model },
                    Kind::Field(_) => {
                        let message = format!("`{part}` is a field; a path follows relations only");
                        out.push(
                            Diagnostic::new(Code::UnknownReference, span, message)
                                .related(property.span, "the field")
                                .help("an embedded object brings all its fields"),
                        );
                        return None;
                    }
                },
                Some(Member::HasMany(id, target)) => {
                    let name = linked.model(model).and_then(|model| model.has_many.get(id.index())).map_or("", |has_many| &*has_many.name);
                    Step { name, through: Through::HasMany(id), model: target }
                }
                None => {
                    out.push(self.linked.unknown(model, part, span, "relation"));
                    return None;
                }
            };
            if steps.iter().any(|(from, other)| *from == model && other.through == step.through) {
                let message = format!("the path follows `{part}` twice; expected each relation once");
                out.push(Diagnostic::new(Code::UnboundedEmbed, span, message));
                return None;
            }
            if steps.len() == MAX_DEPTH {
                let message = format!("the path follows more than {MAX_DEPTH} relations");
                out.push(Diagnostic::new(Code::UnboundedEmbed, name.span, message));
                return None;
            }
            steps.push((model, step));
            model = step.model;
        }
        Some(steps.into_iter().map(|(_, step)| step).collect())
    }

    fn comparisons(&mut self, id: PropertyId, property: &Property, name: &Text<'_>, field: &WebhookField<'_>, out: &mut Diagnostics) {
        if let Some(equals) = &field.equals
            && let Some(value) = literal::read(property, equals, 0..equals.text.len(), out)
        {
            self.push(Subject::Property(id), name, Test::Equals(value), equals.whole());
        }
        if let Some(one_of) = &field.one_of {
            let mut values = Vec::new();
            let mut good = true;
            let mut start = 0;
            for part in one_of.text.split(',') {
                let from = start + (part.len() - part.trim_ascii_start().len());
                start += part.len() + 1;
                match literal::read(property, one_of, from..from + part.trim_ascii().len(), out) {
                    Some(value) => values.push(value),
                    None => good = false,
                }
            }
            if good {
                self.push(Subject::Property(id), name, Test::OneOf(values), one_of.whole());
            }
        }
        if let Some(changed) = field.changed.filter(|changed| changed.value) {
            self.push(Subject::Property(id), name, Test::Changed, changed.span);
        }
    }

    fn push(&mut self, subject: Subject, name: &Text<'_>, test: Test, span: Span) {
        self.found.push(Condition { subject, name: name.value.as_ref().into(), test, span });
    }
}

/// One relation of a path.
#[derive(Clone, Copy)]
struct Step<'l> {
    name: &'l str,
    through: Through,
    /// Where it leads.
    model: ModelId,
}

/// The embed of a relation on this level, made when it is not there yet: where it stands.
fn enter(level: &mut Vec<Embed>, step: &Step<'_>, required: bool, limit: u32, span: Span) -> usize {
    if let Some(index) = level.iter().position(|embed| embed.through == step.through) {
        if let Some(embed) = level.get_mut(index) {
            embed.required |= required;
            embed.limit = embed.limit.max(limit);
        }
        return index;
    }
    level.push(Embed { name: step.name.into(), through: step.through, model: step.model, required, limit, embeds: Vec::new(), span });
    level.len() - 1
}

fn is_required(field: &WebhookField<'_>) -> bool {
    field.required.is_none_or(|required| required.value)
}

fn no_state(name: &Text<'_>, field: &WebhookField<'_>, out: &mut Diagnostics) {
    if let Some(state) = &field.state {
        out.push(means_nothing(Code::StateOnPlainField, "state", name, "no attachment", state.span));
    }
}

fn no_limit(name: &Text<'_>, field: &WebhookField<'_>, out: &mut Diagnostics) {
    if let Some(limit) = &field.limit {
        out.push(means_nothing(Code::EmbedOnPlainField, "limit", name, "no has-many", limit.span));
    }
}

/// `attribute` on a field where it has no effect, and why.
fn means_nothing(code: Code, attribute: &str, name: &Text<'_>, why: &str, span: Span) -> Diagnostic {
    let message = format!("`{attribute}` means nothing for `{}`, which is {why}", name.value);
    Diagnostic::new(code, span, message).label("ignored").fix(Fix::replace("remove it", span, "").safe())
}
