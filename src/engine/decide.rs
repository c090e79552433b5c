//! One webhook and one object → whether it fires, or why not. The order of the questions is described at [`Verdict`].

use std::sync::Arc;

use crate::engine::case::{Case, Circumstances};
use crate::engine::condition::{Unmet, on_object, on_related};
use crate::engine::embed::gather;
use crate::engine::known::{Lookup, Pending};
use crate::engine::verdict::Verdict;
use crate::program::{Condition, Operation, Program, Test, Webhook, WebhookType};
use crate::template::Snapshot;

/// Decides a case: with everything its payload needs when it fires, otherwise with the verdict.
pub(super) fn decide(
    circumstances: Circumstances<'_>,
    lookup: &mut Lookup<'_>,
    case: &Case<'_>,
) -> Result<Result<Snapshot, Verdict>, Pending> {
    match check_own(&circumstances.rules.program, case) {
        Some(verdict) => Ok(Err(verdict)),
        None => decide_open(circumstances, lookup, case),
    }
}

/// What speaks against a case in the operation and in the object itself.
pub(super) fn check_own(program: &Program, case: &Case<'_>) -> Option<Verdict> {
    if case.webhook.operations.contains(case.operation) {
        first_unmet(case.webhook, |condition| on_object(program, case, condition))
    } else {
        Some(Verdict::OtherOperation(case.operation))
    }
}

/// Decides a case that nothing in the operation and in the object itself speaks against.
pub(super) fn decide_open(
    circumstances: Circumstances<'_>,
    lookup: &mut Lookup<'_>,
    case: &Case<'_>,
) -> Result<Result<Snapshot, Verdict>, Pending> {
    let webhook = case.webhook;
    let program = &circumstances.rules.program;
    let early = webhook.embeds.is_empty();
    if early {
        let alone = Snapshot { record: Arc::clone(&case.object), embedded: Vec::new() };
        if let Err(verdict) = check_when(circumstances, case, &alone) {
            return Ok(Err(verdict));
        }
    }
    if !circumstances.is_subscribed(case.id) && circumstances.own(case).next().is_none() {
        return Ok(Err(Verdict::NoSubscriber));
    }
    if webhook.kind == WebhookType::Ready && lookup.has_fired(case.id, &case.object.id)? {
        return Ok(Err(Verdict::AlreadyFired));
    }
    let snapshot = match gather(lookup, program, &case.object, &webhook.embeds)? {
        Ok(snapshot) => snapshot,
        Err(missing) if case.operation == Operation::Delete => {
            // A deleted object cannot wait: when the related one arrives there is nothing left to tell about.
            let name: Box<str> = program.model(missing.model).name.clone();
            let seen = format!("`{}`, which does not exist", missing.id);
            return Ok(Err(Verdict::Unmet { condition: None, name, seen, required: "an object that exists".to_owned() }));
        }
        Err(missing) => return Ok(Err(Verdict::Waiting { model: missing.model, id: missing.id })),
    };
    if let Some(unmet) = first_unmet(webhook, |condition| on_related(condition, &snapshot)) {
        return Ok(Err(unmet));
    }
    if !early && let Err(verdict) = check_when(circumstances, case, &snapshot) {
        return Ok(Err(verdict));
    }
    if !circumstances.is_subscribed(case.id) && !circumstances.is_taken(case, &snapshot) {
        return Ok(Err(Verdict::NoSubscriber));
    }
    Ok(Ok(snapshot))
}

fn first_unmet(webhook: &Webhook, check: impl Fn(&Condition) -> Option<Unmet>) -> Option<Verdict> {
    webhook.conditions.iter().enumerate().find_map(|(index, condition)| {
        let Unmet { seen, required } = check(condition)?;
        Some(Verdict::Unmet { condition: Some(index), name: condition.name.clone(), seen, required })
    })
}

fn check_when(circumstances: Circumstances<'_>, case: &Case<'_>, snapshot: &Snapshot) -> Result<(), Verdict> {
    let Some(predicate) = circumstances.predicate(case.id) else { return Ok(()) };
    match predicate.holds(&circumstances.data(case, snapshot)) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let (seen, required) = ("false".to_owned(), "true".to_owned());
            Err(Verdict::Unmet { condition: None, name: "when".into(), seen, required })
        }
        Err(error) => Err(Verdict::Failed(error)),
    }
}

/// Whether an earlier firing of the webhook for the same object, which may still wait, is over with this verdict.
///
/// A wait goes on when only this save speaks against firing (its operation, or that it did not change a field): its own save did
/// not, and when the related object arrives everything is asked again.
pub(super) fn ends_wait(webhook: &Webhook, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Fired | Verdict::AlreadyFired | Verdict::NoSubscriber => true,
        Verdict::Waiting { .. } | Verdict::Failed(_) | Verdict::OtherOperation(_) => false,
        Verdict::Unmet { condition, .. } => {
            condition.and_then(|index| webhook.conditions.get(index)).is_some_and(|condition| condition.test != Test::Changed)
        }
    }
}
