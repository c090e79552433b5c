//! The subject of a message to a broker, `nats://NAME/subject`, compiled. Which broker is literal text, so no value chooses it; each value
//! stays inside the part of the subject that it stands in. Absent: where the broker is, which only the configuration says.

use std::cell::OnceCell;

use super::evaluate::{Frame, Sink};
use super::rendered::{RenderError, RenderedText};
use super::tree::{Expr, ExprKind, Node};
use super::typing::{Context, Typing};
use super::url::encode;
use super::value::Value;
use super::write::{Bounded, Refusal};
use super::written::Statement;
use super::{Data, Scope, limits, parse};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of, suggestion};
use crate::program::TemplateSource;
use crate::text::Span;

/// What the address of a message to a broker begins with.
const SCHEME: &str = "nats://";

/// Whether a template is meant to be such an address.
pub(super) fn is_meant(source: &TemplateSource) -> bool {
    source.text.starts_with(SCHEME)
}

/// Compiles: scheme and broker, and all of it as nodes. `None` when there is an error, which has been reported.
pub(super) fn compile(source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<(Box<str>, Vec<Node>)> {
    let broker = broker(source, scope, out);
    let copy = OnceCell::new();
    let parsed = parse::template(source, &copy, out)?;
    // What stands before the subject has been looked at.
    let begin = broker.map_or(usize::MAX, |broker| SCHEME.len() + broker.len() + 1);
    let mut sound = parsed.sound;
    for statement in &parsed.statements {
        sound &= check_text(statement, begin, source, out);
    }
    let mut typing = Typing::new(source, Context::Url, scope, out).of(&parsed);
    let nodes = typing.nodes(&parsed.statements);
    sound &= !typing.failed();
    let mut secrets = Vec::new();
    find_secrets(&nodes, &mut secrets);
    sound &= secrets.is_empty();
    for span in secrets {
        let found = Diagnostic::new(Code::InvalidUrl, span, "a secret in a subject, expected none");
        out.push(found.help("whoever may subscribe sees subjects; secrets may stand in headers"));
    }
    let broker = broker.filter(|_| sound)?;
    let origin = format!("{SCHEME}{broker}");
    if let Some(sample) = sample(&nodes)
        && let Err(why) = check(sample.get(origin.len() + 1..).unwrap_or_default())
    {
        out.push(Diagnostic::new(Code::InvalidUrl, source.whole(), format!("`{}` has no valid subject: {why}", source.text)));
        return None;
    }
    Some((origin.into(), nodes))
}

/// Renders a compiled address; `origin` is what it begins with.
///
/// # Errors
/// When an expression fails, or what comes out is no subject.
pub(super) fn render(nodes: &[Node], (origin, source): (&str, Span), data: &Data<'_>) -> Result<RenderedText, RenderError> {
    let mut sink = SubjectSink { text: Bounded::new(origin.len() + 1 + limits::SUBJECT_BYTES) };
    Frame::new(*data).render(nodes, &mut sink)?;
    let text = sink.text.text;
    check(text.get(origin.len() + 1..).unwrap_or_default()).map_err(|what| RenderError { what, span: Some(source) })?;
    Ok(RenderedText::plain(text))
}

/// The name of the broker, if it is one that may be called.
fn broker<'s>(source: &'s TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<&'s str> {
    let rest = source.text.get(SCHEME.len()..).unwrap_or_default();
    let name = rest.split('/').next().unwrap_or_default();
    let place = source.span(SCHEME.len()..SCHEME.len() + name.len());
    let mut wrong = |code, span, message: String, help: Option<String>| {
        out.push(Diagnostic::new(code, span, message).maybe_help(help));
        None
    };
    let Some(brokers) = &scope.settings.brokers else {
        let message = format!("`{}` has the scheme `nats`, expected `https` or `http`", source.text);
        return wrong(Code::InvalidUrl, source.whole(), message, None);
    };
    if !cfg!(feature = "nats") {
        let message = format!("`{}` goes to a broker, and this program was built without the feature `nats`", source.text);
        return wrong(Code::InvalidUrl, source.whole(), message, Some("build it with `cargo build --features nats`".to_owned()));
    }
    if name.contains('{') {
        let message = "a value decides which broker it goes to, expected a name from literal text".to_owned();
        return wrong(Code::UrlHostFromData, source.whole(), message, None);
    }
    if name.is_empty() || name.len() == rest.len() {
        let message = format!("`{}` has no broker and subject, expected such as `nats://NAME/assets.ready`", source.text);
        return wrong(Code::InvalidUrl, source.whole(), message, None);
    }
    if brokers.contains(name) {
        return Some(name);
    }
    let help = match suggestion(name, brokers.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if brokers.is_empty() => format!("add `[nats.{name}]` with its `servers` to `webhookc.toml`"),
        None => format!("there are {}", one_of(brokers.iter().map(String::as_str)).replace(" or ", " and ")),
    };
    wrong(Code::InvalidUrl, place, format!("`{name}` is no broker of `webhookc.toml`"), Some(help))
}

