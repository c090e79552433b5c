//! Whether a new name is free wherever it could meet another: then a rename changes no meaning, and nothing need be compiled to know it. Says
//! yes only when it is certain; of a name that stands anywhere near, nothing is said here.
//!
//! A name meets others in its model and in the models that name that one, whose paths, templates and messages lead to it; in every file that is
//! no schema; and the names of models, webhooks, variables and secrets wherever they stand. The texts of these are searched, not what they mean:
//! a word that begins with the name counts too, for names are made by putting `_id`, `_update` or `_ready` behind others.

use std::collections::BTreeSet;

use memchr::memmem;

use super::index::{Role, Symbol, member};
use super::snapshot::Snapshot;
use crate::check::Rules;
use crate::ids::{FileId, ModelId};
use crate::program::{FieldType, Program, is_name, is_reserved_member};
use crate::template::offer::is_own_name;
use crate::text::Span;

/// Bytes of a name that is judged here: a longer one can make a template too costly.
const LONGEST: usize = 64;

/// A name for a symbol, and the places that would be changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewName<'a> {
    pub symbol: &'a Symbol,
    pub old: &'a str,
    pub new: &'a str,
    pub places: &'a [Span],
}

/// Whether a new name meets no other in a project without an error.
pub(super) fn is_fresh(snapshot: &Snapshot, rules: &Rules, name: NewName<'_>) -> bool {
    let NewName { symbol, old, new, places } = name;
    let is_usual = new.len() <= LONGEST && is_name(new) && !is_reserved_member(new) && !new.ends_with("_id") && is_own_name(new);
    if !is_usual || is_taken(rules, symbol, new) {
        return false;
    }
    let reach: Vec<&str> = match symbol {
        Symbol::Model(_) | Symbol::Webhook(_) | Symbol::Variable(_) | Symbol::Secret(_) => {
            snapshot.sources.iter().map(|(_, file)| file.text.as_str()).collect()
        }
        Symbol::Property(model, _) | Symbol::HasMany(model, _) | Symbol::Option(model, ..) => {
            near(snapshot, &rules.program, *model, places)
        }
        Symbol::Receiver(_) | Symbol::Template(_) | Symbol::Tool(..) | Symbol::Value(..) => return false,
    };
    // What a template compares with `event`, or with a choice in a roundabout way, is text to it; so nothing is said of such a name.
    let is_text_too = match symbol {
        Symbol::Webhook(_) | Symbol::Option(..) => reach.iter().map(|text| words(text, old).count()).sum::<usize>() > places.len(),
        Symbol::Model(_)
        | Symbol::Property(..)
        | Symbol::HasMany(..)
        | Symbol::Variable(_)
        | Symbol::Secret(_)
        | Symbol::Receiver(_)
        | Symbol::Template(_)
        | Symbol::Tool(..)
        | Symbol::Value(..) => false,
    };
    !is_text_too && reach.iter().all(|text| beginnings(text, new).next().is_none())
}

/// Whether something of the same kind has the name, however it is written.
fn is_taken(rules: &Rules, symbol: &Symbol, new: &str) -> bool {
    let (program, settings) = (&rules.program, &rules.settings);
    match symbol {
        Symbol::Model(_) | Symbol::Webhook(_) => program.model_named(new).is_some() || program.webhook_named(new).is_some(),
        Symbol::Property(model, _) | Symbol::HasMany(model, _) => member(program, *model, new).is_some(),
        // The keys of other choices have a form of their own.
        Symbol::Option(model, property, _) => {
            let options = program.model(*model).property(*property).field().and_then(FieldType::text_options);
            options.is_none_or(|options| options.iter().any(|option| *option.key == *new))
        }
        Symbol::Variable(_) => settings.vars.contains_key(new),
        Symbol::Secret(_) => settings.secrets.contains(new),
        Symbol::Receiver(_) | Symbol::Template(_) | Symbol::Tool(..) | Symbol::Value(..) => true,
    }
}

/// The text of a model, of those that name it, of those that are changed, and of everything that is no schema.
fn near<'s>(snapshot: &'s Snapshot, program: &Program, model: ModelId, places: &[Span]) -> Vec<&'s str> {
    let mut starts: Vec<(FileId, u32)> = snapshot.parts.iter().map(|part| (part.span.file, part.start)).collect();
    starts.sort_unstable();
    let own = Symbol::Model(model);
    let named = snapshot.index.of(&own).filter(|entry| entry.role != Role::Declared).map(|entry| entry.span);
    let spans = named.chain(places.iter().copied()).chain([program.model(model).span]);
    let schemas: BTreeSet<FileId> = snapshot.schemas.iter().copied().collect();
    let models: BTreeSet<usize> = spans
        .filter(|span| schemas.contains(&span.file))
        .filter_map(|span| starts.partition_point(|start| *start <= (span.file, span.start)).checked_sub(1))
        .collect();
    let of_model = |index: usize| {
        let (file, start) = *starts.get(index)?;
        let text = snapshot.sources.file(file).text.as_str();
        let end = starts.get(index + 1).filter(|(next, _)| *next == file).map_or(text.len(), |(_, end)| *end as usize);
        text.get(start as usize..end)
    };
    let others = snapshot.sources.iter().filter(|(file, _)| !schemas.contains(file)).map(|(_, file)| file.text.as_str());
    others.chain(models.into_iter().filter_map(of_model)).collect()
}

/// Where words begin with a name.
fn beginnings<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = usize> + 't {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, name).filter(|at| !at.checked_sub(1).and_then(|before| bytes.get(before)).copied().is_some_and(is_of_word))
}

/// Where a name stands as a word.
fn words<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = usize> + 't {
    beginnings(text, name).filter(|at| !text.as_bytes().get(at + name.len()).copied().is_some_and(is_of_word))
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
