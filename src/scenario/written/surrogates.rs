//! JSON writes a character above U+FFFF as two escapes, `\ud83d\ude00`; YAML knows `\U0001f600` instead. So that JSON can stand in a test
//! as it is, pairs are rewritten before the text is parsed, and positions in the result are led back to the file.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters of a pair, and of what replaces it.
const PAIR: usize = 12;
const ONE: usize = 10;

/// Text without surrogate pairs, and where they stood.
pub(super) struct Rewritten<'t> {
    pub text: Cow<'t, str>,
    /// Indexes of replacements in `text`, in characters, ascending.
    replaced: Vec<usize>,
}

impl<'t> Rewritten<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut out = String::new();
        let mut replaced = Vec::new();
        let mut characters = 0;
        let mut rest = text;
        while let Some(at) = rest.find("\\u") {
            let (before, from) = rest.split_at(at);
            // An even number of backslashes before it: it is an escape, and not an escaped backslash with a `u` behind it.
            let escaped = before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
            let taken = if let Some(character) = pair(from).filter(|_| !escaped) {
                out.push_str(before);
                characters += before.chars().count();
                replaced.push(characters);
                let _ = write!(out, "\\U{:08x}", u32::from(character));
                characters += ONE;
                at + PAIR
            } else {
                let end = at + 2;
                out.push_str(rest.get(..end).unwrap_or_default());
                characters += before.chars().count() + 2;
                end
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        if replaced.is_empty() {
            return Self { text: Cow::Borrowed(text), replaced };
        }
        out.push_str(rest);
        Self { text: Cow::Owned(out), replaced }
    }

    /// The index in the file's text of an index in the rewritten text, both in characters.
    pub(super) fn original(&self, index: usize) -> usize {
        index + self.replaced.partition_point(|&at| at < index) * (PAIR - ONE)
    }

    /// Text that was not in double quotes, where an escape is no escape, as it stands in the file.
    pub(super) fn restored(&self, text: &str) -> Option<String> {
        if self.replaced.is_empty() || !text.contains("\\U") {
            return None;
        }
        let mut parts = text.split("\\U");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.get(..8).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let character = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
            if let Some(character) = character.filter(|character| u32::from(*character) > 0xffff) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
                out.push_str(part.get(8..).unwrap_or_default());
            } else {
                out.push_str("\\U");
                out.push_str(part);
            }
        }
        Some(out)
    }
}

/// The character that two escapes at the start of the text make together.
fn pair(text: &str) -> Option<char> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    char::decode_utf16([unit(0)?, unit(6)?]).next()?.ok().filter(|character| u32::from(*character) > 0xffff)
}
