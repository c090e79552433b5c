//! Links what all files declare into one [`Program`]: first every model gets its id, then its properties, then the relations that
//! point back, then everything that uses names. What has been reported stays silent from then on: a name that is declared, though
//! wrongly, is *broken*, and using it is no second mistake.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Model, Program, Property, Settings, display, has_many, index, names, notify_user, properties, webhooks};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, one_of, suggestion};
use crate::ids::{FileId, HasManyId, ModelId, PropertyId, WebhookId};
use crate::schema::{self, Schema, Text};
use crate::text::{SourceMap, Span};

/// What resolution may look at besides the declarations.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The sources, for the text of template files.
    pub sources: &'a SourceMap,
    /// Template files by name, sorted.
    pub templates: &'a [(String, FileId)],
    /// Receivers that a webhook may name.
    pub settings: &'a Settings,
}

/// Resolves the names of all files together. Total: what could not be resolved is reported and left out.
pub fn resolve(schemas: &[Schema<'_>], context: Context<'_>, out: &mut Diagnostics) -> Program {
    let declared: Vec<(ModelId, &schema::Model<'_>)> =
        schemas.iter().flat_map(|schema| &schema.models).zip(0_u32..).map(|(model, index)| (ModelId(index), model)).collect();
    let mut linked = Linked {
        names: names::models(&declared, out),
        models: Vec::with_capacity(declared.len()),
        broken: FxHashSet::default(),
        partial_models: FxHashSet::default(),
        loose_models: FxHashSet::default(),
        partial: schemas.iter().any(|schema| schema.partial) || declared.iter().any(|(_, model)| !names::is_nameable(model)),
    };
    for (id, model) in &declared {
        let properties = properties::read(*id, model, &mut linked, out);
        linked.models.push(properties);
    }
    has_many::link(&declared, &mut linked, out);
    display::check(&declared, &linked, out);
    let mut webhooks = Vec::new();
    let mut incomplete = FxHashSet::default();
    for (id, model) in &declared {
        index::check(*id, model, &linked, out);
        notify_user::check(*id, model, &linked, out);
        for webhook in &model.webhooks {
            if let Some((webhook, complete)) = webhooks::read(*id, model, webhook, &linked, context, out) {
                let index = WebhookId(u32::try_from(webhooks.len()).unwrap_or(u32::MAX));
                if let Some(model) = linked.models.get_mut(id.index()) {
                    model.webhooks.push(index);
                }
                if !complete {
                    incomplete.insert(index);
                }
                webhooks.push(webhook);
            }
        }
    }
    let broken = linked.broken.iter().map(|(model, name)| (*model, Box::from(*name))).collect();
    Program { broken, partial_models: linked.partial_models, incomplete, ..Program::new(linked.models, webhooks) }
}

/// Behind this many findings no nearest model is looked for: each look goes through all names.
const HINTED: usize = 200;

/// The tables while they are being filled.
pub(super) struct Linked<'a> {
    /// Models by name; the first of a name.
    pub(super) names: FxHashMap<&'a str, ModelId>,
    /// Indexed by [`ModelId`].
    pub(super) models: Vec<Model>,
    /// Names that are declared, but wrongly.
    pub(super) broken: FxHashSet<(ModelId, &'a str)>,
    /// Models that may have more fields and relations than could be read: one has no name, or its element is misspelt.
    pub(super) partial_models: FxHashSet<ModelId>,
    /// Models with a belongs-to that points nowhere: it may be meant to be the inverse of any has-many.
    pub(super) loose_models: FxHashSet<ModelId>,
    /// A file could not be read to its end, or a model has no proper name: any model may be there.
    pub(super) partial: bool,
}

/// What a name of a model stands for.
#[derive(Clone, Copy)]
pub(super) enum Member<'l> {
    /// A field or a belongs-to.
    Property(PropertyId, &'l Property),
    /// A has-many, and the model of its objects.
    HasMany(HasManyId, ModelId),
    /// Something that has been reported.
    Broken,
}

impl<'a> Linked<'a> {
    /// Whether a model has a proper name, so that others can mean it.
    pub(super) fn has_name(&self, id: ModelId) -> bool {
        self.model(id).is_some_and(|model| names::is_name(&model.name))
    }

    /// Whether a model is the first of its name. A second one is a mistake as a whole; what it has in common with the first is none.
    pub(super) fn is_first(&self, id: ModelId) -> bool {
        self.model(id).is_none_or(|model| self.names.get(&*model.name).is_none_or(|first| *first == id))
    }

    /// The model with this id.
    pub(super) fn model(&self, id: ModelId) -> Option<&Model> {
        self.models.get(id.index())
    }

    /// What `name` stands for in a model.
    pub(super) fn member(&self, model: ModelId, name: &str) -> Option<Member<'_>> {
        let row = self.models.get(model.index())?;
        if let Some((id, property)) = row.property_named(name).and_then(|id| Some((id, row.properties.get(id.index())?))) {
            return Some(Member::Property(id, property));
        }
        if self.broken.contains(&(model, name)) {
            return Some(Member::Broken);
        }
        let Some(index) = row.has_many.iter().position(|has_many| &*has_many.name == name) else {
            return self.partial_models.contains(&model).then_some(Member::Broken);
        };
        let target = row.has_many.get(index)?.model;
        Some(Member::HasMany(HasManyId(u16::try_from(index).unwrap_or(u16::MAX)), target))
    }

    /// Whether a field or relation is declared under this name, rightly or wrongly.
    pub(super) fn is_declared(&self, model: ModelId, name: &str) -> bool {
        self.broken.contains(&(model, name)) || self.models.get(model.index()).is_some_and(|row| row.property_named(name).is_some())
    }

    /// The model that a text names; reports it when there is none.
    pub(super) fn find_model(&self, text: &Text<'_>, out: &mut Diagnostics) -> Option<ModelId> {
        let found = self.names.get(&*text.value).copied();
        if found.is_none() && !self.partial {
            let unknown = Diagnostic::new(Code::UnknownReference, text.span, format!("there is no model `{}`", text.value));
            let mut names: Vec<&str> = Vec::new();
            if out.len() < HINTED {
                names.extend(self.names.keys());
                names.sort_unstable();
            }
            out.push(hint(unknown, &text.value, text.span, &names));
        }
        found
    }

    /// The name of a model that another name was most likely meant to be.
    pub(super) fn nearest_model(&self, name: &str, out: &Diagnostics) -> Option<&'a str> {
        (out.len() <= HINTED).then(|| suggestion(name, self.names.keys().copied())).flatten()
    }

    /// Says that a model has nothing of this name. `what`: "field or relation".
    pub(super) fn unknown(&self, model: ModelId, name: &str, span: Span, what: &str) -> Diagnostic {
        let Some(row) = self.models.get(model.index()) else {
            return Diagnostic::new(Code::UnknownReference, span, format!("there is no {what} `{name}`"));
        };
        let fields = row.properties.iter().filter(|property| match what {
            "relation" => property.field().is_none(),
            "field" => property.field().is_some(),
            _ => true,
        });
        let mut names: Vec<&str> = fields.map(|property| &*property.name).collect();
        if what != "field" {
            names.extend(row.has_many.iter().map(|has_many| &*has_many.name));
        }
        let message = format!("`{}` has no {what} `{name}`", row.name);
        let diagnostic = Diagnostic::new(Code::UnknownReference, span, message);
        // In the same file the model is in sight, or named in the message; in another one it must be shown.
        let diagnostic = if row.span.file == span.file { diagnostic } else { diagnostic.related(row.span, "the model") };
        hint(diagnostic, name, span, &names)
    }
}

/// Adds the name that was probably meant, or those that exist.
fn hint(diagnostic: Diagnostic, seen: &str, span: Span, names: &[&str]) -> Diagnostic {
    match suggestion(seen, names.iter().copied()) {
        Some(near) => {
            let fix = Fix::replace(format!("rename to `{near}`"), span, near);
            diagnostic.help(format!("did you mean `{near}`?")).fix(fix)
        }
        None if names.is_empty() => diagnostic,
        None => diagnostic.help(format!("expected {}", one_of(names.iter().copied()))),
    }
}
