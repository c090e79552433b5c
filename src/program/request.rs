//! A request as written, before its templates are typed: by `<request>` in the schema, by an endpoint or receiver of
//! `webhookc.toml`, or by the API.

use crate::ids::EndpointId;
use crate::text::{SourceText, Span, Spanned};

/// Template text; the place of every byte is known.
pub type TemplateSource = SourceText;

/// Where and how a webhook is sent.
#[derive(Clone, Debug)]
pub struct RequestSource {
    /// The URL template.
    pub url: TemplateSource,
    /// The HTTP method, upper case; `POST` by default.
    pub method: Spanned<Box<str>>,
    /// Headers in order; a name may repeat.
    pub headers: Vec<HeaderSource>,
    /// `None`: the default body (RUNTIME §2). Boxed, since most requests have none and there may be very many.
    pub body: Option<Box<BodySource>>,
    /// The whole element or table.
    pub span: Span,
}

/// One header.
#[derive(Clone, Debug)]
pub struct HeaderSource {
    /// Its name as written.
    pub name: Spanned<Box<str>>,
    /// The value's template.
    pub value: TemplateSource,
}

/// A body template.
#[derive(Clone, Debug)]
pub struct BodySource {
    /// The media type, `application/json` by default. A JSON type makes the template structural.
    pub content_type: Spanned<Box<str>>,
    /// The name of the template's file, when it is not inline.
    pub file: Option<Spanned<Box<str>>>,
    /// The text; `None` when the file does not exist.
    pub text: Option<TemplateSource>,
}

/// An endpoint as declared: who wants which event types, and the request that carries them. How it is retried, signed and limited
/// is the configuration's business.
#[derive(Clone, Debug)]
pub struct EndpointSource {
    /// Its id.
    pub id: EndpointId,
    /// Its name.
    pub name: Spanned<Box<str>>,
    /// What it subscribes to.
    pub events: Events,
    /// How it is called.
    pub request: RequestSource,
    /// Whether it is subscribed at all. What a disabled one still has to get is held.
    pub enabled: bool,
    /// Whether another endpoint names it as its alert endpoint, so that it takes operational events too.
    pub takes_alerts: bool,
}

/// Which event types an endpoint subscribes to.
#[derive(Clone, Debug)]
pub enum Events {
    /// `*`
    All,
    /// These.
    Named(Vec<Spanned<Box<str>>>),
    /// The webhooks that name this receiver.
    Receiver(Box<str>),
    /// Every webhook to which no other endpoint subscribes, so that it can be tried without one.
    Unclaimed,
}
