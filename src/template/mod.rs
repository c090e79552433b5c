//! Templates: text → a small typed tree of our own, checked against the data model, and rendered. The only user of minijinja, whose
//! parser reads the text; what runs is the tree that was checked, so nothing untyped can run. Absent: time, files, secrets' values.
//!
//! `parse` (with `mend` after a mistake) and `lower` make the tree as it is `written`; `typing` resolves and checks it into the `tree`
//! that `evaluate` runs; `target`, `url`, `header` and `body` decide what is safe where, and `request` holds them together.

mod branches;
mod data;
mod rendered;

mod never;
mod predicate;
mod request;

mod body;
mod discreet;
mod header;
mod json;
mod structure;
mod subject;
mod target;
mod url;

mod limits;
mod lower;
mod mend;
mod parse;
mod written;

mod facts;
mod signatures;
mod tree;
mod ty;
mod typing;
mod uses;

pub mod offer;

mod evaluate;
mod filters;
mod strftime;
mod value;
mod write;

#[cfg(test)]
mod tests;

pub use branches::{Branch, BranchKind, Watch};
pub use data::{Data, Embedded, Snapshot};
pub use discreet::{OF_A_URL, UrlCredential, url_credentials, without_credentials};
pub use header::holds_credentials;
pub use never::{Against, Never};
pub use predicate::{Predicate, Promises};
pub use rendered::{Concealed, Part, RenderError, Rendered, RenderedText};
pub use request::Request;
pub use signatures::{FILTERS, FUNCTIONS, Filter, Signature, TESTS, Test};
pub use uses::{Named, Tool, Use, Uses};

use crate::program::{Program, Settings, Webhook};

/// What a template of one webhook may refer to.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The data model.
    pub program: &'a Program,
    /// The webhook whose conditions are known to hold.
    pub webhook: &'a Webhook,
    /// Variables and secrets.
    pub settings: &'a Settings,
    /// What is known of the webhook's `when`.
    pub when: When<'a>,
    /// Where the names that are resolved are noted, if anywhere.
    pub uses: Option<&'a Uses>,
}

/// What a template may take for granted of its webhook's `when`.
#[derive(Clone, Copy, Debug)]
pub enum When<'a> {
    /// There is none, or it is this very template.
    Absent,
    /// It was true, and what else was asked, or nothing would be rendered.
    True(&'a Promises),
    /// It is there and could not be compiled, so nobody knows what it makes certain.
    Unreadable,
}

impl Scope<'_> {
    /// Whether something that the webhook lists could not be resolved: then it may have been meant to embed, or to require, more.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.program.webhook_named(&self.webhook.name).is_some_and(|webhook| self.program.is_incomplete(webhook))
    }
}
