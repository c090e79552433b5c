//! A request: its URL, headers and body compiled together for one webhook, and rendered together for one firing.

use bytes::Bytes;

use super::body::{self, Body};
use super::evaluate::Frame;
use super::header::{self, HeaderSink};
use super::rendered::{RenderError, Rendered, RenderedText};
use super::tree::{Expr, ExprKind, Node};
use super::typing::{Context, Typing};
use super::url::{self, Region, UrlSink};
use super::written::Statement;
use super::{Data, Scope, parse};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity};
use crate::program::{BodySource, Classification, HeaderSource, Program, RequestSource, TemplateSource, Webhook};

/// A typed request: URL, method, headers and, unless the default body is sent, the body.
#[derive(Debug)]
pub struct Request {
    method: Box<str>,
    url: Url,
    headers: Vec<(Box<str>, Vec<Node>)>,
    body: Option<(Box<str>, Body)>,
}

#[derive(Debug)]
struct Url {
    nodes: Vec<Node>,
    /// Scheme, host and port; `None` when a secret is part of them.
    origin: Option<String>,
    source: crate::text::Span,
}

impl Request {
    /// Compiles and types all templates of a request for one webhook; `None` when there is an error, which has been reported.
    pub fn compile(source: &RequestSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Self> {
        let url = compile_url(&source.url, scope, out);
        let headers: Vec<_> = source.headers.iter().map(|header| compile_header(header, scope, out)).collect();
        let body = source.body.as_ref().map(|body| compile_body(body, scope, out));
        let headers = headers.into_iter().collect::<Option<Vec<_>>>();
        let body = match body {
            Some(body) => Some(body?),
            None => None,
        };
        Some(Self { method: source.method.value.clone(), url: url?, headers: headers?, body })
    }

    /// Renders it. Secrets stay placeholders.
    ///
    /// # Errors
    /// When an expression fails or an output is refused (an empty URL segment, a size limit): the delivery fails for good.
    pub fn render(&self, data: &Data<'_>) -> Result<Rendered, RenderError> {
        let mut url = UrlSink::new();
        let whole = |what| RenderError { what, span: Some(self.url.source) };
        Frame::new(*data).render(&self.url.nodes, &mut url)?;
        let url = url.finish(self.url.origin.as_deref()).map_err(whole)?;
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, nodes) in &self.headers {
            headers.push((name.clone(), render_header(nodes, data)?));
        }
        let body = match &self.body {
            Some((content_type, body)) => Some((content_type.clone(), Bytes::from(body.render(&mut Frame::new(*data))?))),
            None => None,
        };
        Ok(Rendered { method: self.method.clone(), url, headers, body })
    }
}

fn render_header(nodes: &[Node], data: &Data<'_>) -> Result<RenderedText, RenderError> {
    let mut sink = HeaderSink::default();
    Frame::new(*data).render(nodes, &mut sink)?;
    Ok(sink.finish())
}

fn compile_url(source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Url> {
    let statements = parse::template(source, out)?;
    let mut failed = false;
    for statement in &statements {
        failed |= !check_url_text(statement, source, out);
    }
    let mut typing = Typing::new(source, Context::Url, scope, out);
    let nodes = typing.nodes(&statements);
    failed |= typing.failed();
    if failed {
        return None;
    }
    let mut walk = Walk { sample: String::new(), hidden: false, out };
    let (region, clean) = walk.nodes(&nodes, Region::Scheme);
    let Walk { sample, hidden, .. } = walk;
    if !clean {
        return None;
    }
    let origin = if hidden { None } else { Some(check_origin(&sample, region, source, scope, out)?) };
    Some(Url { nodes, origin, source: source.whole() })
}

/// White space and control characters are not part of a URL.
fn check_url_text(statement: &Statement<'_>, source: &TemplateSource, out: &mut Diagnostics) -> bool {
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
            then.iter().chain(otherwise).fold(true, |clean, statement| check_url_text(statement, source, out) && clean)
        }
        Statement::For(repeated) => {
            let inner = repeated.body.iter().chain(&repeated.otherwise);
            inner.fold(true, |clean, statement| check_url_text(statement, source, out) && clean)
        }
        Statement::Print(_) | Statement::Foreign { .. } => true,
    }
}

/// Follows a URL from its start, to see which part each value gets into.
struct Walk<'o> {
    /// What it looks like, with `x` for each value.
    sample: String,
    /// A secret is part of the origin.
    hidden: bool,
    out: &'o mut Diagnostics,
}

