//! A structural body, typed: JSON with expressions in it, and how it is written for one firing. What comes out is valid JSON whatever
//! the values are. Reading and typing are not here.

use super::body::Plain;
use super::evaluate::Frame;
use super::limits;
use super::rendered::RenderError;
use super::tree::{Expr, Node};
use super::write::{Bounded, Refusal};

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
    pub key: Box<str>,
    /// Left out when the value is null.
    pub optional: bool,
    pub value: Structure,
}

/// `{"$for": variable, "$in": list, "$where": filter, "$do": each}`
#[derive(Debug)]
pub(super) struct Repeat {
    pub list: Expr,
    pub filter: Option<Expr>,
    pub each: Structure,
}

fn refused(what: Refusal) -> RenderError {
    RenderError { what, span: None }
}

impl Structure {
    /// Writes it.
    ///
    /// # Errors
    /// When an expression fails or it grows too long.
    pub(super) fn render<'a>(&'a self, frame: &mut Frame<'a>, out: &mut Bounded) -> Result<(), RenderError> {
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
            Self::Choose { condition, then, otherwise } => match (frame.decide(condition)?, otherwise) {
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
            Self::Choose { condition, then, otherwise } => match (frame.decide(condition)?, otherwise) {
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
