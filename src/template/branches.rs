//! The places where a template can go two ways, and which ways it went while somebody watched: for the coverage of tests. Rendering
//! without a watcher notes nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::structure::Structure;
use super::tree::{Expr, ExprKind, Node};
use crate::text::Span;

/// A place where a template can go two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Branch {
    /// The condition, or the list of a loop.
    pub span: Span,
    /// What decides.
    pub kind: BranchKind,
}

/// What decides which way a template goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BranchKind {
    /// A condition: `if`, `elif`, an inline `if`, `$if`. True is one way, false the other.
    Condition,
    /// A loop, `for` or `$for`: one way is that there are items, the other that there are none.
    Loop,
    /// The filter of a loop: items that pass are one way, items that do not the other.
    Filter,
}

/// Which ways were gone, how often.
#[derive(Debug, Default)]
pub struct Watch(RefCell<BTreeMap<(Span, bool), u64>>);

impl Watch {
    pub(super) fn note(&self, span: Span, way: bool) {
        *self.0.borrow_mut().entry((span, way)).or_default() += 1;
    }

    /// How often a branch went this way.
    #[must_use]
    pub fn count(&self, span: Span, way: bool) -> u64 {
        self.0.borrow().get(&(span, way)).copied().unwrap_or_default()
    }
}

/// The branches of a text template.
pub(super) fn of_nodes(nodes: &[Node], out: &mut Vec<Branch>) {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Print(expr) => of_expr(expr, out),
            Node::If(choice) => {
                add(&choice.condition, BranchKind::Condition, out);
                of_nodes(&choice.then, out);
                of_nodes(&choice.otherwise, out);
            }
            Node::For(repeated) => {
                of_loop(&repeated.list, repeated.filter.as_ref(), out);
                of_nodes(&repeated.body, out);
                of_nodes(&repeated.otherwise, out);
            }
        }
    }
}

/// The branches of a structural body.
pub(super) fn of_structure(structure: &Structure, out: &mut Vec<Branch>) {
    match structure {
        Structure::Literal(_) => {}
        Structure::Value(expr) => of_expr(expr, out),
        Structure::String(nodes) => of_nodes(nodes, out),
        Structure::Array(items) => items.iter().for_each(|item| of_structure(item, out)),
        Structure::Object(entries) => entries.iter().for_each(|entry| of_structure(&entry.value, out)),
        Structure::Repeat(repeat) => {
            of_loop(&repeat.list, repeat.filter.as_ref(), out);
            of_structure(&repeat.each, out);
        }
        Structure::Choose { condition, then, otherwise } => {
            add(condition, BranchKind::Condition, out);
            of_structure(then, out);
            if let Some(otherwise) = otherwise {
                of_structure(otherwise, out);
            }
        }
    }
}

/// The branches of an expression: its inline conditions.
pub(super) fn of_expr(expr: &Expr, out: &mut Vec<Branch>) {
    if let ExprKind::Choose { condition, .. } = &expr.kind {
        out.push(Branch { span: condition.span, kind: BranchKind::Condition });
    }
    expr.each_operand(&mut |operand| of_expr(operand, out));
}

fn of_loop(list: &Expr, filter: Option<&Expr>, out: &mut Vec<Branch>) {
    add(list, BranchKind::Loop, out);
    if let Some(filter) = filter {
        add(filter, BranchKind::Filter, out);
    }
}

fn add(expr: &Expr, kind: BranchKind, out: &mut Vec<Branch>) {
    out.push(Branch { span: expr.span, kind });
    of_expr(expr, out);
}
