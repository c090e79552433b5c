//! XML as of `JUnit`: a suite a file, a failed case an error or warning, and for a file without either one case that passed, so that every
//! file that was read shows up. Notes are the output of a passed case. Absent: time stamps and durations; a report has none.

use std::fmt::Write as _;

use super::left_out;
use crate::compile::Compilation;
use crate::diagnostics::{Diagnostic, Severity};
use crate::ids::FileId;
use crate::text::SourceMap;

pub(super) fn render(compilation: &Compilation) -> String {
    let Compilation { sources, diagnostics, .. } = compilation;
    let mut failures = diagnostics.iter().filter(|found| is_failure(found)).count();
    let mut suites = String::new();
    let mut tests = 0;
    let mut rest = diagnostics.iter().peekable();
    // The findings are in the order of the files.
    for (id, file) in sources.iter() {
        let mut cases = Vec::new();
        while let Some(found) = rest.next_if(|found| found.primary.span.file == id) {
            cases.push(found);
        }
        tests += suite(&mut suites, sources, (id, &file.name), &cases);
    }
    if let Some(sentence) = left_out(diagnostics) {
        // As a failure of its own: a report in which some are missing must not look as if those were all.
        suites.push_str("  <testsuite name=\"webhookc\" tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\">\n");
        suites.push_str("    <testcase name=\"all findings are shown\" classname=\"webhookc\">\n");
        let _ = writeln!(suites, "      <failure message=\"{sentence}\" type=\"warning\"/>");
        suites.push_str("    </testcase>\n  </testsuite>\n");
        (tests, failures) = (tests + 1, failures + 1);
    }
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    format!("{head}<testsuites name=\"webhookc\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n{suites}</testsuites>\n")
}

/// Writes a file's suite, and says how many cases it has.
fn suite(out: &mut String, sources: &SourceMap, (id, name): (FileId, &str), found: &[&Diagnostic]) -> usize {
    let failures = found.iter().filter(|found| is_failure(found)).count();
    let tests = found.len().max(1);
    let name = escaped(name);
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">");
    if found.is_empty() {
        let _ = writeln!(out, "    <testcase name=\"check\" classname=\"{name}\"/>");
    }
    for finding in found {
        let place = sources.file(id).position(finding.primary.span.start);
        let title = format!("{} {} {}:{}", finding.code.as_str(), finding.code.name(), place.line, place.column);
        let mut text = format!("{}:{}:{}", sources.file(id).name, place.line, place.column);
        for help in &finding.help {
            let _ = write!(text, "\nhelp: {help}");
        }
        let _ = writeln!(out, "    <testcase name=\"{}\" classname=\"{name}\">", escaped(&title));
        let (message, severity) = (escaped(&finding.message), finding.severity().as_str());
        if is_failure(finding) {
            let _ = writeln!(out, "      <failure message=\"{message}\" type=\"{severity}\">{}</failure>", escaped(&text));
        } else {
            let _ = writeln!(out, "      <system-out>{message}\n{}</system-out>", escaped(&text));
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
    tests
}

fn is_failure(finding: &Diagnostic) -> bool {
    finding.severity() >= Severity::Warning
}

/// Text in an attribute or an element; what XML cannot hold at all becomes the replacement character.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}
