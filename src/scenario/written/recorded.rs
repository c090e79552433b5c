//! A recording of saves → steps: NDJSON, one item of `POST …/saves` a line, or a JSON list of them, or one alone.

use serde::de::IgnoredAny;

use super::file::Context;
use super::node::{Content, Node};
use super::step::{Action, Step, recorded};
use super::yaml::read_part;
use crate::check::{Rules, Valid};
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::ids::FileId;
use crate::text::{SourceFile, Span};

/// A save of a recording.
#[derive(Debug)]
pub struct Recorded {
    /// As a step that expects nothing.
    pub step: Step,
    /// The item, JSON on one line.
    pub json: String,
}

/// Reads a recording. What the data model refuses is reported and left out.
#[must_use]
pub fn read_recording(file: FileId, source: &SourceFile, rules: &Valid<Rules>, out: &mut Diagnostics) -> Vec<Recorded> {
    if let Some(at) = source.invalid_at {
        out.push(Diagnostic::new(Code::TestSyntax, Span::new(file, at, at), "the file is not UTF-8 from here on"));
        return Vec::new();
    }
    let mut nodes = Vec::new();
    let whole = serde_json::from_str::<IgnoredAny>(source.text.trim_start_matches('\u{feff}')).is_ok();
    let start = if source.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    if whole {
        match read_part(file, source, start..source.text.len(), out).ok().flatten() {
            Some(Node { content: Content::List(items), .. }) => nodes.extend(items),
            Some(node) => nodes.push(node),
            None => {}
        }
    } else {
        let mut from = start;
        for line in source.text.get(start..).unwrap_or_default().split_inclusive('\n') {
            nodes.extend(read_part(file, source, from..from + line.trim_end().len(), out).ok().flatten());
            from += line.len();
        }
    }
    if nodes.is_empty() && !out.has_errors() {
        let message = "the recording is empty, expected a save on each line";
        out.push(Diagnostic::new(Code::TestSyntax, Span::new(file, 0, 0), message));
    }
    let context = Context { rules };
    nodes.iter().filter_map(|node| Some(Recorded { step: recorded(node, context, out)?, json: on_one_line(node, source) })).collect()
}

/// The item as it stands in the file, if that is JSON on one line.
fn on_one_line(node: &Node, source: &SourceFile) -> String {
    let text = source.text.get(node.span.range()).unwrap_or_default();
    let verbatim = !text.contains('\n') && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if verbatim { text.to_owned() } else { node.to_json().to_string() }
}

impl Recorded {
    /// The save.
    #[must_use]
    pub fn save(&self) -> Option<&crate::engine::Save> {
        match &self.step.action {
            Action::Save(save) => Some(save),
            Action::Refused(_) | Action::Advance(_) => None,
        }
    }
}
