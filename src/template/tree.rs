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
    If { condition: Expr, then: Vec<Node>, otherwise: Vec<Node> },
    /// The body for each item, or `otherwise` when there is none.
    For(Box<Loop>),
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
