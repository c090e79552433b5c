//! One line a finding, as editors and `grep` like them: `file:line:col: error[WH0203]: message`. No help, no source.

use std::fmt::Write as _;

use super::Style;
use super::harmless::harmless;
use crate::diagnostics::{Diagnostics, Severity};
use crate::text::SourceMap;

pub(super) fn render(sources: &SourceMap, diagnostics: &Diagnostics, style: Style) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let span = diagnostic.primary.span;
        let file = sources.file(span.file);
        let place = file.position(span.start);
        let severity = diagnostic.severity();
        let (on, off) = if style.color { (color_of(severity), "\x1b[0m") } else { ("", "") };
        let kind = format_args!("{on}{}[{}]{off}", severity.as_str(), diagnostic.code.as_str());
        let (name, message) = (harmless(&file.name), harmless(&diagnostic.message));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name}:{}:{}: {kind}: {message}", place.line, place.column);
    }
    out
}

fn color_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "\x1b[1;31m",
        Severity::Warning => "\x1b[1;33m",
        Severity::Info => "\x1b[1;36m",
    }
}
