//! Templates: text → a small typed tree of our own, checked against the data model, and rendered. The only user of minijinja, whose
//! parser reads the text; what runs is the tree that was checked, so nothing untyped can run. Absent: time, files, secrets' values.

mod data;
mod rendered;

pub use data::{Data, Embedded, Snapshot};
pub use rendered::{Part, RenderError, Rendered, RenderedText};

use crate::diagnostics::Diagnostics;
use crate::program::{Program, RequestSource, Settings, TemplateSource, Webhook};

/// What a template of one webhook may refer to.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The data model.
    pub program: &'a Program,
    /// The webhook whose conditions are known to hold.
    pub webhook: &'a Webhook,
    /// Variables and secrets.
    pub settings: &'a Settings,
}

/// A typed boolean expression: the compiled `when`.
#[derive(Debug)]
pub struct Predicate {}

impl Predicate {
    /// Compiles and types; `None` when there is an error, which has been reported.
    pub fn compile(_source: &TemplateSource, _scope: Scope<'_>, _out: &mut Diagnostics) -> Option<Self> {
        None
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// When evaluation fails; a checked predicate fails only for what the checker warned of.
    pub fn holds(&self, _data: &Data<'_>) -> Result<bool, RenderError> {
        Ok(true)
    }
}

/// A typed request: URL, method, headers and, unless the default body is sent, the body.
#[derive(Debug)]
pub struct Request {}

impl Request {
    /// Compiles and types all templates of a request for one webhook; `None` when there is an error, which has been reported.
    pub fn compile(_source: &RequestSource, _scope: Scope<'_>, _out: &mut Diagnostics) -> Option<Self> {
        None
    }

    /// Renders it. Secrets stay placeholders.
    ///
    /// # Errors
    /// When an expression fails or an output is refused (an empty URL segment, a size limit): the delivery fails for good.
    pub fn render(&self, _data: &Data<'_>) -> Result<Rendered, RenderError> {
        Err(RenderError { what: String::new(), span: None })
    }
}
