//! The saves of an object once more → the object before and after the last of them, and what each condition of a webhook saw in it. For
//! whoever looks back; what a node decides is not decided here.

use std::sync::Arc;

use crate::engine::apply::apply;
use crate::engine::condition::{holds, seen};
use crate::engine::save::{Change, Save};
use crate::program::{Program, Record, Subject, Test, Through, Webhook};

/// An object around a save.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Before it; `None` when it did not exist.
    pub before: Option<Arc<Record>>,
    /// After it; `None` when it was deleted.
    pub after: Option<Arc<Record>>,
}

/// Makes the saves of one object again, from the first on. `None` when one of them cannot be made: an earlier one is missing.
#[must_use]
pub fn replay(program: &Program, saves: &[Save]) -> Option<Replayed> {
    let mut around = Replayed { before: None, after: None };
    for save in saves {
        let applied = apply(program, save, around.after.as_ref(), "").ok()?;
        let is_there = !matches!(save.change, Change::Delete | Change::RowGone(_));
        around = Replayed { before: around.after, after: is_there.then_some(applied.object) };
    }
    Some(around)
}

/// What a condition saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether it held, as far as the object itself tells.
    pub held: bool,
    /// The value seen, in words; those of `sensitive` models are not repeated.
    pub seen: String,
    /// The value required, in words.
    pub required: String,
}

/// What each condition of a webhook saw in the object itself, also those that were not asked. `None` where a related object decides, or
/// when the object is of another model.
#[must_use]
pub fn looks(program: &Program, webhook: &Webhook, around: &Replayed) -> Vec<Option<Look>> {
    let Some(object) = around.after.as_ref().filter(|object| object.model == webhook.model) else {
        return vec![None; webhook.conditions.len()];
    };
    let looks = webhook.conditions.iter().map(|condition| {
        let (property, test) = match &condition.subject {
            Subject::Property(property) => (*property, &condition.test),
            Subject::Embed(path) => match webhook.embeds.get(*path.first()?)?.through {
                Through::BelongsTo(property) if path.len() == 1 => (property, &condition.test),
                Through::BelongsTo(_) | Through::HasMany(_) => return None,
            },
        };
        if matches!(test, Test::Changed) {
            let changed = around.before.as_ref().is_none_or(|before| before.value(property) != object.value(property));
            let seen = if changed { "changed" } else { "unchanged" };
            return Some(Look { held: changed, seen: seen.to_owned(), required: test.required() });
        }
        Some(Look { held: holds(test, object.value(property)), seen: seen(program, object, property), required: test.required() })
    });
    looks.collect()
}
