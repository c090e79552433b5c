//! WH0313: a webhook that nobody receives: no `<request>`, no endpoint, no receiver of the configuration. It will not fire.

use super::subscriptions::Subscribers;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::program::Program;

pub(super) fn check(program: &Program, subscribers: &Subscribers, out: &mut Diagnostics) {
    for (webhook, endpoints) in program.webhooks.iter().zip(subscribers) {
        if endpoints.is_empty() {
            let message = format!("nothing receives `{}`, so it will not fire", webhook.name);
            let help = match &webhook.receiver {
                Some(receiver) => format!("declare `[receivers.{receiver}]` with its `url` in `webhookc.toml`"),
                None => format!("add a `<request url=\"…\"/>`, or an endpoint with `events = [\"{}\"]` to `webhookc.toml`", webhook.name),
            };
            out.push(Diagnostic::new(Code::WebhookWithoutTarget, webhook.span, message).help(help));
        }
    }
}
