//! The endpoints that tenants make by API, as documents: JSON in, a checked [`Definition`] or every mistake with its place out; and back to
//! JSON, as the store keeps it. Whatever an API calls its fields, they are read here, by the same rules. Absent: templates, which are
//! compiled in `check`; the store; secrets.

mod definition;
mod document;
mod draft;
mod failure;
mod hidden;
mod interest;
mod names;
mod patch;
mod strict;

pub use definition::{AlertTo, Definition, Dialect, Handling, Profile, RetryPlan};
pub use document::{Field, Mistake, Object, Style, document};
pub use draft::{Draft, Read};
pub use failure::{CONNECTION, FailureRules};
pub use hidden::{HIDDEN, is_hidden};
pub use names::{MAX_NAME, is_path};
pub use patch::Patch;
