//! The layout of a schema's text, as the edits that make it. That of a large text takes longer than an answer may, so it is made on the other
//! thread after each compilation of what is open, and kept until the next change.

use lsp_types::TextEdit;

use super::lines::{Encoding, Lines};
use super::wire::{Answer, json};
use crate::format::{Options, differences, format};
use crate::text::SourceMap;

/// The edits that lay a text out; null for one that is not well-formed, which stays as it is: its diagnostics say why.
pub(super) fn lay_out(text: &str, encoding: Encoding) -> Answer {
    let mut sources = SourceMap::default();
    let file = sources.add("schema.xml", text.as_bytes().to_vec());
    let Ok(laid_out) = format(file, sources.file(file), Options::default()) else { return json(()) };
    let lines = Lines::of(text);
    let edits = differences(text, &laid_out)
        .into_iter()
        .map(|difference| TextEdit { range: lines.range(text, difference.range, encoding), new_text: difference.text.to_owned() });
    json(edits.collect::<Vec<_>>())
}