/// Characters that no subject may have, in the template's own text.
fn check_text(statement: &Statement<'_>, begin: usize, source: &TemplateSource, out: &mut Diagnostics) -> bool {
    let mut all = |statements: &mut dyn Iterator<Item = &Statement<'_>>| {
        statements.fold(true, |clean, statement| check_text(statement, begin, source, out) & clean)
    };
    match statement {
        Statement::Text(text, range) => {
            let mut places = text.char_indices().map(|(at, c)| (range.start + at, c));
            let Some((at, c)) = places.find(|(at, c)| *at >= begin && is_foreign(*c)) else { return true };
            let what = match c {
                '*' | '>' => format!("`{c}` in a subject, expected none: it stands for many subjects, and a message has one"),
                _ => "white space or a control character in a subject, expected none".to_owned(),
            };
            out.push(Diagnostic::new(Code::InvalidUrl, source.span(at..at + c.len_utf8()), what));
            false
        }
        Statement::If { then, otherwise, .. } => all(&mut then.iter().chain(otherwise)),
        Statement::For(repeated) => all(&mut repeated.body.iter().chain(&repeated.otherwise)),
        Statement::Print(_) | Statement::Foreign { .. } => true,
    }
}

fn is_foreign(c: char) -> bool {
    matches!(c, '*' | '>') || c.is_whitespace() || c.is_control()
}

/// The places of secrets that are printed.
fn find_secrets(nodes: &[Node], found: &mut Vec<Span>) {
    for node in nodes {
        match node {
            Node::Print(expr) => find_in(expr, found),
            Node::Text(_) => {}
            Node::If(choice) => {
                find_secrets(&choice.then, found);
                find_secrets(&choice.otherwise, found);
            }
            Node::For(repeated) => {
                find_secrets(&repeated.body, found);
                find_secrets(&repeated.otherwise, found);
            }
        }
    }
}

fn find_in(expr: &Expr, found: &mut Vec<Span>) {
    if matches!(expr.kind, ExprKind::Secret(_)) {
        found.push(expr.span);
    }
    expr.each_operand(&mut |operand| find_in(operand, found));
}

/// What it looks like, with `x` for each value; `None` when that depends on values.
fn sample(nodes: &[Node]) -> Option<String> {
    let mut sample = String::new();
    for node in nodes {
        match node {
            Node::Text(text) | Node::Print(Expr { kind: ExprKind::Variable(text), .. }) => sample.push_str(text),
            Node::Print(_) => sample.push('x'),
            Node::If(_) | Node::For(_) => return None,
        }
    }
    Some(sample)
}

/// Whether a message can be sent to a subject; why not, as a sentence.
fn check(subject: &str) -> Result<(), Refusal> {
    if subject.starts_with('$') {
        return Err(format!("the subject `{subject}` begins with `$`, and those are the server's own"));
    }
    if subject.split('.').any(str::is_empty) {
        return Err(format!("a part of the subject `{subject}` is empty, expected a name between the dots"));
    }
    match subject.chars().find(|c| is_foreign(*c)) {
        Some(c) => Err(format!("the subject `{subject}` contains {c:?}, expected none of it")),
        None => Ok(()),
    }
}

/// Collects an address while it is rendered.
struct SubjectSink {
    text: Bounded,
}

impl Sink for SubjectSink {
    fn literal(&mut self, text: &str) -> Result<(), Refusal> {
        self.text.push(text)
    }

    fn value(&mut self, value: &Value<'_>, trusted: bool) -> Result<(), Refusal> {
        let mut printed = Bounded::new(limits::SUBJECT_BYTES);
        printed.print(value)?;
        if trusted {
            return self.text.push(&printed.text);
        }
        // A dot would begin another part.
        self.text.push(&encode(&printed.text).replace('.', "%2E"))
    }
}
