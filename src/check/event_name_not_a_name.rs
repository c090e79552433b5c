//! WH0312: an event name that is no NAME. It is sent as it is, but many receivers use it in code, URLs and file names.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::program::{Program, is_name};

pub(super) fn check(program: &Program, out: &mut Diagnostics) {
    for webhook in program.webhooks.iter().filter(|webhook| !is_name(&webhook.name)) {
        // The name of the model has been reported, and may be what is wrong with that of the webhook.
        if !is_name(&program.model(webhook.model).name) {
            continue;
        }
        let message = format!("the event name `{}` is no name; expected a letter, then letters, digits and underscores", webhook.name);
        out.push(Diagnostic::new(Code::EventNameNotAName, webhook.span, message));
    }
}
