//! Text that somebody wrote, without what a terminal or reviewer would obey instead of show: control characters, which move the cursor
//! and change colours, and those of Unicode that turn the direction of what follows ("Trojan Source", CVE-2021-42574).

use std::borrow::Cow;

/// What is shown in the place of a character.
const REPLACEMENT: char = '\u{fffd}';

/// Text as one line: line breaks and tabs become spaces, what would be obeyed the replacement character.
#[must_use]
pub fn harmless(text: &str) -> String {
    let shown = |character| match character {
        '\n' | '\r' | '\t' => ' ',
        character if is_obeyed(character) => REPLACEMENT,
        character => character,
    };
    text.chars().map(shown).collect()
}

/// The same, line by line.
#[must_use]
pub fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

/// The text of a file, each byte of it in its place, so that places remain true. Lines and tabs stay.
pub(super) fn harmless_source(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((at, character)) = rest.char_indices().find(|(at, character)| {
        let ends_line = *character == '\r' && rest.as_bytes().get(at + 1) == Some(&b'\n');
        !matches!(character, '\n' | '\t') && !ends_line && is_obeyed(*character)
    }) {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        if character.len_utf8() == REPLACEMENT.len_utf8() {
            out.push(REPLACEMENT);
        } else {
            out.extend(std::iter::repeat_n('?', character.len_utf8()));
        }
        rest = behind.get(character.len_utf8()..).unwrap_or("");
    }
    if out.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out + rest) }
}

fn is_obeyed(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_obey() {
        assert_eq!(harmless("a\x1b[2J\r\nb\u{9b}\u{202e}é"), "a\u{fffd}[2J  b\u{fffd}\u{fffd}é");
        let source = "a\x1b\tb\r\nc\rd\u{85}\u{2066}é\u{0}";
        let shown = harmless_source(source);
        assert_eq!(shown, "a?\tb\r\nc?d??\u{fffd}é?");
        assert_eq!(shown.len(), source.len());
        assert!(matches!(harmless_source("plain\r\n"), Cow::Borrowed(_)));
    }
}
