//! Bodies. A JSON body is structural: the template is itself JSON, so that what comes out is valid whatever the values are. Any other
//! body is a text template. Absent: the default body, which the engine makes.

use std::ops::Range;

use super::Scope;
use super::evaluate::{Frame, Sink};
use super::facts::Facts;
use super::json::{Json, JsonKind, Member};
use super::limits;
use super::rendered::RenderError;
use super::tree::{Expr, Node};
use super::typing::{Context, Local, Typing};
use super::value::Value;
use super::write::{Bounded, Refusal};
use super::{json, parse};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, one_of};
use crate::program::TemplateSource;

/// A compiled body.
#[derive(Debug)]
pub(super) enum Body {
    /// JSON with values in it.
    Structural(Structure),
    /// Text.
    Text(Vec<Node>),
}

/// A JSON value of a structural body.
#[derive(Debug)]
pub(super) enum Structure {
    /// JSON without expressions in it, written out.
    Literal(Box<str>),
    /// A value with its type.
    Value(Expr),
    /// A string with expressions in it.
    String(Vec<Node>),
    Array(Vec<Structure>),
    Object(Vec<Entry>),
    /// `$for`
    Repeat(Box<Repeat>),
    /// `$if`
    Choose {
        condition: Expr,
        then: Box<Structure>,
        otherwise: Option<Box<Structure>>,
    },
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    /// The key as JSON, with quotes and colon.
    key: Box<str>,
    /// Left out when the value is null.
    optional: bool,
    value: Structure,
}

/// `{"$for": variable, "$in": list, "$where": filter, "$do": each}`
#[derive(Debug)]
pub(super) struct Repeat {
    list: Expr,
    filter: Option<Expr>,
    each: Structure,
}

/// Whether a media type is JSON.
pub(super) fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || media == "text/json" || media.ends_with("+json")
}

/// Compiles a body; `None` when there is an error, which has been reported.
pub(super) fn compile(content_type: &str, source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Body> {
    if !is_json(content_type) {
        let statements = parse::template(source, out)?;
        let mut typing = Typing::new(source, Context::Body, scope, out);
        let nodes = typing.nodes(&statements);
        return (!typing.failed()).then_some(Body::Text(nodes));
    }
    if source.text.len() > limits::SOURCE_BYTES {
        let (seen, most) = (source.text.len(), limits::SOURCE_BYTES);
        let message = format!("the template has {seen} bytes, expected at most {most}");
        out.push(Diagnostic::new(Code::TemplateTooCostly, source.whole(), message));
        return None;
    }
    let json = json::read(source, out)?;
    let facts = Facts::of_conditions(scope.webhook);
    let mut structures = Structures { source, scope, out, locals: Vec::new(), facts, failed: false };
    let structure = structures.structure(&json);
    (!structures.failed).then_some(Body::Structural(structure))
}

impl Body {
    /// Renders it.
    ///
    /// # Errors
    /// When an expression fails or it grows too long.
    pub(super) fn render<'a>(&'a self, frame: &mut Frame<'a>) -> Result<String, RenderError> {
        let mut out = Bounded::new(limits::BODY_BYTES);
        match self {
            Self::Text(nodes) => frame.render(nodes, &mut Plain(&mut out))?,
            Self::Structural(structure) => structure.render(frame, &mut out)?,
        }
        Ok(out.text)
    }
}

/// Prints values as they are.
struct Plain<'o>(&'o mut Bounded);

impl Sink for Plain<'_> {
    fn literal(&mut self, text: &str) -> Result<(), Refusal> {
        self.0.push(text)
    }

    fn value(&mut self, value: &Value<'_>, _trusted: bool) -> Result<(), Refusal> {
        self.0.print(value)
    }
}

fn refused(what: Refusal) -> RenderError {
    RenderError { what, span: None }
}

