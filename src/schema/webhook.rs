//! `<webhook>` and what stands in it.

use super::declared::{Body, FieldSlot, Header, Request, Webhook, WebhookField};
use super::grammar::{BODY, HEADER, ORDERS, REQUEST, WEBHOOK, WEBHOOK_FIELD};
use super::node::Node;
use super::shape::{attributes, form, meant, text, unexpected_text};
use super::{model, words};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::syntax::Attribute;
use crate::text::Span;

pub(super) fn read<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> Webhook<'s> {
    let ([kind, name, receiver, action, when, on, order], [_, has_name, has_receiver, has_action, has_when, ..]) =
        attributes(element, &WEBHOOK, out);
    form(element, WEBHOOK.content, out);
    let mut fields = model::room_for("field", element);
    let mut first_request: Option<Request<'s>> = None;
    for child in element.children() {
        let Some(name) = meant(child, element, WEBHOOK.content, out) else {
            continue;
        };
        match (name, &first_request) {
            ("field", _) => fields.push(field(child, out)),
            (_, None) => first_request = Some(request(child, out)),
            (_, Some(first)) => {
                let message = "a webhook has one `request`";
                let help = "give each target a webhook of its own, or declare endpoints in `webhookc.toml`";
                out.push(
                    Diagnostic::new(Code::DuplicateDefinition, child.name_span(), message)
                        .related(first.element, "the first one")
                        .help(help),
                );
            }
        }
    }
    Webhook {
        kind: words::webhook_kind(kind, out),
        name: name.as_ref().map(text),
        has_name,
        receiver: receiver.as_ref().map(text),
        has_receiver,
        has_action,
        action: action.as_ref().map(text),
        when: when.as_ref().map(Attribute::source_text),
        has_when,
        on: words::operations(on, out),
        ordered: words::one(order, Code::InvalidValue, ORDERS, [false, true], out).unwrap_or(false),
        fields,
        request: first_request,
        field_slot: field_slot(element),
        element: element.name_span(),
    }
}

/// Behind the last field, or where the first one would stand.
fn field_slot(element: Node<'_, '_>) -> Option<FieldSlot> {
    let last = element.children().filter(|child| child.name() == "field").last();
    let (after, model) = match last {
        Some(field) => (field.span(), Some(field)),
        None => (element.tag_span(), element.children().next()),
    };
    let indentation = model.and_then(Node::indentation);
    let at = Span { start: after.end, ..after };
    element.is_open().then(|| FieldSlot { at, lead: indentation.map_or_else(Box::default, |spaces| format!("\n{spaces}").into()) })
}

fn field<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> WebhookField<'s> {
    let ([name, is_required, embed, state, equals, one_of, changed, limit], _) = attributes(element, &WEBHOOK_FIELD, out);
    form(element, WEBHOOK_FIELD.content, out);
    WebhookField {
        name: name.as_ref().map(text),
        required: words::boolean(is_required, out),
        embed: words::boolean(embed, out),
        state: words::state(state, out),
        equals: equals.as_ref().map(Attribute::source_text),
        one_of: one_of.as_ref().map(Attribute::source_text),
        changed: words::boolean(changed, out),
        limit: words::limit(limit, out),
    }
}

fn request<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> Request<'s> {
    let ([url, method], _) = attributes(element, &REQUEST, out);
    form(element, REQUEST.content, out);
    let mut headers = Vec::new();
    let mut first_body: Option<Body<'s>> = None;
    for child in element.children() {
        let Some(name) = meant(child, element, REQUEST.content, out) else {
            continue;
        };
        match (name, &first_body) {
            ("header", _) => headers.push(header(child, out)),
            (_, None) => first_body = Some(body(child, out)),
            (_, Some(first)) => {
                let message = "a request has one `body`";
                out.push(Diagnostic::new(Code::DuplicateDefinition, child.name_span(), message).related(first.element, "the first one"));
            }
        }
    }
    let method = method.filter(|method| is_token("method", method, out));
    Request {
        url: url.as_ref().map(Attribute::source_text),
        method: method.as_ref().map(text),
        headers,
        body: first_body,
        span: element.span(),
        element: element.name_span(),
    }
}

fn header<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> Header<'s> {
    let ([name], _) = attributes(element, &HEADER, out);
    form(element, HEADER.content, out);
    let name = name.filter(|name| is_token("header name", name, out));
    Header { name: name.as_ref().map(text), value: element.source_text() }
}

fn body<'s>(element: Node<'_, 's>, out: &mut Diagnostics) -> Body<'s> {
    let ([template, content_type], [_, has_content_type]) = attributes(element, &BODY, out);
    form(element, BODY.content, out);
    if template.is_some()
        && let Some(span) = element.text_span()
    {
        out.push(unexpected_text(element.written(), span).help("the body is in the template file; remove one of the two"));
    }
    Body {
        content_type: content_type.as_ref().map(text),
        has_content_type,
        template: template.as_ref().map(text),
        text: element.source_text(),
        element: element.name_span(),
    }
}

/// Methods and header names are tokens (RFC 9110, section 5.6.2).
fn is_token(what: &str, attribute: &Attribute<'_>, out: &mut Diagnostics) -> bool {
    let value = attribute.value();
    let good = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !good {
        let message = format!("`{value}` is not a {what}; expected letters, digits and hyphens");
        out.push(Diagnostic::new(Code::InvalidValue, attribute.value_span, message));
    }
    good
}
