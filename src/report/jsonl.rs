//! JSON Lines: the findings of [`json`](super::json), one object a line. Absent: the summary, which a line-wise reader can count.

use super::json::findings;
use crate::compile::Compilation;

pub(super) fn render(compilation: &Compilation) -> String {
    let mut out = String::new();
    for finding in findings(compilation) {
        // Strings and numbers under string keys: there is nothing in it that JSON could refuse.
        out.push_str(&serde_json::to_string(&finding).unwrap_or_default());
        out.push('\n');
    }
    out
}
