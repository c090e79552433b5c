//! The compiled `when` of a webhook.

use super::branches::{self, Branch};
use super::evaluate::Frame;
use super::facts::Facts;
use super::rendered::RenderError;
use super::tree::Expr;
use super::typing::{Context, Typing};
use super::value::Value;
use super::{Data, Scope, parse};
use crate::diagnostics::Diagnostics;
use crate::program::TemplateSource;

/// A typed boolean expression: the compiled `when`.
#[derive(Debug)]
pub struct Predicate {
    pub(super) expr: Expr,
    /// What is certain when it is true.
    promises: Promises,
}

/// What is certain because something was true.
#[derive(Clone, Debug, Default)]
pub struct Promises(Facts);

impl Promises {
    /// What is certain when this and the other were true.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        Self(self.0.both(&other.0))
    }

    /// What is certain when one of the two was.
    #[must_use]
    pub fn either(&self, other: &Self) -> Self {
        Self(self.0.either(&other.0))
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.0
    }
}

impl Predicate {
    /// Compiles and types; `None` when there is an error, which has been reported.
    pub fn compile(source: &TemplateSource, scope: Scope<'_>, out: &mut Diagnostics) -> Option<Self> {
        let written = parse::expression(source, out)?;
        let mut typing = Typing::new(source, Context::When, scope, out);
        let (expr, promises) = typing.when(&written);
        (!typing.failed()).then_some(Self { expr, promises: Promises(promises) })
    }

    /// Where it can go two ways.
    #[must_use]
    pub fn branches(&self) -> Vec<Branch> {
        let mut found = Vec::new();
        branches::of_expr(&self.expr, &mut found);
        found
    }

    /// What is certain when it is true.
    #[must_use]
    pub fn promises(&self) -> &Promises {
        &self.promises
    }

    /// Whether it is true; null is not.
    ///
    /// # Errors
    /// When evaluation fails; a checked predicate fails only for what the checker warned of.
    pub fn holds(&self, data: &Data<'_>) -> Result<bool, RenderError> {
        let value = Frame::new(*data).evaluate(&self.expr)?;
        if let Value::Boolean(boolean) = value {
            return Ok(boolean);
        }
        if value.is_missing() {
            return Ok(false);
        }
        let what = format!("the value is {}, `when` expects true or false", value.describe());
        Err(RenderError { what, span: Some(self.expr.span) })
    }
}
