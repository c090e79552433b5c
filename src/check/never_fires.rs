//! WH0309: conditions that contradict each other. Looked at are the values that `equals` and `one-of` allow for one field; a `when` is
//! not taken into account.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::program::{Condition, Literal, Program, Test, Webhook};

pub(super) fn check(program: &Program, out: &mut Diagnostics) {
    for webhook in &program.webhooks {
        for (index, condition) in webhook.conditions.iter().enumerate() {
            if let Some(earlier) = contradicted(webhook, index, condition) {
                let message = format!("`{}` never fires: no value of `{}` fulfils both conditions", webhook.name, condition.name);
                out.push(Diagnostic::new(Code::NeverFires, condition.span, message).related(earlier.span, "the other condition"));
                break;
            }
        }
    }
}

/// The first condition before this one that allows none of its values.
fn contradicted<'w>(webhook: &'w Webhook, index: usize, condition: &Condition) -> Option<&'w Condition> {
    let allowed = values(condition)?;
    webhook
        .conditions
        .iter()
        .take(index)
        .filter(|earlier| earlier.subject == condition.subject)
        .find(|earlier| values(earlier).is_some_and(|earlier| !earlier.iter().any(|value| allowed.contains(value))))
}

/// The values that a condition allows, when it lists them.
fn values(condition: &Condition) -> Option<&[Literal]> {
    match &condition.test {
        Test::Equals(value) => Some(std::slice::from_ref(value)),
        Test::OneOf(values) => Some(values),
        Test::Set | Test::Uploaded | Test::Changed => None,
    }
}
