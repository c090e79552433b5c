//! Two texts → a unified diff, as `patch` and `git apply` read it.

use similar::TextDiff;

/// What changed in a file, with three lines around it; empty when nothing did.
#[must_use]
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let (old, new) = (format!("a/{name}"), format!("b/{name}"));
    diff.unified_diff().context_radius(3).header(&old, &new).to_string()
}
