//! Diagnostics of a compilation → those of the protocol, by file: with code, page, related places, tags.

use std::collections::BTreeMap;

use lsp_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, NumberOrString, Position,
    PublishDiagnosticsParams, Range, Url,
};

use super::pages::page_url;
use super::snapshot::Snapshot;
use super::world::{World, location};
use crate::diagnostics::{self, Code, Severity};

/// Who says it.
const SOURCE: &str = "webhookc";

/// The findings of a project, by file; files without any are left out.
pub(super) fn by_file(world: &World, snapshot: &Snapshot) -> BTreeMap<Url, PublishDiagnosticsParams> {
    let mut found: BTreeMap<Url, PublishDiagnosticsParams> = BTreeMap::new();
    let mut push = |url: Url, diagnostic: Diagnostic| {
        let version = world.document(&url).map(|document| document.version);
        let entry = found.entry(url.clone()).or_insert_with(|| PublishDiagnosticsParams::new(url, Vec::new(), version));
        entry.diagnostics.push(diagnostic);
    };
    let has_project_file = snapshot.good_config.is_some() || !snapshot.mistakes.is_empty();
    for finding in &snapshot.diagnostics {
        // Without a project file every XML file of the folder is read as a schema; what is none there is somebody else's.
        let file = snapshot.sources.file(finding.primary.span.file);
        if !has_project_file && snapshot.is_schema(finding.primary.span.file) && is_foreign(&file.text) {
            continue;
        }
        if let Some((url, diagnostic)) = converted(world, snapshot, finding) {
            push(url, diagnostic);
        }
    }
    for mistake in &snapshot.mistakes {
        let Some(place) = location(world, snapshot, mistake.span) else { continue };
        let help = mistake.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        push(place.uri, plain(place.range, format!("{}{help}", mistake.message)));
    }
    if let Some(failure) = &snapshot.failure
        && let Some(document) =
            world.documents.values().find(|document| world.home(&document.path) == Some(&snapshot.home) && !is_foreign(&document.text))
    {
        push(document.url.clone(), plain(Range::new(Position::new(0, 0), Position::new(0, 0)), failure.clone()));
    }
    found
}

/// Whether a text is XML of another kind.
fn is_foreign(text: &str) -> bool {
    text.contains('<') && !crate::schema::is_schema(text)
}

fn plain(range: Range, message: String) -> Diagnostic {
    Diagnostic { range, severity: Some(DiagnosticSeverity::ERROR), source: Some(SOURCE.to_owned()), message, ..Diagnostic::default() }
}

/// One finding; `None` when its place was touched since.
pub(super) fn converted(world: &World, snapshot: &Snapshot, finding: &diagnostics::Diagnostic) -> Option<(Url, Diagnostic)> {
    let place = location(world, snapshot, finding.primary.span)?;
    let related = finding.related.iter().filter_map(|related| {
        let location = location(world, snapshot, related.span)?;
        Some(DiagnosticRelatedInformation { location, message: related.value.clone() })
    });
    let related: Vec<_> = related.collect();
    let mut message = finding.message.clone();
    for help in &finding.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let diagnostic = Diagnostic {
        range: place.range,
        severity: Some(match finding.severity() {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(finding.code.as_str().to_owned())),
        code_description: page_url(finding.code).map(|href| CodeDescription { href }),
        source: Some(SOURCE.to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: tag(finding.code).map(|tag| vec![tag]),
        data: None,
    };
    Some((place.uri, diagnostic))
}

/// What an editor draws paler or struck out.
fn tag(code: Code) -> Option<DiagnosticTag> {
    if code == Code::DeprecatedAttribute {
        return Some(DiagnosticTag::DEPRECATED);
    }
    let unnecessary = [Code::StateOnPlainField, Code::EmbedOnPlainField, Code::UnusedSuppression];
    unnecessary.contains(&code).then_some(DiagnosticTag::UNNECESSARY)
}