impl Structure {
    fn render<'a>(&'a self, frame: &mut Frame<'a>, out: &mut Bounded) -> Result<(), RenderError> {
        match self {
            Self::Literal(text) => out.push(text).map_err(refused),
            Self::Value(expr) => {
                let value = frame.evaluate(expr)?;
                out.json(&value, frame.data().program).map_err(|what| RenderError { what, span: Some(expr.span) })
            }
            Self::String(nodes) => {
                let mut text = Bounded::new(limits::BODY_BYTES);
                frame.render(nodes, &mut Plain(&mut text))?;
                out.json_string(&text.text).map_err(refused)
            }
            Self::Array(items) => {
                out.push("[").map_err(refused)?;
                let mut first = true;
                for item in items {
                    item.render_item(frame, out, &mut first)?;
                }
                out.push("]").map_err(refused)
            }
            Self::Object(entries) => {
                out.push("{").map_err(refused)?;
                let mut first = true;
                for entry in entries {
                    let start = out.text.len();
                    out.push(if first { "" } else { "," }).map_err(refused)?;
                    out.push(&entry.key).map_err(refused)?;
                    let value = out.text.len();
                    entry.value.render(frame, out)?;
                    if entry.optional && out.text.get(value..) == Some("null") {
                        out.text.truncate(start);
                    } else {
                        first = false;
                    }
                }
                out.push("}").map_err(refused)
            }
            // Where no array is around it, a repetition is one.
            Self::Repeat(_) => {
                out.push("[").map_err(refused)?;
                self.render_item(frame, out, &mut true)?;
                out.push("]").map_err(refused)
            }
            Self::Choose { condition, then, otherwise } => match (frame.evaluate(condition)?.is_true(), otherwise) {
                (true, _) => then.render(frame, out),
                (false, Some(otherwise)) => otherwise.render(frame, out),
                (false, None) => out.push("null").map_err(refused),
            },
        }
    }

    /// Renders an item of an array: a repetition gives all its items, a choice without a branch none.
    fn render_item<'a>(&'a self, frame: &mut Frame<'a>, out: &mut Bounded, first: &mut bool) -> Result<(), RenderError> {
        match self {
            Self::Repeat(repeat) => {
                let items = frame.items(&repeat.list, repeat.filter.as_ref())?;
                frame.each(items, repeat.list.span, |frame| repeat.each.render_item(frame, out, first))
            }
            Self::Choose { condition, then, otherwise } => match (frame.evaluate(condition)?.is_true(), otherwise) {
                (true, _) => then.render_item(frame, out, first),
                (false, Some(otherwise)) => otherwise.render_item(frame, out, first),
                (false, None) => Ok(()),
            },
            Self::Literal(_) | Self::Value(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => {
                out.push(if *first { "" } else { "," }).map_err(refused)?;
                *first = false;
                self.render(frame, out)
            }
        }
    }
}

/// Types the strings of a structural body.
struct Structures<'p, 'o> {
    source: &'o TemplateSource,
    scope: Scope<'p>,
    out: &'o mut Diagnostics,
    locals: Vec<Local<'p>>,
    facts: Facts,
    failed: bool,
}

