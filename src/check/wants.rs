//! What an endpoint made by API asks for, as text, and what becomes of it by the rules in force: a typed request and typed conditions for
//! an event type, or diagnostics whose spans lie in the submitted texts. Who owns it, and how it is called, is not known here.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::Rules;
use super::about::is_about;
use super::own_secrets::{own_secrets, own_url_secrets};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, suggestion};
use crate::ids::{FileId, WebhookId};
use crate::program::{BodySource, HeaderSource, Program, RequestSource, Settings, TemplateSource, Webhook};
use crate::template::{Data, Predicate, Promises, Request, Scope, When};
use crate::text::{SourceText, Span, Spanned};

/// The event type that stands for all.
pub const ALL_EVENTS: &str = "*";
/// Accepted values that are compared in one expression, which has a limit of its own.
const COMPARED_AT_ONCE: usize = 32;

/// Which event types about which objects, and the request that carries them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wants {
    /// Names of webhooks, or `*`.
    pub event_types: Vec<Box<str>>,
    /// Only objects that belong to all of these things: what APIs of other systems mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<Box<str>>,
    /// Only objects of this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<str>>,
    /// Only the object with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Box<str>>,
    /// All of these must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Accepts>,
    /// The URL template.
    pub url: Box<str>,
    /// The HTTP method, upper case.
    pub method: Box<str>,
    /// Names and value templates in order; a name may repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The body template; `None`: the default body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<str>>,
    /// The media type of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<Box<str>>,
}

/// A condition: what the path leads to is one of these values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepts {
    /// Names with dots between them, as templates use them: `object.status`.
    pub path: Box<str>,
    /// Texts, numbers, booleans or null.
    pub accepted_values: Vec<serde_json::Value>,
}

/// A text of an endpoint that a diagnostic can point into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of the event types.
    EventType(u32),
    /// The model of the scope.
    Model,
    /// The URL.
    Url,
    /// The name of a header.
    HeaderName(u32),
    /// The value of a header.
    HeaderValue(u32),
    /// The media type.
    ContentType,
    /// The body.
    Body,
    /// The path of a condition.
    Path(u32),
}

/// Bits of a file's number that count within a kind of part; the kind stands above them.
const INDEX_BITS: u32 = 24;

impl Part {
    fn file(self) -> FileId {
        let (kind, index) = match self {
            Self::EventType(index) => (0, index),
            Self::Model => (1, 0),
            Self::Url => (2, 0),
            Self::HeaderName(index) => (3, index),
            Self::HeaderValue(index) => (4, index),
            Self::ContentType => (5, 0),
            Self::Body => (6, 0),
            Self::Path(index) => (7, index),
        };
        FileId(kind << INDEX_BITS | index & ((1 << INDEX_BITS) - 1))
    }

    /// The part that a span of a diagnostic lies in.
    #[must_use]
    pub fn of(file: FileId) -> Self {
        let index = file.0 & ((1 << INDEX_BITS) - 1);
        match file.0 >> INDEX_BITS {
            0 => Self::EventType(index),
            1 => Self::Model,
            3 => Self::HeaderName(index),
            4 => Self::HeaderValue(index),
            5 => Self::ContentType,
            6 => Self::Body,
            7 => Self::Path(index),
            _ => Self::Url,
        }
    }

    fn text(self, text: &str) -> TemplateSource {
        SourceText::verbatim(text, self.span(text))
    }

    fn span(self, text: &str) -> Span {
        Span::new(self.file(), 0, text.len())
    }

    fn spanned(self, text: &str) -> Spanned<Box<str>> {
        Spanned::new(text.into(), self.span(text))
    }
}

/// What an endpoint wants, compiled for one event type.
#[derive(Debug)]
pub struct Fitted {
    /// Its request.
    pub request: Request,
    /// All must hold; one holds when any of its predicates does.
    conditions: Vec<Vec<Predicate>>,
}

impl Fitted {
    /// Whether every condition holds. One that cannot be evaluated does not.
    #[must_use]
    pub fn accepts(&self, data: &Data<'_>) -> bool {
        self.conditions.iter().all(|any| any.iter().any(|predicate| predicate.holds(data).unwrap_or(false)))
    }
}

