//! What holds for everything that the compiler makes, whatever it was given.

use webhookc::compile::{Compilation, Input, compile};
use webhookc::diagnostics::MOST;
use webhookc::report::{Format, Style, github_summary, lines, render, summary};
use webhookc::text::{SourceMap, Span};

/// Compiles, twice, and checks what holds for any input: the same comes out, findings are few and in order, each place is one, rules
/// are there unless there is an error, and every report can be written.
pub(super) fn compiled(input: impl Fn() -> Input) -> Compilation {
    let compilation = compile(input());
    let again = compile(input());
    let found = &compilation.diagnostics;
    assert!(*found == again.diagnostics && compilation.suppressed == again.suppressed, "the same input has other findings");
    assert!(found.len() <= MOST, "{} findings are kept", found.len());
    assert_eq!(compilation.rules.is_none(), found.has_errors(), "rules and errors: {found:?}");
    assert!(found.iter().is_sorted_by_key(|finding| finding.primary.span), "not in reading order: {found:?}");
    for finding in found.iter().chain(compilation.suppressed.iter().map(|suppressed| &suppressed.diagnostic)) {
        assert!(!finding.message.is_empty(), "a finding says nothing: {finding:?}");
        let related = finding.related.iter().map(|related| related.span);
        let edits = finding.fixes.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span);
        for span in related.chain(edits).chain([finding.primary.span]) {
            is_place(&compilation.sources, span);
        }
    }
    reports(&compilation);
    compilation
}

/// A span is in range, and on the boundaries of characters.
pub(super) fn is_place(sources: &SourceMap, span: Span) {
    let text = &sources.file(span.file).text;
    assert!(text.get(span.range()).is_some(), "{span:?} of {} bytes", text.len());
}

fn reports(compilation: &Compilation) {
    for style in [Style::PLAIN, Style { color: true, width: 40 }] {
        for format in [Format::Full, Format::Concise] {
            obeys_nothing(&render(compilation, format, style), style.color);
        }
    }
    obeys_nothing(&render(compilation, Format::Github, Style::PLAIN), false);
    obeys_nothing(&github_summary(compilation), false);
    obeys_nothing(&summary(compilation), false);
    let expected = compilation.diagnostics.len() + usize::from(compilation.diagnostics.left_out() > 0);
    assert_eq!(lines(&compilation.sources, &compilation.diagnostics).len(), expected, "a finding is one line");
    for format in [Format::Json, Format::Gitlab, Format::Sarif, Format::Rdjson] {
        let text = render(compilation, format, Style::PLAIN);
        let read = serde_json::from_str::<serde_json::Value>(&text);
        assert!(read.is_ok(), "{format:?} is no JSON: {read:?}");
    }
    for line in render(compilation, Format::Jsonl, Style::PLAIN).lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "a line of jsonl is no JSON: {line}");
    }
    well_formed(&render(compilation, Format::Junit, Style::PLAIN));
}

/// Nothing that the user wrote gets to a terminal as a command.
fn obeys_nothing(text: &str, color: bool) {
    let obeyed = text.chars().find(|character| character.is_control() && !matches!(character, '\n') && !(color && *character == '\u{1b}'));
    assert!(obeyed.is_none(), "{obeyed:?} reaches the terminal in {text:?}");
}

fn well_formed(xml: &str) {
    let mut sources = SourceMap::default();
    let file = sources.add("junit.xml", xml.as_bytes().to_vec());
    let mut found = webhookc::diagnostics::Diagnostics::default();
    let _tree = webhookc::syntax::parse(file, sources.file(file), &mut found);
    assert!(found.is_empty(), "junit is not well-formed: {found:?}\n{xml}");
}
