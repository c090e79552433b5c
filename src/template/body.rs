//! Bodies. A JSON body is structural: the template is itself JSON, so that what comes out is valid whatever the values are. Any other
//! body is a text template. Absent: the default body, which the engine makes.

use std::cell::OnceCell;
use std::ops::Range;

use super::Scope;
use super::evaluate::{Frame, Sink};
use super::facts::Facts;
use super::json::{Json, JsonKind, Member};
use super::limits;
use super::rendered::RenderError;
use super::structure::{Entry, Repeat, Structure};
use super::tree::{Expr, Node};
use super::ty::Type;
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

/// Whether a media type is JSON.
pub(super) fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || media == "text/json" || media.ends_with("+json")
}

/// Compiles a body; `None` when there is an error, which has been reported.
pub(super) fn compile(content_type: &str, source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Body> {
    if !is_json(content_type) {
        let copy = OnceCell::new();
        let parsed = parse::template(source, &copy, out)?;
        let mut typing = Typing::new(source, Context::Body, scope, out).of(&parsed);
        let nodes = typing.nodes(&parsed.statements);
        return (!typing.failed()).then_some(Body::Text(nodes));
    }
    if source.text.len() > limits::SOURCE_BYTES {
        let (seen, most) = (source.text.len(), limits::SOURCE_BYTES);
        let message = format!("the template has {seen} bytes, expected at most {most}");
        out.push(Diagnostic::new(Code::TemplateTooCostly, source.whole(), message));
        return None;
    }
    let (json, sound) = json::read(source, out);
    let facts = Facts::of_conditions(scope.webhook);
    let mut structures = Structures { source, scope, out, locals: Vec::new(), facts, certain: true, failed: !sound };
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
pub(super) struct Plain<'o>(pub &'o mut Bounded);

impl Sink for Plain<'_> {
    fn literal(&mut self, text: &str) -> Result<(), Refusal> {
        self.0.push(text)
    }

    fn value(&mut self, value: &Value<'_>, _trusted: bool) -> Result<(), Refusal> {
        self.0.print(value)
    }
}

/// Types the strings of a structural body.
struct Structures<'p, 'o> {
    source: &'o TemplateSource,
    scope: Scope<'p>,
    out: &'o mut Diagnostics,
    locals: Vec<Local<'p>>,
    facts: Facts,
    /// The conditions around this place could be read.
    certain: bool,
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
        let copy = OnceCell::new();
        let Some(parsed) = parse::template(text, &copy, self.out) else {
            self.failed = true;
            return Structure::Literal("null".into());
        };
        let (context, alone) = match parsed.statements.as_slice() {
            [super::written::Statement::Print(expression)] => (Context::Value, Some(expression)),
            _ => (Context::Body, None),
        };
        let mut typing = self.typing(text, context).of(&parsed);
        let structure = match alone {
            Some(expression) => Structure::Value(typing.expression(expression).expr),
            None => match typing.nodes(&parsed.statements) {
                nodes if nodes.iter().all(|node| matches!(node, Node::Text(_))) => Structure::Literal(quoted(&nodes)),
                nodes => Structure::String(nodes),
            },
        };
        let failed = typing.failed();
        self.failed |= failed;
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

    fn typing<'o>(&'o mut self, text: &'o TemplateSource, context: Context) -> Typing<'p, 'o> {
        Typing::new(text, context, self.scope, self.out).inside(&self.locals, &self.facts, self.certain)
    }

    fn repeat(&mut self, members: &[Member], range: Range<usize>) -> Structure {
        self.check_keys(members, &["$for", "$in", "$where", "$do"]);
        let variable = self.text(members, "$for", range.clone());
        let list = self.text(members, "$in", range.clone()).and_then(|list| self.list(list));
        let each = self.member(members, "$do", range);
        if let Some(variable) = variable
            && !is_variable(&variable.text)
        {
            let message = format!("`{}` is not a name for a variable, expected letters, digits and `_`", variable.text);
            self.failed = true;
            self.out.push(Diagnostic::new(Code::InvalidJsonBody, variable.whole(), message));
        }
        let nothing = Structure::Literal("null".into());
        // Without its variable, what is repeated cannot be judged.
        let Some(variable) = variable.filter(|variable| is_variable(&variable.text)) else { return nothing };
        let (list, element) = list.map_or((None, Type::any()), |(list, element)| (Some(list), element));
        let mark = self.facts.mark();
        let certain = self.certain;
        self.locals.push(Local { name: variable.text.as_str().into(), ty: element });
        let filter = members.iter().find(|member| member.key == "$where").and_then(|member| {
            let Some((filter, when_true, _)) = self.condition(member) else {
                self.certain = false;
                return None;
            };
            self.facts.extend(&when_true);
            Some(filter)
        });
        let each = each.map(|each| self.structure(each));
        self.locals.pop();
        self.facts.forget_after(mark);
        self.certain = certain;
        match (list, each) {
            (Some(list), Some(each)) => Structure::Repeat(Box::new(Repeat { list, filter, each })),
            _ => nothing,
        }
    }

    /// The list that is repeated over, and what an item of it is.
    fn list(&mut self, list: &TemplateSource) -> Option<(Expr, Type<'p>)> {
        let Some(written) = parse::expression(list, self.out) else {
            self.failed = true;
            return None;
        };
        let mut typing = self.typing(list, Context::Value);
        let typed = typing.expression(&written);
        let element = typing.element(&typed, written.range.clone());
        let failed = typing.failed();
        self.failed |= failed;
        Some((typed.expr, element))
    }

    fn choose(&mut self, members: &[Member], range: Range<usize>) -> Structure {
        self.check_keys(members, &["$if", "$then", "$else"]);
        let then = self.member(members, "$then", range);
        let condition = members.iter().find(|member| member.key == "$if").and_then(|member| self.condition(member));
        let certain = self.certain;
        self.certain &= condition.is_some();
        let (condition, when_true, when_false) = match condition {
            Some((condition, when_true, when_false)) => (Some(condition), when_true, when_false),
            None => (None, Facts::default(), Facts::default()),
        };
        let mark = self.facts.mark();
        self.facts.extend(&when_true);
        let then = then.map(|then| Box::new(self.structure(then)));
        self.facts.forget_after(mark);
        self.facts.extend(&when_false);
        let otherwise = members.iter().find(|member| member.key == "$else").map(|member| Box::new(self.structure(&member.value)));
        self.facts.forget_after(mark);
        self.certain = certain;
        match (condition, then) {
            (Some(condition), Some(then)) => Structure::Choose { condition, then, otherwise },
            _ => Structure::Literal("null".into()),
        }
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
        let mut typing = self.typing(text, Context::Value);
        let typed = typing.expression(&written);
        let failed = typing.failed();
        self.failed |= failed;
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
