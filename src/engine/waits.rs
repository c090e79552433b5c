//! Firings that wait for a related object: how many may, and what becomes of one when the rules have changed.

use crate::check::{Rules, Valid};
use crate::engine::case::{Case, Circumstances};
use crate::engine::decide::decide;
use crate::engine::evaluate::{Outcome, Step, conclude, seconds};
use crate::engine::known::{Known, Lookup, Wait, WaitCount};
use crate::engine::mistake::Refused;
use crate::engine::moment::Moment;
use crate::engine::verdict::Verdict;
use crate::ids::ModelId;
use crate::program::{Operation, Program, quoted};

/// Firings that may wait for one object: all of them are decided in the save that brings it.
const MAX_FOR_OBJECT: u32 = 1_000;
/// Firings of a tenant that may wait at all.
const MAX_OF_TENANT: u32 = 100_000;

/// Why a save cannot be taken that would make one more firing wait. Refused and not forgotten: whoever saves knows, and may save again.
pub(super) fn refused(program: &Program, (model, id): (ModelId, &str), count: WaitCount) -> Option<Refused> {
    if count.already {
        return None;
    }
    let awaited = format!("{}/{}", program.model(model).name, quoted(id));
    let message = if count.for_object >= MAX_FOR_OBJECT {
        format!("{} webhooks wait for `{awaited}`, which is not there yet, expected at most {MAX_FOR_OBJECT}", count.for_object)
    } else if count.of_tenant >= MAX_OF_TENANT {
        format!("{} webhooks of the tenant wait for objects that are not there yet, expected at most {MAX_OF_TENANT}", count.of_tenant)
    } else {
        return None;
    };
    Some(Refused::whole("too-many-waiting", message, Some(format!("save `{awaited}` first"))))
}

/// Decides a waiting firing once more, on its object as it is now, because the rules are others than when it began to wait. What still
/// waits for the same object, and what does not fire by the new rules, is left as it is: the outcome is then without decisions.
#[must_use]
pub fn reexamine(rules: &Valid<Rules>, wait: &Wait, awaited: (ModelId, &str), known: &Known, moment: Moment<'_>) -> Step {
    let webhook = rules.program.webhook(wait.webhook);
    let mut outcome = Outcome::nothing(Operation::Update);
    let mut lookup = Lookup::before(known);
    let (waiting, object) = (lookup.waiting(awaited.0, awaited.1), lookup.object(webhook.model, &wait.object));
    let (Ok(waiting), Ok(object)) = (waiting, object) else { return Step::Need(lookup.into_needs()) };
    let waits_still = waiting.iter().any(|other| (other.webhook, &other.object) == (wait.webhook, &wait.object));
    let Some(object) = object.filter(|_| waits_still) else { return Step::Done(Box::new(outcome)) };
    let (previous, operation) = (wait.previous.clone(), wait.operation);
    let case = Case { id: wait.webhook, webhook, object, previous, operation, waited: true };
    let timestamp = seconds(moment.now);
    let circumstances = Circumstances { rules, moment, timestamp: &timestamp, watch: None };
    let Ok(result) = decide(circumstances, &mut lookup, &case) else { return Step::Need(lookup.into_needs()) };
    let changed = match &result {
        Ok(_) => true,
        Err(Verdict::Waiting { model, id }) => (*model, &**id) != awaited,
        Err(
            Verdict::Fired
            | Verdict::AlreadyFired
            | Verdict::NoSubscriber
            | Verdict::OtherOperation(_)
            | Verdict::Unmet { .. }
            | Verdict::Failed(_),
        ) => false,
    };
    if changed {
        conclude(circumstances, &case, result, &mut outcome);
    }
    Step::Done(Box::new(outcome))
}
