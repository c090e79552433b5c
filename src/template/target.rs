//! The target of a request: its URL template, compiled. Scheme, host and port are fixed here, and what may stand in them is checked; how
//! values get into the rest is in `url`.

use std::cell::OnceCell;

use super::evaluate::{Frame, Sink as _};
use super::rendered::{Concealed, RenderError, RenderedText};
use super::tree::{Expr, ExprKind, Node};
use super::typing::{Context, Typing};
use super::url::{self, Region, UrlSink};
use super::written::Statement;
use super::{Data, Scope, parse, subject};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use crate::program::{Classification, Program, TemplateSource, Webhook};
use crate::text::Span;

/// A compiled URL.
#[derive(Debug)]
pub(super) struct Target {
    url: Written,
    /// Scheme, host and port; `None` when a secret is part of them.
    origin: Option<Box<str>>,
    /// What is written out in it for credentials, where that is not to stay in what is rendered.
    concealed: Box<[Concealed]>,
    source: Span,
}

/// How a URL comes about.
#[derive(Debug)]
enum Written {
    /// It is the same for every object, and checked already.
    Always(RenderedText),
    /// It depends on what is saved.
    Each(Vec<Node>),
    /// It is a subject of a broker.
    Subject(Vec<Node>),
}

impl Target {
    /// What it is made of, unless it is always the same.
    pub(super) fn nodes(&self) -> &[Node] {
        match &self.url {
            Written::Always(_) => &[],
            Written::Each(nodes) | Written::Subject(nodes) => nodes,
        }
    }

    /// Compiles; `None` when there is an error, which has been reported.
    pub(super) fn compile(source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Self> {
        if subject::is_meant(source) {
            let (origin, nodes) = subject::compile(source, scope, out)?;
            return Some(Self { url: Written::Subject(nodes), origin: Some(origin), concealed: Box::default(), source: source.whole() });
        }
        let copy = OnceCell::new();
        let reported = out.len();
        let parsed = parse::template(source, &copy, out)?;
        let mut written = true;
        for statement in &parsed.statements {
            written &= check_text(statement, source, out);
        }
        let mut typing = Typing::new(source, Context::Url, scope, out).of(&parsed);
        let nodes = typing.nodes(&parsed.statements);
        let typed = !typing.failed();
        if !parsed.sound && source.text.starts_with("{{") {
            // The origin may be in what could not be read.
            return None;
        }
        let mut walk = Walk { source, sample: String::new(), hidden: false, reported, lost: false, out };
        let (region, fixed) = walk.nodes(&nodes, Region::Scheme);
        let Walk { sample, hidden, .. } = walk;
        let origin = match (hidden, fixed && written && parsed.sound) {
            (true, _) => None,
            (false, true) => Some(check_origin(&sample, region, source, scope, out)?.into()),
            // What stands for the host is not known, but the scheme is.
            (false, false) => {
                check_scheme(&sample, source, out);
                return None;
            }
        };
        (typed && fixed && written).then(|| {
            let url = constant(&nodes, origin.as_deref()).map_or(Written::Each(nodes), Written::Always);
            Self { url, origin, concealed: Box::default(), source: source.whole() }
        })
    }

    /// Scheme, user-info, host and port; `None` when a secret is part of them.
    pub(super) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// Renders it. Secrets stay placeholders.
    ///
    /// # Errors
    /// When an expression fails, a path segment is refused, or it grows too long.
    pub(super) fn render(&self, data: &Data<'_>) -> Result<RenderedText, RenderError> {
        let nodes = match &self.url {
            Written::Always(url) => return Ok(url.clone()),
            Written::Each(nodes) => nodes,
            Written::Subject(nodes) => return subject::render(nodes, (self.origin.as_deref().unwrap_or_default(), self.source), data),
        };
        let mut sink = UrlSink::new();
        Frame::new(*data).render(nodes, &mut sink)?;
        let url = sink.finish(self.origin.as_deref()).map_err(|what| RenderError { what, span: Some(self.source) })?;
        Ok(if self.concealed.is_empty() { url } else { url.concealing(&self.concealed) })
    }

    /// Has these credentials filled in when the request is sent, as secrets are.
    pub(super) fn conceal(&mut self, concealed: Box<[Concealed]>) {
        if let Written::Always(url) = &mut self.url {
            *url = std::mem::take(url).concealing(&concealed);
        }
        self.concealed = concealed;
    }
}

/// The URL of a template without values, if it can be rendered; otherwise each firing says why it cannot.
fn constant(nodes: &[Node], origin: Option<&str>) -> Option<RenderedText> {
    let mut sink = UrlSink::new();
    for node in nodes {
        match node {
            Node::Text(text) | Node::Print(Expr { kind: ExprKind::Variable(text), .. }) => sink.literal(text).ok()?,
            Node::Print(_) | Node::If(_) | Node::For(_) => return None,
        }
    }
    sink.finish(origin).ok()
}

/// White space and control characters are not part of a URL.
fn check_text(statement: &Statement<'_>, source: &TemplateSource, out: &mut Diagnostics) -> bool {
    match statement {
        Statement::Text(text, range) => {
            let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control()) else { return true };
            let span = source.span(range.start + at..range.start + at + c.len_utf8());
            let what = if c.is_whitespace() { "white space" } else { "a control character" };
            let found = Diagnostic::new(Code::InvalidUrl, span, format!("{what} in a URL, expected none"));
            out.push(
                found
                    .help("write a space as `%20`; `-` inside the delimiters, as in `{%- if … -%}`, takes away white space around a block"),
            );
            false
        }
        Statement::If { then, otherwise, .. } => {
            let inner: Vec<bool> = then.iter().chain(otherwise).map(|statement| check_text(statement, source, out)).collect();
            !inner.contains(&false)
        }
        Statement::For(repeated) => {
            let inner = repeated.body.iter().chain(&repeated.otherwise);
            let inner: Vec<bool> = inner.map(|statement| check_text(statement, source, out)).collect();
            !inner.contains(&false)
        }
        Statement::Print(_) | Statement::Foreign { .. } => true,
    }
}

