//! What the compiler has to say to the user, as a value: a code, a sentence, places in the source, help, and fixes. Every stage
//! collects these and goes on; nothing here is printed or coloured.

mod code;
mod page;
mod suggest;

pub use code::{Code, Severity};
pub use page::{Page, page};
pub use suggest::{list, one_of, suggestion};

use crate::text::{Span, Spanned};

/// One mistake, or one thing worth knowing, reported once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind it is; fixes name and page.
    pub code: Code,
    /// How bad it is: that of its code, unless the circumstances make it worse.
    pub severity: Severity,
    /// One sentence: lower case, no final stop, the user's text in backticks; what was seen and what was expected.
    pub message: String,
    /// The exact bytes that are wrong, and a short note on them (may be empty).
    pub primary: Spanned<String>,
    /// Other places that matter, also in other files, each with its note.
    pub related: Vec<Spanned<String>>,
    /// What to do about it, a sentence each.
    pub help: Vec<String>,
    /// Repairs.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// A diagnostic with a place and a message.
    #[must_use]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            primary: Spanned::new(String::new(), span),
            related: Vec::new(),
            help: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// Puts a note on the primary place.
    #[must_use]
    pub fn label(mut self, note: impl Into<String>) -> Self {
        self.primary.value = note.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, span: Span, note: impl Into<String>) -> Self {
        self.related.push(Spanned::new(note.into(), span));
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, advice: impl Into<String>) -> Self {
        self.help.push(advice.into());
        self
    }

    /// Adds advice if there is any.
    #[must_use]
    pub fn maybe_help(self, advice: Option<String>) -> Self {
        match advice {
            Some(advice) => self.help(advice),
            None => self,
        }
    }

    /// Adds a repair.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fixes.push(fix);
        self
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }
}

/// A repair: edits that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an instruction: "rename to `asset_photo`".
    pub title: String,
    /// Safe to apply unseen: it can only mean what the author meant.
    pub safe: bool,
    /// Replacements, not overlapping.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// A repair of one replacement.
    #[must_use]
    pub fn replace(title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        Self { title: title.into(), safe: false, edits: vec![Edit { span, text: text.into() }] }
    }

    /// Marks it as safe to apply unseen.
    #[must_use]
    pub fn safe(mut self) -> Self {
        self.safe = true;
        self
    }
}

/// One replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes to replace; empty to insert.
    pub span: Span,
    /// What to put there.
    pub text: String,
}

/// The most diagnostics that are kept, one MiB of `&` would bring a million: nobody reads further, and memory stays bounded.
pub const MOST: usize = 10_000;

/// What a run has found so far: up to [`MOST`] in full, of the rest how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    left_out: LeftOut,
}

/// How many were not kept, by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LeftOut {
    errors: usize,
    warnings: usize,
    infos: usize,
}

impl LeftOut {
    fn count(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Info => &mut self.infos,
        }
    }
}

impl Diagnostics {
    /// Adds one; behind the first [`MOST`] it is only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.found.len() < MOST {
            self.found.push(diagnostic);
        } else {
            *self.left_out.count(diagnostic.severity) += 1;
        }
    }

    /// Adds all of another.
    pub fn append(&mut self, other: Self) {
        let LeftOut { errors, warnings, infos } = other.left_out;
        self.left_out.errors += errors;
        self.left_out.warnings += warnings;
        self.left_out.infos += infos;
        other.found.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// How many were not kept.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out.errors + self.left_out.warnings + self.left_out.infos
    }

    /// Takes out those for which `which` says so, asked in the present order.
    pub fn remove(&mut self, which: impl FnMut(&mut Diagnostic) -> bool) -> Vec<Diagnostic> {
        self.found.extract_if(.., which).collect()
    }

    /// Whether any is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.left_out.errors > 0 || self.found.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
    }

    /// How many are of this severity, those that were not kept included.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let mut left_out = self.left_out;
        *left_out.count(severity) + self.found.iter().filter(|diagnostic| diagnostic.severity() == severity).count()
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, in the present order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.found.iter()
    }

    /// Puts them into reading order: by file, offset and code, and drops exact repetitions.
    pub fn sort(&mut self) {
        self.found.sort_by(|a, b| (a.primary.span, a.code, &a.message).cmp(&(b.primary.span, b.code, &b.message)));
        self.found.dedup();
    }

    /// Keeps at most so many, the first in the present order; the others are only counted from now on.
    pub fn keep(&mut self, most: usize) {
        for diagnostic in self.found.split_off(most.min(self.found.len())) {
            *self.left_out.count(diagnostic.severity) += 1;
        }
    }

    /// Whether any, kept or not, is at least so bad.
    #[must_use]
    pub fn reach(&self, least: Severity) -> bool {
        [Severity::Error, Severity::Warning, Severity::Info].into_iter().any(|severity| severity >= least && self.count(severity) > 0)
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
