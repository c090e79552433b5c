//! The typed tree: what is checked is what runs. Names are resolved to slots, so that rendering looks nothing up that is known now;
//! types are gone, since every operation means the same for every type that the checker lets through. Absent: the source text.

use super::signatures::{Filter, Test};
use super::written::{Constant, Operator};
use crate::ids::PropertyId;
use crate::text::Span;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    /// Literal text.
    Text(Box<str>),
    /// The value of an expression, as text.
    Print(Expr),
    /// The first branch, if its condition is true.
    If(Box<Choice>),
    /// The body for each item, or `otherwise` when there is none.
    For(Box<Loop>),
}

/// Two branches.
#[derive(Debug)]
pub(super) struct Choice {
    pub condition: Expr,
    pub then: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// A loop. Its variable is the local after those of the loops around it.
#[derive(Debug)]
pub(super) struct Loop {
    pub list: Expr,
    pub filter: Option<Expr>,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// An expression and its place in the source, for failures.
#[derive(Debug)]
pub(super) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

impl Expr {
    /// The literal, if it is one.
    pub(super) fn constant(&self) -> Option<&Constant> {
        if let ExprKind::Constant(constant) = &self.kind { Some(constant) } else { None }
    }

    /// Calls `visit` with every expression right below it, in the order of the text.
    pub(super) fn each_operand<'e>(&'e self, visit: &mut dyn FnMut(&'e Self)) {
        match &self.kind {
            ExprKind::Constant(_)
            | ExprKind::Variable(_)
            | ExprKind::Secret(_)
            | ExprKind::Object
            | ExprKind::Previous
            | ExprKind::Ambient(_)
            | ExprKind::Local(_)
            | ExprKind::Turn(..)
            | ExprKind::Changed(_) => {}
            ExprKind::Property(of, _)
            | ExprKind::Embedded(of, _)
            | ExprKind::Meta(of, _)
            | ExprKind::Part(of, _)
            | ExprKind::Not(of)
            | ExprKind::Negate(of) => visit(of),
            ExprKind::Item(one, other) | ExprKind::Binary(_, one, other) => [one, other].into_iter().for_each(|operand| visit(operand)),
            ExprKind::Choose { condition, then, otherwise } => {
                [Some(condition), Some(then), otherwise.as_ref()].into_iter().flatten().for_each(|operand| visit(operand));
            }
            ExprKind::List(items) => items.iter().for_each(visit),
            ExprKind::Map(entries) => entries.iter().for_each(|(_, value)| visit(value)),
            ExprKind::Filter(_, input, arguments) | ExprKind::Test(_, input, arguments) => {
                visit(input);
                arguments.iter().for_each(visit);
            }
        }
    }

    /// The literal text, if it is one.
    pub(super) fn constant_text(&self) -> Option<&str> {
        if let Some(Constant::Text(text)) = self.constant() { Some(text) } else { None }
    }
}

/// What an expression does.
#[derive(Debug)]
pub(super) enum ExprKind {
    Constant(Constant),
    /// Text from the configuration: trusted in a URL.
    Variable(Box<str>),
    Secret(Box<str>),
    Object,
    Previous,
    Ambient(Ambient),
    /// The variable of the loop at this depth, from 0.
    Local(usize),
    Turn(usize, Turn),
    Property(Box<Expr>, PropertyId),
    /// An index into the object's embeds.
    Embedded(Box<Expr>, usize),
    Meta(Box<Expr>, Meta),
    /// A part of an attachment, location or map.
    Part(Box<Expr>, Box<str>),
    Item(Box<Expr>, Box<Expr>),
    Changed(PropertyId),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Choose {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Option<Box<Expr>>,
    },
    List(Vec<Expr>),
    Map(Vec<(Box<str>, Expr)>),
    Filter(Filter, Box<Expr>, Vec<Expr>),
    Test(Test, Box<Expr>, Vec<Expr>),
}

/// A value that belongs to the save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ambient {
    Operation,
    Sequence,
    AccountId,
    Timestamp,
}

/// What an object has besides its properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meta {
    Id,
    Type,
    UpdatedAt,
}

/// What `loop` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Index,
    Index0,
    First,
    Last,
    Length,
}

impl Turn {
    pub(super) const NAMES: &[&str] = &["index", "index0", "first", "last", "length"];

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "index" => Self::Index,
            "index0" => Self::Index0,
            "first" => Self::First,
            "last" => Self::Last,
            "length" => Self::Length,
            _ => return None,
        })
    }
}