/// Follows a URL from its start, to see which part each value gets into.
struct Walk<'o> {
    source: &'o TemplateSource,
    /// What it looks like, with `x` for each value.
    sample: String,
    /// A secret is part of the origin.
    hidden: bool,
    /// What had been reported before this template.
    reported: usize,
    /// What should have been the origin could not be resolved.
    lost: bool,
    out: &'o mut Diagnostics,
}

impl Walk<'_> {
    /// Where it is after the nodes, and whether no value was in the origin.
    fn nodes(&mut self, nodes: &[Node], start: Region) -> (Region, bool) {
        let (mut region, mut clean) = (start, true);
        for node in nodes {
            match node {
                Node::Text(text) => region = self.text(text, region),
                Node::Print(expr) => {
                    if let ExprKind::Variable(text) = &expr.kind {
                        region = self.text(text, region);
                        continue;
                    }
                    if let ExprKind::Secret(_) = &expr.kind {
                        self.hidden |= region < Region::Path;
                        region = region.after_secret();
                    } else {
                        clean &= region >= Region::Path || self.refuse(expr, region);
                    }
                    self.sample.push('x');
                }
                Node::If(choice) => {
                    clean &= region >= Region::Path || self.refuse(&choice.condition, region);
                    let length = self.sample.len();
                    let (one, one_clean) = self.nodes(&choice.then, region);
                    let kept = self.sample.split_off(length);
                    let (other, other_clean) = self.nodes(&choice.otherwise, region);
                    self.sample.truncate(length);
                    self.sample.push_str(&kept);
                    region = one.min(other);
                    clean &= one_clean && other_clean;
                }
                Node::For(repeated) => {
                    clean &= region >= Region::Path || self.refuse(&repeated.list, region);
                    let (_, body_clean) = self.nodes(&repeated.body, region);
                    let (_, otherwise_clean) = self.nodes(&repeated.otherwise, region);
                    clean &= body_clean && otherwise_clean;
                }
            }
        }
        (region, clean)
    }

    fn text(&mut self, text: &str, region: Region) -> Region {
        self.sample.push_str(text);
        region.after(text)
    }

    /// Reports a value in the origin, unless it is one that could not be resolved: that has been reported.
    fn refuse(&mut self, expr: &Expr, region: Region) -> bool {
        let within = |span: Span| expr.span.start <= span.start && span.end <= expr.span.end;
        let mut own = self.out.iter().skip(self.reported).filter(|found| found.severity() == Severity::Error);
        if self.lost || own.any(|found| found.code != Code::UnknownFilter && within(found.primary.span)) {
            self.lost = true;
            return false;
        }
        if region == Region::Scheme && self.sample.contains('/') {
            self.out.push(no_origin(self.source));
            return false;
        }
        let message = "a value decides where the URL goes, expected scheme, host and port from literal text, `vars.*` or `secret.*`";
        let help = "whoever can save an object could choose who receives the request; values may stand after the first `/`";
        self.out.push(Diagnostic::new(Code::UrlHostFromData, expr.span, message).help(help));
        false
    }
}

fn no_origin(source: &TemplateSource) -> Diagnostic {
    let message = format!("`{}` has no scheme and host, expected such as `https://example.com/path`", source.text);
    Diagnostic::new(Code::InvalidUrl, source.whole(), message)
}

fn check_scheme(sample: &str, source: &TemplateSource, out: &mut Diagnostics) {
    let Some((scheme, _)) = sample.split_once("://") else { return };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") && url::is_scheme(scheme) {
        let message = format!("`{}` has the scheme `{scheme}`, expected `https` or `http`", source.text);
        out.push(Diagnostic::new(Code::InvalidUrl, source.whole(), message));
    }
}

fn check_origin(sample: &str, region: Region, source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<String> {
    let whole = source.whole();
    if region == Region::Scheme {
        out.push(no_origin(source));
        return None;
    }
    let (url, origin) = match url::origin(sample) {
        Ok(found) => found,
        Err(reason) => {
            out.push(Diagnostic::new(
                Code::InvalidUrl,
                whole,
                format!("`{}` is not a URL that a request can be sent to: {reason}", source.text),
            ));
            return None;
        }
    };
    if url.scheme() == "http" && !url::is_loopback(&url) {
        let host = url.host_str().unwrap_or_default();
        let sensitive = sensitive_model(scope.program, scope.webhook);
        let mut found =
            Diagnostic::new(Code::InsecureTarget, whole, format!("the request goes to `{host}` unencrypted, expected `https://`"));
        if let Some(model) = sensitive {
            found.message = format!("the request takes a `{model}`, which is sensitive, to `{host}` unencrypted, expected `https://`");
            found.severity = Severity::Error;
        }
        let refused = found.severity == Severity::Error;
        out.push(found.help("anyone on the way can read and change it"));
        if refused {
            return None;
        }
    }
    Some(origin)
}

/// A model in the payload whose objects may not be seen.
fn sensitive_model<'p>(program: &'p Program, webhook: &Webhook) -> Option<&'p str> {
    let mut models = vec![webhook.model];
    webhook.each_embed(&mut |embed| models.push(embed.model));
    let sensitive = |id: &crate::ids::ModelId| program.model(*id).classification == Classification::Sensitive;
    models.iter().find(|id| sensitive(id)).map(|id| program.model(*id).name.as_ref())
}
