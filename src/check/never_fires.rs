//! WH0309: conditions that contradict each other: the values that `equals` and `one-of` allow for one field, and what `when` asks for.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::WebhookId;
use crate::program::{Condition, Literal, Program, Settings, Webhook};
use crate::template::{Against, Predicate, Scope, When};

pub(super) fn check(program: &Program, settings: &Settings, predicates: &[Option<Predicate>], out: &mut Diagnostics) {
    for ((index, webhook), predicate) in (0_u32..).zip(&program.webhooks).zip(predicates) {
        let found = among_conditions(webhook).or_else(|| {
            // What could not be resolved may be a condition that was meant otherwise.
            let predicate = predicate.as_ref().filter(|_| !program.is_incomplete(WebhookId(index)))?;
            of_when(webhook, predicate, Scope { program, webhook, settings, when: When::Absent, uses: None })
        });
        if let Some(found) = found {
            out.push(found);
        }
    }
}

/// The first condition that leaves no value to its field.
fn among_conditions(webhook: &Webhook) -> Option<Diagnostic> {
    let mut listed: Vec<(&Condition, Vec<&Literal>)> = Vec::new();
    for condition in &webhook.conditions {
        let Some(allowed) = condition.test.values() else { continue };
        let earlier: Vec<&(&Condition, Vec<&Literal>)> = listed.iter().filter(|(other, _)| other.subject == condition.subject).collect();
        let left = |literal: &&Literal| earlier.iter().all(|(_, values)| values.contains(literal));
        if !allowed.iter().any(|literal| left(&literal)) {
            let disjoint = earlier.iter().find(|(_, values)| !values.iter().any(|value| allowed.contains(value)));
            let others: Vec<&Condition> =
                disjoint.map_or_else(|| earlier.iter().map(|(other, _)| *other).collect(), |(other, _)| vec![*other]);
            let all = if others.len() == 1 { "both" } else { "all" };
            let message = format!("`{}` never fires: no value of `{}` fulfils {all} conditions", webhook.name, condition.name);
            let diagnostic = Diagnostic::new(Code::NeverFires, condition.span, message);
            return Some(others.into_iter().fold(diagnostic, |diagnostic, other| diagnostic.related(other.span, "the other condition")));
        }
        listed.push((condition, allowed.iter().collect()));
    }
    None
}

fn of_when(webhook: &Webhook, predicate: &Predicate, scope: Scope<'_>) -> Option<Diagnostic> {
    let never = predicate.never(scope)?;
    let name = &webhook.name;
    let diagnostic = |why: &str| Diagnostic::new(Code::NeverFires, never.span, format!("`{name}` never fires: {why}"));
    Some(match &never.against {
        Against::Itself => diagnostic("this is never true"),
        Against::Operations => diagnostic("this is true for no operation that it fires on")
            .help("`on` lists the operations; without it they are `create` and `update`"),
        Against::Conditions(indexes) => {
            let conditions = indexes.iter().filter_map(|index| webhook.conditions.get(*index));
            let start = diagnostic("this is never true when its other conditions hold");
            conditions.fold(start, |diagnostic, condition| diagnostic.related(condition.span, "a condition that it contradicts"))
        }
    })
}
