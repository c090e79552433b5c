//! WH0314: an `update` webhook without any condition. That is often what is wanted, and sometimes a forgotten condition.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::WebhookId;
use crate::program::{Program, WebhookType};

pub(super) fn check(program: &Program, out: &mut Diagnostics) {
    for (index, webhook) in (0_u32..).zip(&program.webhooks) {
        // `on` without `update` is a condition, too.
        let conditional = webhook.kind == WebhookType::Ready
            || !webhook.operations.update
            || !webhook.conditions.is_empty()
            || webhook.has_when
            || webhook.is_nameless;
        if conditional || program.is_incomplete(WebhookId(index)) {
            continue;
        }
        let model = &program.model(webhook.model).name;
        let message = format!("`{}` fires on every save of `{model}`, also on one that changes nothing", webhook.name);
        out.push(Diagnostic::new(Code::FiresOnEverySave, webhook.span, message));
    }
}