impl Wants {
    /// Whether it wants every event type, also those to come.
    #[must_use]
    pub fn all_events(&self) -> bool {
        self.event_types.iter().any(|name| &**name == ALL_EVENTS)
    }

    /// Whether it wants this webhook's messages, by name and model.
    #[must_use]
    pub fn includes(&self, program: &Program, webhook: &Webhook) -> bool {
        let named = self.all_events() || self.event_types.contains(&webhook.name);
        let modelled = self.model.as_ref().is_none_or(|model| program.model(webhook.model).name == *model);
        named && modelled && is_about(program, webhook, &self.about)
    }

    /// The text that a part is.
    #[must_use]
    pub fn text(&self, part: Part) -> &str {
        let at = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
        let text = match part {
            Part::EventType(index) => self.event_types.get(at(index)).map(AsRef::as_ref),
            Part::Model => self.model.as_deref(),
            Part::Url => Some(&*self.url),
            Part::HeaderName(index) => self.headers.get(at(index)).map(|(name, _)| name.as_ref()),
            Part::HeaderValue(index) => self.headers.get(at(index)).map(|(_, value)| value.as_ref()),
            Part::ContentType => self.content_type.as_deref(),
            Part::Body => self.body.as_deref(),
            Part::Path(index) => self.conditions.get(at(index)).map(|condition| condition.path.as_ref()),
        };
        text.unwrap_or_default()
    }

    /// Everything that is wrong with it by these rules, each mistake once, for whatever event type.
    #[must_use]
    pub fn check(&self, rules: &Rules) -> Diagnostics {
        let mut all = Diagnostics::default();
        self.check_names(&rules.program, &mut all);
        for (index, webhook) in (0_u32..).zip(&rules.program.webhooks) {
            if !self.includes(&rules.program, webhook) {
                continue;
            }
            let mut found = Diagnostics::default();
            self.fit(rules, WebhookId(index), &mut found);
            for diagnostic in &found {
                let same = |other: &Diagnostic| (other.code, other.primary.span) == (diagnostic.code, diagnostic.primary.span);
                if !all.iter().any(same) {
                    all.push(diagnostic.clone());
                }
            }
        }
        all.sort();
        all
    }

