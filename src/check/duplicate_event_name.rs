//! WH0311: two webhooks with the same effective name. The name is the event type; endpoints could not tell them apart.

use rustc_hash::FxHashMap;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::program::Program;

pub(super) fn check(program: &Program, out: &mut Diagnostics) {
    let mut names = FxHashMap::default();
    for webhook in &program.webhooks {
        // That its model is a second one of its name, or that half of its receiver is missing, or its name, has been said.
        let is_reported = program.model_named(&program.model(webhook.model).name) != Some(webhook.model);
        if is_reported || webhook.is_nameless || webhook.receiver.is_some() != webhook.action.is_some() {
            continue;
        }
        let first = *names.entry(&*webhook.name).or_insert(webhook.span);
        if first != webhook.span {
            let message = format!("the event name `{}` is used twice in the data model", webhook.name);
            out.push(
                Diagnostic::new(Code::DuplicateEventName, webhook.span, message)
                    .related(first, "first used here")
                    .help("give each webhook a `name` of its own"),
            );
        }
    }
}
