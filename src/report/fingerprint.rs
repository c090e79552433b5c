//! What names a finding across runs: code, file, underlined text and message, and which of several equal ones it is. It stays the same
//! wherever in the file the finding moves; no two findings of a run share one.

use std::collections::BTreeMap;

use crate::diagnostics::Diagnostic;
use crate::text::SourceMap;

/// The fingerprints of findings, in their order: 16 hexadecimal digits each.
pub(super) fn fingerprints<'a>(sources: &SourceMap, findings: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<String> {
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    let named = findings.into_iter().map(|finding| {
        let first = hash(sources, finding);
        let before = seen.entry(first).or_default();
        let own = if *before == 0 { first } else { add(first, &before.to_le_bytes()) };
        *before += 1;
        format!("{own:016x}")
    });
    named.collect()
}

fn hash(sources: &SourceMap, finding: &Diagnostic) -> u64 {
    let span = finding.primary.span;
    let parts = [finding.code.as_str(), &sources.file(span.file).name, sources.slice(span), &finding.message];
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| add(add(hash, part.as_bytes()), &[0]))
}

/// FNV-1a: short, and the same on every machine and in every version.
fn add(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
