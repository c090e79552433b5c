//! A template as it is written: names are still text, every part knows its bytes in the template. Output of the parser and input of
//! the typing; nothing here is resolved or allowed yet.

use std::ops::Range;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Statement<'s> {
    /// Literal text.
    Text(&'s str, Range<usize>),
    /// `{{ … }}`
    Print(Expression<'s>),
    /// `{% if … %}`; an `elif` is an `if` inside `otherwise`.
    If { condition: Expression<'s>, then: Vec<Statement<'s>>, otherwise: Vec<Statement<'s>> },
    /// `{% for … %}`
    For(Box<For<'s>>),
    /// A block that is not in the language.
    Foreign { keyword: &'s str, range: Range<usize> },
}

/// `{% for variable in list if filter %} body {% else %} otherwise {% endfor %}`
#[derive(Debug)]
pub(super) struct For<'s> {
    pub variable: Name<'s>,
    pub list: Expression<'s>,
    pub filter: Option<Expression<'s>>,
    pub body: Vec<Statement<'s>>,
    pub otherwise: Vec<Statement<'s>>,
}

/// A name and its place.
#[derive(Clone, Debug)]
pub(super) struct Name<'s> {
    pub text: &'s str,
    pub range: Range<usize>,
}

/// An expression and its place.
#[derive(Debug)]
pub(super) struct Expression<'s> {
    pub kind: Kind<'s>,
    pub range: Range<usize>,
}

/// What kind of expression it is.
#[derive(Debug)]
pub(super) enum Kind<'s> {
    Constant(Constant),
    Name(&'s str),
    Attribute(Box<Expression<'s>>, Name<'s>),
    Item(Box<Expression<'s>>, Box<Expression<'s>>),
    Not(Box<Expression<'s>>),
    Negate(Box<Expression<'s>>),
    Binary(Operator, Box<Expression<'s>>, Box<Expression<'s>>),
    Choose {
        condition: Box<Expression<'s>>,
        then: Box<Expression<'s>>,
        otherwise: Option<Box<Expression<'s>>>,
    },
    Filter {
        input: Box<Expression<'s>>,
        name: Name<'s>,
        arguments: Vec<Argument<'s>>,
    },
    Test {
        input: Box<Expression<'s>>,
        name: Name<'s>,
        arguments: Vec<Argument<'s>>,
    },
    Call {
        callee: Box<Expression<'s>>,
        arguments: Vec<Argument<'s>>,
    },
    List(Vec<Expression<'s>>),
    Map(Vec<(Expression<'s>, Expression<'s>)>),
    /// Something that the parser knows but the language has not: what it is, and what to write instead.
    Foreign(&'static str, &'static str),
}

/// An argument of a filter, test or function.
#[derive(Debug)]
pub(super) struct Argument<'s> {
    /// The keyword, when it is given by one.
    pub name: Option<Name<'s>>,
    pub value: Expression<'s>,
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Box<str>),
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    And,
    Or,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Concatenate,
}

impl Operator {
    /// As it is written.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::And => "and",
            Self::Or => "or",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Remainder => "%",
            Self::Concatenate => "~",
        }
    }
}
