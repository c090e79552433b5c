//! Comments of several lines: when the first moves sideways, the others follow.

/// The columns of a tab in the indentation of a comment.
const TAB: usize = 4;

/// The columns that the whitespace at the start of a line takes.
pub(super) fn columns(line: &str) -> usize {
    line.chars().take_while(|character| matches!(character, ' ' | '\t')).map(|character| if character == '\t' { TAB } else { 1 }).sum()
}

/// Writes a comment that stood at column `from` and now stands at `to`.
pub(super) fn shift(text: &str, from: usize, to: usize, line_end: &str, out: &mut String) {
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if index == 0 {
            out.push_str(line);
            continue;
        }
        out.push_str(line_end);
        let content = line.trim_start_matches([' ', '\t']);
        if !content.is_empty() {
            out.extend(std::iter::repeat_n(' ', (columns(line) + to).saturating_sub(from)));
            out.push_str(content);
        }
    }
}
