//! What the store check says, as plain values.

use serde::Serialize;

/// Ids that a finding names; the count says how many there are.
pub const NAMED: usize = 5;

/// One kind of thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that found it, such as `blocked-for-nothing`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// How many rows, or files.
    pub count: u64,
    /// The first of them, at most [`NAMED`].
    pub ids: Vec<String>,
    /// What to do.
    pub help: &'static str,
    /// Whether [`repair`](crate::store::repair) puts it right.
    pub repairable: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A promise is broken, or will be.
    Error,
    /// It may have an innocent cause, or is a danger to come.
    Warning,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}
