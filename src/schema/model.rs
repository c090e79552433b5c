//! `<model>` and what stands in it, webhooks aside.

use super::declared::{BelongsTo, Display, Field, FieldOption, HasMany, Index, Model, NotifyUser};
use super::node::Node;
use super::shape::{attributes, depended_on, deprecated, meant, no_children, no_content, no_text, optional, required, text};
use super::{webhook, words};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::text::SourceText;

const CHILDREN: [&str; 7] = ["field", "belongs-to", "has-many", "index", "display", "notify-user", "webhook"];

pub(super) fn read<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> Model<'s> {
    let rules = [required("name"), required("label"), optional("classification")];
    let ([name, label, classification], _) = attributes(element, &rules, out);
    let mut model = Model {
        name: name.as_ref().map(text),
        label: label.as_ref().map(text),
        sensitive: words::is_last(classification, ["standard", "sensitive"], out),
        fields: room_for("field", element),
        belongs_to: room_for("belongs-to", element),
        has_many: Vec::new(),
        indexes: Vec::new(),
        displays: Vec::new(),
        notify_users: Vec::new(),
        webhooks: room_for("webhook", element),
        partial: false,
        element: element.name_span(),
    };
    no_text(element, out);
    let mut order = Order::default();
    for child in element.children() {
        let Some(name) = meant(child, element, &CHILDREN, out) else {
            model.partial = true;
            continue;
        };
        order.next(name, child, out);
        match name {
            "field" => model.fields.push(field(child, out)),
            "belongs-to" => model.belongs_to.push(belongs_to(child, out)),
            "has-many" => model.has_many.push(has_many(child, out)),
            "index" => model.indexes.push(index(child, out)),
            "display" => model.displays.push(display(child, out)),
            "notify-user" => model.notify_users.push(notify_user(child, out)),
            _ => model.webhooks.push(webhook::read(child, out)),
        }
    }
    model
}

/// Room for the children of a name, and no more: these rows are the largest part of what is declared.
pub(super) fn room_for<T>(name: &str, element: Node<'_, '_>) -> Vec<T> {
    Vec::with_capacity(element.children().filter(|child| child.name() == name).count())
}

/// Fields come first, then relations, then the rest.
#[derive(Default)]
struct Order<'t, 's> {
    latest: Option<(u8, Node<'t, 's>)>,
    reported: bool,
}

impl<'t, 's> Order<'t, 's> {
    fn next(&mut self, name: &str, child: Node<'t, 's>, out: &mut Diagnostics) {
        let rank = match name {
            "field" => 1,
            "belongs-to" | "has-many" => 2,
            _ => 3,
        };
        match self.latest {
            Some((latest, before)) if latest > rank => {
                if !self.reported {
                    self.reported = true;
                    let message = format!("`{}` stands behind `{}`; expected it before", child.written(), before.written());
                    out.push(
                        Diagnostic::new(Code::ElementOrder, child.name_span(), message)
                            .related(before.name_span(), "it has to stand before this")
                            .help("a model holds its fields, then its relations, then everything else"),
                    );
                }
            }
            Some((latest, _)) if latest == rank => {}
            Some(_) | None => self.latest = Some((rank, child)),
        }
    }
}

fn field<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> Field<'s> {
    let rules = [
        required("name"),
        required("label"),
        required("type"),
        depended_on("media"),
        optional("auto-download"),
        deprecated("spec", "write the format into the type, as in `type=\"text:email\"`"),
        deprecated("deprecated-spec", "write the format into the type, as in `type=\"text:email\"`"),
        deprecated("minValue", "check the value where it is entered"),
        deprecated("maxValue", "check the value where it is entered"),
    ];
    let ([name, label, kind, media, auto_download, ..], [_, _, _, has_media, ..]) = attributes(element, &rules, out);
    let _ = words::boolean(auto_download, out);
    no_text(element, out);
    let mut options = room_for("option", element);
    for child in element.children() {
        if meant(child, element, &["option"], out).is_some() {
            options.push(option(child, out));
        }
    }
    Field {
        name: name.as_ref().map(text),
        label: label.as_ref().map(text),
        kind: kind.as_ref().map(|kind| element.field_type(text(kind))),
        media: media.as_ref().map(text),
        has_media,
        options,
        element: element.name_span(),
    }
}

fn option<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> FieldOption<'s> {
    let ([key], [has_key]) = attributes(element, &[depended_on("key")], out);
    no_children(element, out);
    FieldOption { key: key.as_ref().map(text), has_key, label: element.text(), element: element.name_span() }
}

fn belongs_to<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> BelongsTo<'s> {
    let ([model, name], [_, has_name]) = attributes(element, &[required("model"), depended_on("name")], out);
    no_content(element, out);
    BelongsTo { model: model.as_ref().map(text), name: name.as_ref().map(text), has_name }
}

fn has_many<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> HasMany<'s> {
    let rules = [required("model"), required("name"), depended_on("inverse-of")];
    let ([model, name, inverse_of], [_, _, has_inverse_of]) = attributes(element, &rules, out);
    no_content(element, out);
    HasMany {
        model: model.as_ref().map(text),
        name: name.as_ref().map(text),
        inverse_of: inverse_of.as_ref().map(text),
        has_inverse_of,
        element: element.name_span(),
    }
}

fn index(element: Node<'_, '_>, out: &mut Diagnostics) -> Index {
    let ([on, _, database], _) = attributes(element, &[required("on"), optional("name"), optional("database")], out);
    words::databases(database, out);
    no_content(element, out);
    Index { on: on.map(|on| on.source_text()) }
}

fn display(element: Node<'_, '_>, out: &mut Diagnostics) -> Display {
    let ([format], [has_format]) = attributes(element, &[depended_on("format")], out);
    no_children(element, out);
    let format = if has_format {
        no_text(element, out);
        format.map(|format| format.source_text())
    } else {
        let text = element.source_text();
        if text.text.is_empty() {
            let message = "the display is empty; expected text such as `{name}`";
            out.push(Diagnostic::new(Code::MissingDisplay, element.name_span(), message));
        }
        Some(text).filter(|text: &SourceText| !text.text.is_empty())
    };
    Display { format, element: element.name_span() }
}

fn notify_user<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> NotifyUser<'s> {
    let rules = [required("message"), required("received-field"), required("recipient-field"), optional("badge-count-field")];
    let ([message, received, recipient, badge], _) = attributes(element, &rules, out);
    no_content(element, out);
    NotifyUser {
        message: message.map(|message| message.source_text()),
        received_field: received.as_ref().map(text),
        recipient_field: recipient.as_ref().map(text),
        badge_count_field: badge.as_ref().map(text),
    }
}
