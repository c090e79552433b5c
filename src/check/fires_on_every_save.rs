//! WH0314: an `update` webhook without any condition. That is often what is wanted, and sometimes a forgotten condition.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::program::{Program, WebhookType};

pub(super) fn check(program: &Program, out: &mut Diagnostics) {
    let unconditional = program
        .webhooks
        .iter()
        .filter(|webhook| webhook.kind == WebhookType::Update && webhook.conditions.is_empty() && webhook.when.is_none());
    for webhook in unconditional {
        let model = &program.model(webhook.model).name;
        let message = format!("`{}` fires on every save of `{model}`, also on one that changes nothing", webhook.name);
        out.push(Diagnostic::new(Code::FiresOnEverySave, webhook.span, message));
    }
}
