//! Relations that a template reads but the webhook does not embed, with the `<field>` that embeds them.

use std::ops::Range;

use super::super::facts::Step;
use super::Typing;
use crate::diagnostics::{Code, Diagnostic, Fix};
use crate::ids::{ModelId, WebhookId};
use crate::program::{Subject, Webhook};

impl Typing<'_, '_> {
    /// Reports a relation of the model, read at a place, that the webhook does not embed; false when there is no such relation.
    pub(super) fn report_not_embedded(&mut self, model: ModelId, place: Option<&[Step]>, name: &str, range: Range<usize>) -> bool {
        let found = self.scope.program.model(model);
        let property = found.property_named(name).filter(|property| found.property(*property).field().is_none());
        if property.is_none() && !found.has_many.iter().any(|many| *many.name == *name) {
            return false;
        }
        if self.is_incomplete() {
            self.failed = true;
            return true;
        }
        let webhook = self.scope.webhook;
        let message = format!("relation `{name}` of model `{}` is not embedded by the webhook", found.name);
        let mut report = Diagnostic::new(Code::NotEmbedded, self.source.span(range), message);
        let path = path(webhook, place, name);
        let listed = property.filter(|_| path.as_deref() == Some(name)).and_then(|property| {
            webhook.conditions.iter().find(|condition| condition.subject == Subject::Property(property)).map(|condition| condition.span)
        });
        let mut help = match (&path, listed) {
            (_, Some(span)) => {
                report = report.related(span, "listed here, but not embedded");
                format!("take `embed=\"false\"` away from the `<field>` of `{name}` in the webhook `{}`", webhook.name)
            }
            (Some(path), None) => format!("add `<field name=\"{path}\"/>` to the webhook `{}`", webhook.name),
            (None, None) => format!("embed it with a dotted path that ends in `.{name}`, in the webhook `{}`", webhook.name),
        };
        if property.is_some() {
            help = format!("{help}; without it only the id is there, `{name}_id`");
        }
        report = report.help(help);
        if let (Some(path), None, Some(slot)) = (path, listed, &webhook.field_slot) {
            // With `required` the webhook would fire less often, which nobody asked for here.
            let field = format!("{}<field name=\"{path}\" required=\"false\" />", slot.lead);
            report = report.fix(Fix::replace(format!("embed `{path}`, without making it a condition"), slot.at, field));
        }
        self.push(report);
        true
    }

    /// Whether a field of the webhook could not be resolved: it may be the one that was meant to embed.
    fn is_incomplete(&self) -> bool {
        let program = self.scope.program;
        let index = (0_u32..).zip(&program.webhooks).find(|(_, webhook)| std::ptr::eq(*webhook, self.scope.webhook));
        index.is_some_and(|(index, _)| program.is_incomplete(WebhookId(index))) && self.out.has_errors()
    }
}

/// The relations from the object to a place and on to `name`, as a webhook's field names them; `None` inside a loop.
fn path(webhook: &Webhook, place: Option<&[Step]>, name: &str) -> Option<String> {
    let (Step::Object, steps) = place?.split_first()? else { return None };
    let mut path = String::new();
    let mut embeds = webhook.embeds.as_slice();
    for step in steps {
        let Step::Embed(index) = step else { return None };
        let embed = embeds.get(*index)?;
        path.push_str(&embed.name);
        path.push('.');
        embeds = &embed.embeds;
    }
    path.push_str(name);
    Some(path)
}
