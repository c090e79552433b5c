//! Texts as the protocol sees them: positions in UTF-16 units, and edits applied.

use serde_json::{Value, json};

/// Where a byte offset is, lines and columns from 0.
pub fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    json!({"line": line, "character": before[start..].encode_utf16().count()})
}

pub fn offset(text: &str, position: &Value) -> usize {
    let line = usize::try_from(position["line"].as_u64().unwrap()).unwrap();
    let column = usize::try_from(position["character"].as_u64().unwrap()).unwrap();
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    assert!(line <= text.matches('\n').count(), "{position} is outside of the text");
    let rest = text[start..].split('\n').next().unwrap();
    let mut units = 0;
    for (at, character) in rest.char_indices() {
        if units == column {
            return start + at;
        }
        units += character.len_utf16();
    }
    assert_eq!(units, column, "{position} is outside of its line, or inside of a character");
    start + rest.len()
}

/// The text of a range.
pub fn slice<'t>(text: &'t str, range: &Value) -> &'t str {
    &text[offset(text, &range["start"])..offset(text, &range["end"])]
}

/// Applies edits, which must not overlap.
pub fn edited(text: &str, edits: &[Value]) -> String {
    let mut ranges: Vec<(usize, usize, &str)> = edits
        .iter()
        .map(|edit| {
            let range = &edit["range"];
            (offset(text, &range["start"]), offset(text, &range["end"]), edit["newText"].as_str().unwrap())
        })
        .collect();
    ranges.sort_by_key(|(start, end, _)| (*start, *end));
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0), "edits overlap: {edits:?}");
    let mut out = text.to_owned();
    for (start, end, new) in ranges.into_iter().rev() {
        out.replace_range(start..end, new);
    }
    out
}

/// The lines that differ.
pub fn difference(old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    let mut out = String::new();
    for change in diff.iter_all_changes() {
        let mark = match change.tag() {
            similar::ChangeTag::Delete => '-',
            similar::ChangeTag::Insert => '+',
            similar::ChangeTag::Equal => continue,
        };
        out.push_str(&format!("{mark} {}\n", change.value().trim_end()));
    }
    out
}
