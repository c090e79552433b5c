//! A row that was there before anybody looked → the object that it is. Nothing is decided: nothing has happened to it now.

use std::sync::Arc;

use crate::check::{Rules, Valid};
use crate::engine::apply::{Applied, apply};
use crate::engine::evaluate::{Outcome, Step, seconds};
use crate::engine::known::{Known, Lookup};
use crate::engine::moment::Moment;
use crate::engine::save::Save;
use crate::program::Operation;

/// Applies a save without deciding a webhook. An object that stays as it is keeps its `updated_at`.
#[must_use]
pub fn adopt(rules: &Valid<Rules>, save: &Save, known: &Known, moment: Moment<'_>) -> Step {
    let mut lookup = Lookup::before(known);
    let Ok(stored) = lookup.object(save.model, &save.id) else { return Step::Need(lookup.into_needs()) };
    match apply(&rules.program, save, stored.as_ref(), &seconds(moment.now)) {
        Ok(Applied { operation, object }) => {
            let kept = stored.filter(|stored| stored.values == object.values);
            let now = (operation != Operation::Delete).then(|| kept.unwrap_or_else(|| Arc::clone(&object)));
            Step::Done(Box::new(Outcome { object: now, ..Outcome::nothing(operation) }))
        }
        Err(refused) => Step::Refused(refused),
    }
}
