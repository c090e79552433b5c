//! SARIF 2.1.0 (OASIS, `sarif-v2.1.0`), as code scanning services read it: every code as a rule with its page, every finding as a
//! result with fingerprint, related places and repairs, and what the source suppresses as a result with its reason.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::fingerprint::fingerprints;
use super::left_out;
use crate::compile::Compilation;
use crate::diagnostics::{Code, Diagnostic, Fix, Severity, page};
use crate::ids::FileId;
use crate::text::{SourceMap, Span, Spanned};

/// Bytes that stand in a URI as they are, besides letters and digits: RFC 3986, `unreserved`, and what separates folders.
const PLAIN: &[u8] = b"-._~/";

pub(super) fn render(compilation: &Compilation) -> String {
    let Compilation { sources, diagnostics, suppressed, .. } = compilation;
    let all = diagnostics.iter().map(|finding| (finding, None));
    let all = all.chain(suppressed.iter().map(|suppressed| (&suppressed.diagnostic, Some(suppressed.reason.as_str()))));
    let all: Vec<(&Diagnostic, Option<&str>)> = all.collect();
    let names = fingerprints(sources, all.iter().map(|(finding, _)| *finding));
    let results = all.into_iter().zip(names).map(|((finding, reason), name)| result(sources, finding, reason, &name));
    let notifications = left_out(diagnostics).into_iter().map(|text| json!({ "level": "warning", "message": { "text": text } }));
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "webhookc",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications.collect::<Vec<_>>() }],
            "results": results.collect::<Vec<_>>(),
        }],
    });
    format!("{log}\n")
}

fn rule(code: Code) -> Value {
    let text = page(code).map_or("", |page| page.text);
    // The first paragraph below the title says what it is.
    let what = text.split("\n\n").nth(1).unwrap_or_default().replace('\n', " ");
    let what = if what.is_empty() { code.name().to_owned() } else { what };
    json!({
        "id": code.as_str(),
        "name": code.name(),
        "shortDescription": { "text": what },
        "fullDescription": { "text": what },
        "help": { "text": text, "markdown": text },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

fn result(sources: &SourceMap, finding: &Diagnostic, reason: Option<&str>, fingerprint: &str) -> Value {
    let mut message = finding.message.clone();
    for help in &finding.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let mut result = json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == finding.code),
        "level": level(finding.severity()),
        "message": { "text": message },
        "locations": [location(sources, &finding.primary)],
        "partialFingerprints": { "webhookc/v1": fingerprint },
        // An empty list says that it is not suppressed; none at all would say that nobody looked.
        "suppressions": reason.map(|reason| json!({ "kind": "inSource", "justification": reason })).into_iter().collect::<Vec<_>>(),
    });
    if let Some(members) = result.as_object_mut() {
        if !finding.related.is_empty() {
            let related = finding.related.iter().enumerate().map(|(id, place)| {
                let mut related = location(sources, place);
                if let Some(members) = related.as_object_mut() {
                    members.insert("id".to_owned(), json!(id));
                }
                related
            });
            members.insert("relatedLocations".to_owned(), related.collect());
        }
        if !finding.fixes.is_empty() {
            members.insert("fixes".to_owned(), finding.fixes.iter().map(|fix| repair(sources, fix)).collect());
        }
    }
    result
}

fn repair(sources: &SourceMap, fix: &Fix) -> Value {
    let mut files: Vec<FileId> = fix.edits.iter().map(|edit| edit.span.file).collect();
    files.sort_unstable();
    files.dedup();
    let changes = files.into_iter().map(|file| {
        let edits = fix.edits.iter().filter(|edit| edit.span.file == file);
        let replacements =
            edits.map(|edit| json!({ "deletedRegion": region(sources, edit.span), "insertedContent": { "text": edit.text } }));
        json!({ "artifactLocation": artifact(sources, file), "replacements": replacements.collect::<Vec<_>>() })
    });
    json!({ "description": { "text": fix.title }, "artifactChanges": changes.collect::<Vec<_>>() })
}

fn location(sources: &SourceMap, place: &Spanned<String>) -> Value {
    let physical = json!({ "artifactLocation": artifact(sources, place.span.file), "region": region(sources, place.span) });
    if place.value.is_empty() {
        json!({ "physicalLocation": physical })
    } else {
        json!({ "physicalLocation": physical, "message": { "text": place.value } })
    }
}

fn region(sources: &SourceMap, span: Span) -> Value {
    let file = sources.file(span.file);
    let (start, end) = (file.position(span.start), file.position(span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
        "byteOffset": span.start,
        "byteLength": span.end.saturating_sub(span.start),
    })
}

/// The file as a URI: relative to the root of the repository, or `file:` with a host that is empty.
fn artifact(sources: &SourceMap, file: FileId) -> Value {
    let name = &sources.file(file).name;
    let mut uri = if name.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    json!({ "uri": uri })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}