    fn check_names(&self, program: &Program, out: &mut Diagnostics) {
        let model = self.model.as_deref();
        if let Some(name) = model
            && program.model_named(name).is_none()
        {
            let found = Diagnostic::new(Code::UnknownReference, Part::Model.span(name), format!("there is no model `{name}`"));
            let near = suggestion(name, program.models.iter().map(|model| &*model.name));
            out.push(found.maybe_help(near.map(|near| format!("did you mean `{near}`?"))));
        }
        for (index, name) in (0_u32..).zip(&self.event_types).filter(|(_, name)| &***name != ALL_EVENTS) {
            let span = Part::EventType(index).span(name);
            match program.webhook_named(name) {
                None => {
                    let found = Diagnostic::new(Code::UnknownReference, span, format!("there is no event type `{name}`"));
                    let near = suggestion(name, program.webhooks.iter().map(|webhook| &*webhook.name));
                    let help = near.map_or_else(
                        || "event types are the names of the webhooks, or `*` for all".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    out.push(found.help(help));
                }
                Some(webhook) => {
                    let about = &program.model(program.webhook(webhook).model).name;
                    if let Some(model) = model.filter(|model| **model != **about && program.model_named(model).is_some()) {
                        let message = format!("the event type `{name}` is about `{about}`, and the scope is `{model}`");
                        out.push(Diagnostic::new(Code::TypeMismatch, span, message));
                    }
                }
            }
        }
    }

    /// Compiles it for an event type; `None` when there is an error, which has been reported.
    pub fn fit(&self, rules: &Rules, webhook: WebhookId, out: &mut Diagnostics) -> Option<Fitted> {
        let scope = scope(rules, webhook);
        let conditions = self.compile_conditions(scope, out);
        // Of what it does not accept nothing is rendered: its templates know that, as they know the webhook's own conditions.
        let mut promises = match scope.when {
            When::True(promises) => promises.clone(),
            When::Absent | When::Unreadable => Promises::default(),
        };
        for any in conditions.iter().flatten() {
            if let Some(any) = any.iter().map(Predicate::promises).cloned().reduce(|one, other| one.either(&other)) {
                promises = promises.both(&any);
            }
        }
        let when = if matches!(scope.when, When::Unreadable) { When::Unreadable } else { When::True(&promises) };
        let request = self.fit_alone(Scope { when, ..scope }, out);
        own_words(self, out);
        Some(Fitted { request: request?, conditions: conditions? })
    }

    /// Everything that is wrong with its request when it is told of trouble.
    #[must_use]
    pub fn check_alone(&self) -> Diagnostics {
        let mut found = Diagnostics::default();
        let (program, settings) = (super::Alerts::program(), Settings::default());
        for event in super::OperationalEvent::ALL {
            let scope = Scope { program, webhook: program.webhook(event.webhook()), settings: &settings, when: When::Absent, uses: None };
            if self.fit_alone(scope, &mut found).is_none() {
                break;
            }
        }
        found
    }

    /// Compiles its request alone.
    pub(super) fn fit_alone(&self, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Request> {
        let mut request = Request::compile(&self.request(), scope, out)?;
        let secrets = own_secrets(&self.headers);
        request.conceal(|header| secrets.iter().find(|secret| secret.header == header).map(|secret| secret.name.clone()));
        request.conceal_in_url(own_url_secrets(&self.url));
        Some(request)
    }

    fn compile_conditions(&self, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Vec<Vec<Predicate>>> {
        let mut compiled = Vec::with_capacity(self.conditions.len());
        let mut sound = true;
        for (index, condition) in (0..).zip(&self.conditions) {
            let part = Part::Path(index);
            let mut any = Vec::new();
            for values in condition.accepted_values.chunks(COMPARED_AT_ONCE) {
                // Wrong in the path, it is wrong for every value: one chunk says it.
                if !sound {
                    break;
                }
                match Predicate::compile(&comparison(part, &condition.path, values), scope, out) {
                    Some(predicate) => any.push(predicate),
                    None => sound = false,
                }
            }
            compiled.push(any);
        }
        sound.then_some(compiled)
    }

    fn request(&self) -> RequestSource {
        let url = Part::Url.text(&self.url);
        let span = url.whole();
        let headers = (0..).zip(&self.headers).map(|(index, (name, value))| HeaderSource {
            name: Part::HeaderName(index).spanned(name),
            value: Part::HeaderValue(index).text(value),
        });
        let body = self.body.as_ref().map(|body| {
            let content_type = self.content_type.as_deref().unwrap_or("application/json");
            BodySource { content_type: Part::ContentType.spanned(content_type), file: None, text: Some(Part::Body.text(body)) }
        });
        RequestSource { url, method: Spanned::new(self.method.clone(), span), headers: headers.collect(), body: body.map(Box::new), span }
    }
}

fn scope(rules: &Rules, id: WebhookId) -> Scope<'_> {
    let webhook = rules.program.webhook(id);
    let when = match rules.predicates.get(id.index()).and_then(Option::as_ref) {
        Some(predicate) => When::True(predicate.promises()),
        None => When::Absent,
    };
    Scope { program: &rules.program, webhook, settings: &rules.tenant_settings, when, uses: None }
}

/// `PATH == VALUE or …`, so that each value is compared with the type of what the path leads to. All of it stands where the path does.
fn comparison(part: Part, path: &str, values: &[serde_json::Value]) -> TemplateSource {
    let place = part.span(path);
    let mut text = SourceText::empty(place);
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            text.push(" or ", place);
        }
        text.push(path, place);
        if value.is_null() {
            text.push(" is none", place);
        } else {
            text.push(&format!(" == {value}"), place);
        }
    }
    text
}

/// What the compiler says of `webhookc.toml` means nothing to a tenant.
fn own_words(wants: &Wants, out: &mut Diagnostics) {
    static ADVICE: LazyLock<String> =
        LazyLock::new(|| "write the value itself into the header; it is kept with the endpoint and shown to nobody else".to_owned());
    drop(out.remove(|found| {
        let span = found.primary.span;
        let seen = wants.text(Part::of(span.file)).get(span.range()).unwrap_or_default();
        if found.code == Code::UndeclaredVariable && seen.starts_with("secret") {
            found.message = format!("`{seen}` is the operator's, an endpoint made by API cannot name a secret");
            found.help = vec![ADVICE.clone()];
            found.fixes.clear();
        }
        false
    }));
}
