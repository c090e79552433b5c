//! What compiled rules mean, for people: a webhook in prose with its payload's type, who receives it and which tests try it; and a save,
//! with every webhook of its model and the conditions that held or did not. Each as text, JSON and Mermaid. Input: rules and what
//! scenarios came to; absent: reading files, running anything.

mod event;
mod payload;
mod save;
mod text;

pub use event::{Event, Receiver, Tried, event};
pub use payload::Member;
pub use save::{Answer, Decided, ExplainedSave, Sent, explain_saves};
pub use text::{event_mermaid, event_text, saves_mermaid, saves_text};

use serde::Serialize;

use crate::text::{SourceMap, Span};

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as messages show it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// The line itself, without the white space around it.
    pub source: String,
}

impl Place {
    /// The place of a span.
    #[must_use]
    pub fn of(sources: &SourceMap, span: Span) -> Self {
        let file = sources.file(span.file);
        let at = file.position(span.start);
        let line = file.line_range(at.line).and_then(|range| file.text.get(range)).unwrap_or_default();
        Self { file: file.name.clone(), line: at.line, column: at.column, source: line.trim().to_owned() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
