//! A webhook from its declaration: effective name, receiver, operations, request. Its fields are resolved in `conditions`.

use super::conditions::Conditions;
use super::link::{Context, Linked};
use super::{BodySource, HeaderSource, Operations, Order, RequestSource, Webhook, WebhookType};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, one_of, suggestion};
use crate::ids::ModelId;
use crate::schema::{self, WebhookKind};
use crate::text::{SourceText, Spanned};

/// Receivers that every project has.
const BUILT_IN_RECEIVERS: [&str; 2] = ["cloudcode", "pdfmailer"];

const JSON: &str = "application/json";

/// Resolves a webhook, and says whether all its fields could be resolved; `None` when it has no type or its model no name, which has been reported.
pub(super) fn read(
    id: ModelId,
    model: &schema::Model<'_>,
    webhook: &schema::Webhook<'_>,
    linked: &Linked<'_>,
    context: Context<'_>,
    out: &mut Diagnostics,
) -> Option<(Webhook, bool)> {
    receiver(webhook, context, out);
    let mut conditions = Conditions::new(id, linked);
    for field in &webhook.fields {
        conditions.read(field, out);
    }
    let (conditions, embeds, attachments_by_id, complete) = conditions.finish();
    let request = webhook.request.as_ref().and_then(|request| self::request(request, context));
    let kind = webhook.kind?;
    let (kind, word) = match kind {
        WebhookKind::Ready => (WebhookType::Ready, "ready"),
        WebhookKind::Update => (WebhookType::Update, "update"),
    };
    let model_name = &*model.name.as_ref()?.value;
    let name = match (&webhook.name, &webhook.receiver, &webhook.action) {
        (Some(name), _, _) => name.value.as_ref().into(),
        (None, Some(receiver), Some(action)) => format!("{}_{model_name}_{word}_{}", receiver.value, action.value).into(),
        (None, _, _) => format!("{model_name}_{word}").into(),
    };
    let operations =
        webhook.on.map_or_else(Operations::default, |on| Operations { create: on.create, update: on.update, delete: on.delete });
    let webhook = Webhook {
        name,
        model: id,
        kind,
        receiver: webhook.receiver.as_ref().map(|receiver| receiver.value.as_ref().into()),
        action: webhook.action.as_ref().map(|action| action.value.as_ref().into()),
        operations,
        order: if webhook.ordered { Order::Object } else { Order::None },
        conditions,
        when: webhook.when.clone(),
        has_when: webhook.has_when,
        is_nameless: webhook.has_name && webhook.name.is_none(),
        embeds,
        attachments_by_id,
        request,
        field_slot: webhook.field_slot.clone(),
        span: webhook.name.as_ref().map_or(webhook.element, |name| name.span),
    };
    Some((webhook, complete))
}

fn receiver(webhook: &schema::Webhook<'_>, context: Context<'_>, out: &mut Diagnostics) {
    match (&webhook.receiver, &webhook.action) {
        (Some(receiver), action) => {
            let name = &*receiver.value;
            let known = || BUILT_IN_RECEIVERS.into_iter().chain(context.settings.receivers.iter().map(String::as_str));
            if !known().any(|known| known == name) {
                let message = format!("there is no receiver `{name}`; expected {}", one_of(known()));
                let mut diagnostic = Diagnostic::new(Code::UnknownReceiver, receiver.span, message);
                diagnostic = match suggestion(name, known()) {
                    Some(near) => diagnostic.fix(Fix::replace(format!("rename to `{near}`"), receiver.span, near)),
                    None => diagnostic.help(format!("declare it as `[receivers.{name}]` in `webhookc.toml`")),
                };
                out.push(diagnostic);
            } else if action.is_none() && !webhook.has_action {
                let message = format!("the receiver `{name}` gets no `action`; expected the name of its task");
                out.push(Diagnostic::new(Code::MissingAction, receiver.attribute(), message));
            }
        }
        (None, Some(action)) if !webhook.has_receiver => {
            let message = "the webhook has an `action` but no `receiver` to do it";
            out.push(Diagnostic::new(Code::ActionWithoutReceiver, action.attribute(), message).help("add `receiver=\"cloudcode\"`"));
        }
        (None, Some(_) | None) => {}
    }
}

fn request(request: &schema::Request<'_>, context: Context<'_>) -> Option<RequestSource> {
    let method = match &request.method {
        Some(method) => Spanned::new(method.value.to_ascii_uppercase().into(), method.span),
        None => Spanned::new("POST".into(), request.element),
    };
    let headers = request.headers.iter().filter_map(|header| {
        let name = header.name.as_ref()?;
        Some(HeaderSource { name: Spanned::new(name.value.as_ref().into(), name.span), value: header.value.clone() })
    });
    Some(RequestSource {
        url: request.url.clone()?,
        method,
        headers: headers.collect(),
        body: request
            .body
            .as_ref()
            .filter(|body| body.content_type.is_some() || !body.has_content_type)
            .map(|body| Box::new(self::body(body, context))),
        span: request.span,
    })
}

fn body(body: &schema::Body<'_>, context: Context<'_>) -> BodySource {
    let content_type = match &body.content_type {
        Some(content_type) => Spanned::new(content_type.value.as_ref().into(), content_type.span),
        None => Spanned::new(JSON.into(), body.element),
    };
    let Some(template) = &body.template else {
        return BodySource { content_type, file: None, text: Some(body.text.clone()) };
    };
    let found = context.templates.binary_search_by(|(name, _)| name.as_str().cmp(&template.value)).ok();
    let file = found.and_then(|index| context.templates.get(index)).map(|(_, file)| *file);
    let text = file.map(|file| SourceText::of_file(file, &context.sources.file(file).text));
    BodySource { content_type, file: Some(Spanned::new(template.value.as_ref().into(), template.span)), text }
}
