//! The files as they are now, when they make no program: what the inspector lays over its pages until they do.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::trigger::Report;
use crate::compile::Compilation;
use crate::config::LoadError;
use crate::diagnostics::Severity;
use crate::report::{Frame, Framed};

/// Findings that are shown with their lines: nobody reads further, and the text has all of them.
const MOST: usize = 20;

/// Why the files make no program.
#[derive(Debug)]
pub struct Rejection {
    /// Since when.
    pub at: Timestamp,
    /// In words, as the terminal has it.
    pub report: Report,
    /// The mistakes with their lines, the first ones.
    pub findings: Vec<Framed>,
    /// Mistakes that are not in `findings`.
    pub left_out: usize,
}

/// The rejection that stands, if the files make no program; shared by who reloads and who shows.
pub type Rejected = Arc<ArcSwapOption<Rejection>>;

/// Mistakes with their lines: the first ones, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub first: Vec<Framed>,
    pub left_out: usize,
}

/// The errors of a compilation.
pub(super) fn of_compilation(compilation: &Compilation) -> Findings {
    let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error);
    let first: Vec<Framed> = errors.take(MOST).map(|diagnostic| Framed::of(&compilation.sources, diagnostic)).collect();
    let left_out = compilation.diagnostics.count(Severity::Error).saturating_sub(first.len());
    Findings { first, left_out }
}

/// The mistakes of `webhookc.toml`.
pub(super) fn of_load(error: &LoadError) -> Findings {
    let LoadError::Mistakes { sources, mistakes, .. } = error else { return Findings::default() };
    let framed = mistakes.iter().take(MOST).map(|mistake| Framed {
        severity: Severity::Error,
        code: None,
        message: mistake.message.clone(),
        help: mistake.help.clone().into_iter().collect(),
        frame: Frame::around(sources, mistake.span),
    });
    Findings { first: framed.collect(), left_out: mistakes.len().saturating_sub(MOST) }
}
