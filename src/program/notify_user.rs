//! `<notify-user>`: who is notified, where it is noted that they were, and the message. Nothing of it is kept: notifications are not
//! webhooks, but a data model that has them must be right all the same.

use super::display;
use super::link::{Linked, Member};
use super::{FieldType, Kind};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::ModelId;
use crate::schema::{self, NotifyUser};

/// Checks the notifications of a model.
pub(super) fn check(id: ModelId, model: &schema::Model<'_>, linked: &Linked<'_>, out: &mut Diagnostics) {
    for notify in &model.notify_users {
        if let Some(message) = &notify.message {
            let (_, faults) = display::relations(id, message, linked, out);
            for fault in faults {
                out.push(Diagnostic::new(Code::BadNotifyMessage, message.span(fault.range), fault.message));
            }
        }
        received_field(id, notify, linked, out);
        let recipient = recipient_model(id, notify, linked, out);
        badge_field(id, recipient, notify, linked, out);
    }
}

fn received_field(id: ModelId, notify: &NotifyUser<'_>, linked: &Linked<'_>, out: &mut Diagnostics) {
    let Some(text) = &notify.received_field else {
        return;
    };
    match linked.member(id, &text.value) {
        Some(Member::Broken) => {}
        Some(Member::Property(_, property)) if matches!(property.field(), Some(FieldType::Datetime | FieldType::Boolean)) => {}
        Some(Member::Property(_, property)) => {
            let message =
                format!("`{}` cannot note that the message was received; expected a field of type `datetime` or `boolean`", text.value);
            out.push(Diagnostic::new(Code::NotifyFieldType, text.span, message).related(property.span, "it is declared here"));
        }
        Some(Member::HasMany(..)) => {
            let message = format!("`{}` is a has-many; expected a field of type `datetime` or `boolean`", text.value);
            out.push(Diagnostic::new(Code::NotifyFieldType, text.span, message));
        }
        None => out.push(linked.unknown(id, &text.value, text.span, "field")),
    }
}

/// The model of the recipient; `None` when it is unknown.
fn recipient_model(id: ModelId, notify: &NotifyUser<'_>, linked: &Linked<'_>, out: &mut Diagnostics) -> Option<ModelId> {
    let text = notify.recipient_field.as_ref()?;
    match linked.member(id, &text.value) {
        Some(Member::Broken) => {}
        Some(Member::Property(_, property)) => {
            if let Kind::BelongsTo(belongs_to) = property.kind {
                return Some(belongs_to.model);
            }
            let message = format!("`{}` is a field; expected a belongs-to that points to who is notified", text.value);
            out.push(Diagnostic::new(Code::NotifyNotARelation, text.span, message).related(property.span, "it is declared here"));
        }
        Some(Member::HasMany(..)) => {
            let message = format!("`{}` is a has-many; expected a belongs-to that points to who is notified", text.value);
            out.push(Diagnostic::new(Code::NotifyNotARelation, text.span, message));
        }
        None => out.push(linked.unknown(id, &text.value, text.span, "relation")),
    }
    None
}

/// The badge is counted on the recipient, or on the object itself.
fn badge_field(id: ModelId, recipient: Option<ModelId>, notify: &NotifyUser<'_>, linked: &Linked<'_>, out: &mut Diagnostics) {
    let (Some(text), Some(recipient)) = (&notify.badge_count_field, recipient) else {
        return;
    };
    match linked.member(recipient, &text.value).or_else(|| linked.member(id, &text.value)) {
        Some(Member::Broken) => {}
        Some(Member::Property(_, property)) if matches!(property.field(), Some(FieldType::Integer | FieldType::Number)) => {}
        Some(Member::Property(..) | Member::HasMany(..)) => {
            let message = format!("`{}` cannot hold a badge count; expected a field of type `integer`", text.value);
            out.push(Diagnostic::new(Code::BadBadgeField, text.span, message));
        }
        None => {
            let name = linked.model(recipient).map_or("", |model| &*model.name);
            let message = format!("`{name}`, who is notified, has no field `{}` for the badge count", text.value);
            out.push(Diagnostic::new(Code::BadBadgeField, text.span, message));
        }
    }
}
