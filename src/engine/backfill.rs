//! A `ready` webhook that has come into the program later, decided for an object that was there before, as if the object were saved once
//! more without a change. What fires uses the webhook up for the object, as every firing of it does.

use std::sync::Arc;

use crate::check::{Rules, Valid};
use crate::engine::case::{Case, Circumstances};
use crate::engine::decide::decide;
use crate::engine::evaluate::{Outcome, Step, conclude, seconds};
use crate::engine::known::{Known, Lookup};
use crate::engine::moment::Moment;
use crate::engine::verdict::{Decision, Verdict};
use crate::engine::waits::refused;
use crate::ids::WebhookId;
use crate::program::Operation;

/// Decides one webhook for one object as it is. An outcome without decisions: there is no such object any more.
#[must_use]
pub fn backfill(rules: &Valid<Rules>, about: (WebhookId, &str), known: &Known, moment: Moment<'_>) -> Step {
    decided(rules, about, (known, Then::Fires), moment)
}

/// Decides the same, but what would fire is only used up, as if it had fired before.
#[must_use]
pub fn use_up(rules: &Valid<Rules>, about: (WebhookId, &str), known: &Known, moment: Moment<'_>) -> Step {
    decided(rules, about, (known, Then::IsUsedUp), moment)
}

/// What becomes of a webhook whose conditions hold.
#[derive(Clone, Copy)]
enum Then {
    Fires,
    IsUsedUp,
}

fn decided(rules: &Valid<Rules>, (id, object): (WebhookId, &str), (known, then): (&Known, Then), moment: Moment<'_>) -> Step {
    let webhook = rules.program.webhook(id);
    // A webhook that does not fire at updates is decided as when the object was made.
    let operation = if webhook.operations.update { Operation::Update } else { Operation::Create };
    let mut outcome = Outcome::nothing(operation);
    let mut lookup = Lookup::before(known);
    let Ok(object) = lookup.object(webhook.model, object) else { return Step::Need(lookup.into_needs()) };
    let Some(object) = object else { return Step::Done(Box::new(outcome)) };
    let previous = (operation == Operation::Update).then(|| Arc::clone(&object));
    let case = Case { id, webhook, object, previous, operation, waited: true };
    let timestamp = seconds(moment.now);
    let circumstances = Circumstances { rules, moment, timestamp: &timestamp, watch: None };
    let Ok(result) = decide(circumstances, &mut lookup, &case) else { return Step::Need(lookup.into_needs()) };
    match result {
        Err(Verdict::Waiting { model, id: awaited }) => {
            let Ok(count) = lookup.wait_count(id, &case.object.id, (model, &awaited)) else { return Step::Need(lookup.into_needs()) };
            if let Some(refused) = refused(&rules.program, (model, &awaited), count) {
                return Step::Refused(refused);
            }
            conclude(circumstances, &case, Err(Verdict::Waiting { model, id: awaited }), &mut outcome);
        }
        Ok(snapshot) => match then {
            Then::Fires => conclude(circumstances, &case, Ok(snapshot), &mut outcome),
            Then::IsUsedUp => {
                let object = &case.object.id;
                outcome.marks.push((id, object.clone()));
                outcome.ended_waits.push((id, object.clone()));
                outcome.decided.others.push(Decision { webhook: id, object: object.clone(), verdict: Verdict::AlreadyFired });
            }
        },
        // Nothing follows from it.
        Err(verdict) => outcome.decided.others.push(Decision { webhook: id, object: case.object.id.clone(), verdict }),
    }
    Step::Done(Box::new(outcome))
}
