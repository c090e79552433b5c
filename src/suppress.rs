//! Comments such as `<!-- webhookc-ignore WH0314: counted on the other side -->` take findings out of the element behind them; in a
//! template file it is `{# webhookc-ignore WH0407: it is always filled in #}`, before an expression or block. Input: the tree of a schema
//! or the text of a template, later all findings; output: what is suppressed, and findings about comments that suppress nothing or give no
//! reason.
//!
//! An error cannot be suppressed (2026-11-20): what has one cannot run, so `check` would be content with what `serve` refuses. The
//! comment is reported then, and the error stays.

mod template;

pub use template::place_of_comment;

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity, suggestion};
use crate::ids::FileId;
use crate::syntax::Tree;
use crate::text::Span;

/// What a comment has to begin with.
const MARK: &str = "webhookc-ignore";

/// A finding that the source suppresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// The finding.
    pub diagnostic: Diagnostic,
    /// Why it may stay, in the words of the comment.
    pub reason: String,
}

/// One code of one comment.
#[derive(Debug)]
pub struct Suppression {
    code: Code,
    /// Where the code stands in the comment.
    place: Span,
    /// The element, expression or block that it is about.
    element: Span,
    form: Form,
    reason: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unused,
    Used,
    /// It met an error.
    Refused,
}

/// How a comment is written, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Xml,
    Template,
}

impl Form {
    /// What a comment begins and ends with, and what may stand between that and its text.
    fn marks(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Xml => ("<!--", "-->", ""),
            Self::Template => ("{#", "#}", "-+"),
        }
    }

    /// What a comment is about, behind it.
    fn target(self) -> &'static str {
        match self {
            Self::Xml => "element",
            Self::Template => "expression or block",
        }
    }
}

/// Reads the comments of a schema.
#[must_use]
pub fn read(tree: &Tree<'_>, out: &mut Diagnostics) -> Vec<Suppression> {
    let mut found = Vec::new();
    for (comment, span, element) in tree.comments_before_elements() {
        read_comment(Form::Xml, comment, span, element, &mut found, out);
    }
    found
}

/// Reads the comments of a template file.
#[must_use]
pub fn read_template(file: FileId, text: &str, out: &mut Diagnostics) -> Vec<Suppression> {
    let mut found = Vec::new();
    if !text.contains(MARK) {
        return found;
    }
    let span = |range: std::ops::Range<usize>| Span::new(file, range.start, range.end);
    for (comment, behind) in template::comments(text) {
        let written = text.get(comment.clone()).unwrap_or("");
        read_comment(Form::Template, written, span(comment), behind.map(span), &mut found, out);
    }
    found
}

fn read_comment(form: Form, comment: &str, span: Span, element: Option<Span>, found: &mut Vec<Suppression>, out: &mut Diagnostics) {
    let (begin, end, may_follow) = form.marks();
    let follows = |character: char| may_follow.contains(character);
    let inner = comment.strip_prefix(begin).unwrap_or(comment);
    let inner = inner.strip_suffix(end).unwrap_or(inner);
    let inner = inner.strip_prefix(follows).unwrap_or(inner);
    let inner = inner.strip_suffix(follows).unwrap_or(inner);
    let Some(rest) = inner.trim_ascii_start().strip_prefix(MARK) else { return };
    if !rest.is_empty() && !rest.starts_with(|character: char| character.is_ascii_whitespace() || character == ':') {
        return;
    }
    let (codes, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let reason = reason.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    // Only whitespace stands before the mark, so its first occurrence is it.
    let mut at = span.start as usize + comment.find(MARK).unwrap_or(0) + MARK.len();
    if reason.is_empty() {
        let message = "the suppression gives no reason, expected one behind a colon";
        let help = format!("write `{begin} {MARK} {}: why it may stay {end}`", codes.trim());
        out.push(Diagnostic::new(Code::SuppressionWithoutReason, span, message).help(help));
    }
    let Some(element) = element else {
        // In a file that cannot be read as it stands, the element may be what is broken.
        if !out.has_errors() {
            out.push(unused(span, format!("the suppression stands before no {}", form.target())));
        }
        return;
    };
    if codes.trim().is_empty() {
        out.push(unused(span, "the suppression names no code, expected one such as `WH0314`".to_owned()));
    }
    for written in codes.split(',') {
        let name = written.trim();
        let from = at + (written.len() - written.trim_start().len());
        let place = Span::new(span.file, from, from + name.len());
        at += written.len() + 1;
        match Code::find(name) {
            Some(code) => found.push(Suppression { code, place, element, form, reason: reason.clone(), state: State::Unused }),
            None if name.is_empty() => {}
            None => out.push(unknown(name, place)),
        }
    }
}

/// Takes what is suppressed out of the findings. `suppressions` of all files, in the order of the files and places.
#[must_use]
pub fn apply(mut suppressions: Vec<Suppression>, diagnostics: &mut Diagnostics) -> Vec<Suppressed> {
    diagnostics.sort();
    if suppressions.is_empty() {
        return Vec::new();
    }
    suppressions.sort_by_key(|suppression| (suppression.element.file, suppression.element.start));
    // Elements nest, so those around a place are a stack: one sweep over both lists.
    let mut open: Vec<usize> = Vec::new();
    let mut next = 0;
    let mut reasons = Vec::new();
    let findings = diagnostics.remove(|finding| {
        let at = finding.primary.span;
        while let Some(suppression) =
            suppressions.get(next).filter(|other| (other.element.file, other.element.start) <= (at.file, at.start))
        {
            close(&mut open, &suppressions, suppression.element);
            open.push(next);
            next += 1;
        }
        close(&mut open, &suppressions, at);
        let innermost = open
            .iter()
            .rev()
            .find(|index| suppressions.get(**index).is_some_and(|other| other.code == finding.code && at.end <= other.element.end));
        let Some(suppression) = innermost.and_then(|index| suppressions.get_mut(*index)) else {
            return false;
        };
        if finding.severity() == Severity::Error {
            suppression.state = State::Refused;
            return false;
        }
        suppression.state = State::Used;
        reasons.push(suppression.reason.clone());
        true
    });
    // Among errors, a finding may be missing because of one of them.
    let complete = !diagnostics.has_errors();
    for Suppression { code, place, form, state, .. } in suppressions {
        let code = code.as_str();
        match state {
            State::Unused if complete => {
                let target = form.target();
                diagnostics.push(unused(place, format!("`{code}` is not found in the {target} behind the suppression")));
            }
            State::Used | State::Unused => {}
            State::Refused => {
                diagnostics.push(unused(place, format!("`{code}` is an error here, and errors cannot be suppressed")));
            }
        }
    }
    diagnostics.sort();
    findings.into_iter().zip(reasons).map(|(diagnostic, reason)| Suppressed { diagnostic, reason }).collect()
}

/// Drops the elements that end before `at` begins.
fn close(open: &mut Vec<usize>, suppressions: &[Suppression], at: Span) {
    let is_over =
        |index: &usize| suppressions.get(*index).is_none_or(|other| other.element.file != at.file || other.element.end <= at.start);
    while open.last().is_some_and(is_over) {
        open.pop();
    }
}

fn unused(place: Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::UnusedSuppression, place, message).label("suppresses nothing")
}

fn unknown(name: &str, place: Span) -> Diagnostic {
    let diagnostic = unused(place, format!("`{name}` is not a code, expected one such as `WH0314`"));
    let near = suggestion(name, Code::ALL.iter().flat_map(|code| [code.as_str(), code.name()]));
    diagnostic.maybe_help(near.map(|near| format!("did you mean `{near}`?")))
}