impl Walk<'_> {
    /// Where it is after the nodes, and whether no value was in the origin.
    fn nodes(&mut self, nodes: &[Node], start: Region) -> (Region, bool) {
        let (mut region, mut clean) = (start, true);
        for node in nodes {
            match node {
                Node::Text(text) => region = self.text(text, region),
                Node::Print(expr) => match &expr.kind {
                    ExprKind::Variable(text) => region = self.text(text, region),
                    ExprKind::Constant(super::written::Constant::Text(text)) => region = self.text(text, region),
                    ExprKind::Secret(_) => {
                        self.hidden |= region < Region::Path;
                        region = region.after_secret();
                        self.sample.push('x');
                    }
                    _ => {
                        clean &= region >= Region::Path || self.refuse(expr);
                        self.sample.push('x');
                    }
                },
                Node::If { condition, then, otherwise } => {
                    clean &= region >= Region::Path || self.refuse(condition);
                    let length = self.sample.len();
                    let (one, one_clean) = self.nodes(then, region);
                    let kept = self.sample.split_off(length);
                    let (other, other_clean) = self.nodes(otherwise, region);
                    self.sample.truncate(length);
                    self.sample.push_str(&kept);
                    region = one.min(other);
                    clean &= one_clean && other_clean;
                }
                Node::For(repeated) => {
                    clean &= region >= Region::Path || self.refuse(&repeated.list);
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

    fn refuse(&mut self, expr: &Expr) -> bool {
        let message = "a value decides where the URL goes, expected scheme, host and port from literal text, `vars.*` or `secret.*`";
        let help = "whoever can save an object could choose who receives the request; values may stand after the first `/`";
        self.out.push(Diagnostic::new(Code::UrlHostFromData, expr.span, message).help(help));
        false
    }
}

fn check_origin(sample: &str, region: Region, source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<String> {
    let whole = source.whole();
    if region == Region::Scheme {
        let message = format!("`{}` has no scheme and host, expected such as `https://example.com/path`", source.text);
        out.push(Diagnostic::new(Code::InvalidUrl, whole, message));
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

fn compile_header(header: &HeaderSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<(Box<str>, Vec<Node>)> {
    let name = &header.name.value;
    let mut sound = true;
    if !header::is_name(name) {
        let message = format!("`{name}` is not a header name, expected letters, digits and `-`");
        out.push(Diagnostic::new(Code::HeaderInjection, header.name.span, message));
        sound = false;
    } else if header::is_reserved(name) {
        let message = format!("the header `{name}` is set by the sender, expected another one");
        let help = name.eq_ignore_ascii_case("content-type").then(|| "set it with `content-type` on `<body>`".to_owned());
        out.push(Diagnostic::new(Code::ReservedHeader, header.name.span, message).maybe_help(help));
        sound = false;
    }
    let statements = parse::template(&header.value, out)?;
    sound &= check_lines(&statements, &header.value, out);
    let mut typing = Typing::new(&header.value, Context::Header, scope, out);
    let mut nodes = typing.nodes(&statements);
    if typing.failed() || !sound {
        return None;
    }
    trim(&mut nodes);
    Some((name.clone(), nodes))
}

/// A line break in the template's own text would end the header; white space around all of it means nothing.
fn check_lines(statements: &[Statement<'_>], source: &TemplateSource, out: &mut Diagnostics) -> bool {
    let text = source.text.as_str();
    let inner = text.len() - text.trim_start().len()..text.trim_end().len();
    let mut clean = true;
    for statement in statements {
        clean &= match statement {
            Statement::Text(literal, range) => {
                let mut breaks = literal.char_indices().map(|(at, c)| (range.start + at, c));
                match breaks.find(|(at, c)| inner.contains(at) && c.is_control() && *c != '\t') {
                    Some((at, _)) => {
                        let message = "a line break in a header, expected one line";
                        out.push(Diagnostic::new(Code::HeaderInjection, source.span(at..at + 1), message));
                        false
                    }
                    None => true,
                }
            }
            Statement::If { then, otherwise, .. } => check_lines(then, source, out) & check_lines(otherwise, source, out),
            Statement::For(repeated) => check_lines(&repeated.body, source, out) & check_lines(&repeated.otherwise, source, out),
            Statement::Print(_) | Statement::Foreign { .. } => true,
        };
    }
    clean
}

/// Takes away the white space around the value.
fn trim(nodes: &mut [Node]) {
    if let Some(Node::Text(text)) = nodes.first_mut() {
        *text = text.trim_start().into();
    }
    if let Some(Node::Text(text)) = nodes.last_mut() {
        *text = text.trim_end().into();
    }
}

fn compile_body(body: &BodySource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<(Box<str>, Body)> {
    let Some(text) = &body.text else {
        if let Some(file) = &body.file {
            let message = format!("the template file `{}` does not exist", file.value);
            out.push(
                Diagnostic::new(Code::TemplateNotFound, file.span, message)
                    .help("template files stand in the folder that `templates` names in `webhookc.toml`"),
            );
        }
        return None;
    };
    let compiled = body::compile(&body.content_type.value, text, scope, out)?;
    Some((body.content_type.value.clone(), compiled))
}