impl<'p> Structures<'p, '_> {
    fn structure(&mut self, json: &Json) -> Structure {
        match &json.kind {
            JsonKind::Null => Structure::Literal("null".into()),
            JsonKind::Boolean(boolean) => Structure::Literal(if *boolean { "true".into() } else { "false".into() }),
            JsonKind::Number(text) => Structure::Literal(text.clone()),
            JsonKind::String(text) => self.string(text),
            JsonKind::Array(items) => Structure::Array(items.iter().map(|item| self.structure(item)).collect()),
            JsonKind::Object(members) => self.object(members, json.range.clone()),
        }
    }

    fn string(&mut self, text: &TemplateSource) -> Structure {
        let Some(statements) = parse::template(text, self.out) else {
            self.failed = true;
            return Structure::Literal("null".into());
        };
        let (context, alone) = match statements.as_slice() {
            [super::written::Statement::Print(expression)] => (Context::Value, Some(expression)),
            _ => (Context::Body, None),
        };
        let mut typing = Typing::new(text, context, self.scope, self.out).inside(&self.locals, &self.facts);
        let structure = match alone {
            Some(expression) => Structure::Value(typing.expression(expression).expr),
            None => match typing.nodes(&statements) {
                nodes if nodes.iter().all(|node| matches!(node, Node::Text(_))) => Structure::Literal(quoted(&nodes)),
                nodes => Structure::String(nodes),
            },
        };
        self.failed |= typing.failed();
        structure
    }

    fn object(&mut self, members: &[Member], range: Range<usize>) -> Structure {
        let has = |key: &str| members.iter().any(|member| member.key == key);
        if has("$for") {
            return self.repeat(members, range);
        }
        if has("$if") {
            return self.choose(members, range);
        }
        let mut entries = Vec::with_capacity(members.len());
        for member in members {
            if matches!(member.key.as_str(), "$in" | "$where" | "$do" | "$then" | "$else") {
                let starts = if matches!(member.key.as_str(), "$then" | "$else") { "$if" } else { "$for" };
                self.mistake(member.range.clone(), format!("`{}` without `{starts}` beside it", member.key));
            }
            let (key, optional) = match member.key.strip_suffix('?') {
                Some(key) => (key, true),
                None => (member.key.as_str(), false),
            };
            let mut written = Bounded::new(limits::BODY_BYTES);
            // A key is far shorter than the limit.
            let _ = written.json_string(key).and_then(|()| written.push(":"));
            let value = self.structure(&member.value);
            entries.push(Entry { key: written.text.into(), optional, value });
        }
        Structure::Object(entries)
    }

    fn repeat(&mut self, members: &[Member], range: Range<usize>) -> Structure {
        self.check_keys(members, &["$for", "$in", "$where", "$do"]);
        let nothing = Structure::Literal("null".into());
        let (Some(variable), Some(list), Some(each)) =
            (self.text(members, "$for", range.clone()), self.text(members, "$in", range.clone()), self.member(members, "$do", range))
        else {
            return nothing;
        };
        if !is_variable(&variable.text) {
            let message = format!("`{}` is not a name for a variable, expected letters, digits and `_`", variable.text);
            self.failed = true;
            self.out.push(Diagnostic::new(Code::InvalidJsonBody, variable.whole(), message));
            return nothing;
        }
        let Some(written) = parse::expression(list, self.out) else {
            self.failed = true;
            return nothing;
        };
        let mut typing = Typing::new(list, Context::Value, self.scope, self.out).inside(&self.locals, &self.facts);
        let typed = typing.expression(&written);
        let element = typing.element(&typed, written.range.clone());
        self.failed |= typing.failed();
        let mark = self.facts.mark();
        self.locals.push(Local { name: variable.text.as_str().into(), ty: element });
        let filter = match members.iter().find(|member| member.key == "$where") {
            Some(member) => self.condition(member).map(|(filter, when_true, _)| {
                self.facts.extend(&when_true);
                filter
            }),
            None => None,
        };
        let each = self.structure(each);
        self.locals.pop();
        self.facts.forget_after(mark);
        Structure::Repeat(Box::new(Repeat { list: typed.expr, filter, each }))
    }

    fn choose(&mut self, members: &[Member], range: Range<usize>) -> Structure {
        self.check_keys(members, &["$if", "$then", "$else"]);
        let nothing = Structure::Literal("null".into());
        let Some(then) = self.member(members, "$then", range) else { return nothing };
        let condition = members.iter().find(|member| member.key == "$if").and_then(|member| self.condition(member));
        let Some((condition, when_true, when_false)) = condition else { return nothing };
        let mark = self.facts.mark();
        self.facts.extend(&when_true);
        let then = Box::new(self.structure(then));
        self.facts.forget_after(mark);
        self.facts.extend(&when_false);
        let otherwise = members.iter().find(|member| member.key == "$else").map(|member| Box::new(self.structure(&member.value)));
        self.facts.forget_after(mark);
        Structure::Choose { condition, then, otherwise }
    }

    /// An expression that steers, and what is known when it is true and when it is false.
    fn condition(&mut self, member: &Member) -> Option<(Expr, Facts, Facts)> {
        let JsonKind::String(text) = &member.value.kind else {
            self.mistake(member.value.range.clone(), format!("`{}` is not a string, expected an expression in quotes", member.key));
            return None;
        };
        let Some(written) = parse::expression(text, self.out) else {
            self.failed = true;
            return None;
        };
        let mut typing = Typing::new(text, Context::Value, self.scope, self.out).inside(&self.locals, &self.facts);
        let typed = typing.expression(&written);
        self.failed |= typing.failed();
        let (when_true, when_false) = (typed.when_true().clone(), typed.when_false().clone());
        Some((typed.expr, when_true, when_false))
    }

    fn member<'j>(&mut self, members: &'j [Member], key: &str, range: Range<usize>) -> Option<&'j Json> {
        let found = members.iter().find(|member| member.key == key).map(|member| &member.value);
        if found.is_none() {
            self.mistake(range, format!("`{key}` is missing"));
        }
        found
    }

    fn text<'j>(&mut self, members: &'j [Member], key: &str, range: Range<usize>) -> Option<&'j TemplateSource> {
        let found = self.member(members, key, range)?;
        if let JsonKind::String(text) = &found.kind {
            return Some(text);
        }
        self.mistake(found.range.clone(), format!("`{key}` is not a string, expected text in quotes"));
        None
    }

    fn check_keys(&mut self, members: &[Member], known: &[&str]) {
        for member in members.iter().filter(|member| !known.contains(&member.key.as_str())) {
            let first = known.first().copied().unwrap_or_default();
            let expected = one_of(known.iter().copied());
            self.mistake(member.range.clone(), format!("unexpected key `{}` beside `{first}`, expected {expected}", member.key));
        }
    }

    fn mistake(&mut self, range: Range<usize>, message: String) {
        self.failed = true;
        self.out.push(Diagnostic::new(Code::InvalidJsonBody, self.source.span(range), message));
    }
}

fn is_variable(name: &str) -> bool {
    let reserved = ["true", "false", "none", "loop", "not", "and", "or", "in", "is", "if", "else"];
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !reserved.contains(&name)
}

/// Literal text as a JSON string.
fn quoted(nodes: &[Node]) -> Box<str> {
    let mut text = String::new();
    for node in nodes {
        if let Node::Text(literal) = node {
            text.push_str(literal);
        }
    }
    let mut out = Bounded::new(usize::MAX);
    // Without a limit nothing is refused.
    let _ = out.json_string(&text);
    out.text.into()
}
