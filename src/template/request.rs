//! A request: its URL, headers and body compiled together for one webhook, and rendered together for one firing.

use std::cell::OnceCell;

use bytes::Bytes;

use super::body::{self, Body};
use super::branches::{self, Branch};
use super::evaluate::Frame;
use super::header::{self, HeaderSink};
use super::rendered::{Concealed, RenderError, Rendered, RenderedText};
use super::target::Target;
use super::tree::{Expr, ExprKind, Node};
use super::typing::{Context, Typing};
use super::written::Statement;
use super::{Data, Scope, parse};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, list, suggestion};
use crate::ids::FileId;
use crate::program::{BodySource, HeaderSource, RequestSource, TemplateSource};
use crate::text::{Span, Spanned};

/// A typed request: URL, method, headers and, unless the default body is sent, the body.
#[derive(Debug)]
pub struct Request {
    method: Box<str>,
    url: Target,
    headers: Vec<(Box<str>, Vec<Node>)>,
    /// Boxed, since most requests have none and there may be very many.
    body: Option<Box<(Box<str>, Body)>>,
}

impl Request {
    /// Compiles and types all templates of a request for one webhook; `None` when there is an error, which has been reported.
    pub fn compile(source: &RequestSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Self> {
        let url = Target::compile(&source.url, scope, out);
        let headers: Vec<_> = source.headers.iter().map(|header| compile_header(header, scope, out)).collect();
        let body = source.body.as_ref().map(|body| compile_body(body, scope, out));
        let headers = headers.into_iter().collect::<Option<Vec<_>>>();
        let body = match body {
            Some(body) => Some(Box::new(body?)),
            None => None,
        };
        Some(Self { method: source.method.value.clone(), url: url?, headers: headers?, body })
    }

    /// Where it goes, whatever is saved: scheme, user-info, host and port of the URL. `None` when a secret is part of them.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.url.origin()
    }

    /// Has the values of headers that hold credentials, where they are written out, filled in when the request is sent, as secrets are:
    /// `name_of` says under which name, by the place of the header.
    pub fn conceal(&mut self, name_of: impl Fn(usize) -> Option<Box<str>>) {
        for (index, (_, nodes)) in self.headers.iter_mut().enumerate() {
            if let [node @ Node::Text(_)] = nodes.as_mut_slice()
                && let Some(name) = name_of(index)
            {
                *node = Node::Print(Expr { kind: ExprKind::Secret(name), span: Span::new(FileId(0), 0, 0) });
            }
        }
    }

    /// The same for what is written out in the URL for credentials.
    pub fn conceal_in_url(&mut self, concealed: Box<[Concealed]>) {
        self.url.conceal(concealed);
    }

    /// Where its templates can go two ways.
    #[must_use]
    pub fn branches(&self) -> Vec<Branch> {
        let mut found = Vec::new();
        branches::of_nodes(self.url.nodes(), &mut found);
        self.headers.iter().for_each(|(_, nodes)| branches::of_nodes(nodes, &mut found));
        match self.body.as_deref() {
            Some((_, Body::Structural(structure))) => branches::of_structure(structure, &mut found),
            Some((_, Body::Text(nodes))) => branches::of_nodes(nodes, &mut found),
            None => {}
        }
        found
    }

    /// Renders it. Secrets stay placeholders.
    ///
    /// # Errors
    /// When an expression fails or an output is refused (an empty URL segment, a size limit): the delivery fails for good.
    pub fn render(&self, data: &Data<'_>) -> Result<Rendered, RenderError> {
        let url = self.url.render(data)?;
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, nodes) in &self.headers {
            headers.push((name.clone(), render_header(nodes, data)?));
        }
        let body = match self.body.as_deref() {
            Some((content_type, body)) => Some((content_type.clone(), Bytes::from(body.render(&mut Frame::new(*data))?))),
            None => None,
        };
        Ok(Rendered { method: self.method.clone(), url, headers, body })
    }
}

fn no_file(file: &Spanned<Box<str>>, scope: Scope<'_>) -> Diagnostic {
    let message = format!("the template file `{}` does not exist", file.value);
    let found = Diagnostic::new(Code::TemplateNotFound, file.span, message);
    let names = || scope.settings.templates.iter().map(String::as_str);
    if let Some(nearest) = suggestion(&file.value, names()) {
        let fix = Fix::replace(format!("rename to `{nearest}`"), file.span, nearest);
        return found.help(format!("did you mean `{nearest}`?")).fix(fix);
    }
    let folder = "template files stand in the folder that `templates` names in `webhookc.toml`, by default `templates`";
    if names().next().is_none() { found.help(folder) } else { found.help(format!("{folder}; there are {}", list(names()))) }
}

fn render_header(nodes: &[Node], data: &Data<'_>) -> Result<RenderedText, RenderError> {
    let mut sink = HeaderSink::default();
    Frame::new(*data).render(nodes, &mut sink)?;
    Ok(sink.finish())
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
    let copy = OnceCell::new();
    let parsed = parse::template(&header.value, &copy, out)?;
    sound &= check_lines(&parsed.statements, &header.value, out);
    let mut typing = Typing::new(&header.value, Context::Header, scope, out).of(&parsed);
    let mut nodes = typing.nodes(&parsed.statements);
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
            out.push(no_file(file, scope));
        }
        return None;
    };
    let compiled = body::compile(&body.content_type.value, text, scope, out)?;
    Some((body.content_type.value.clone(), compiled))
}
