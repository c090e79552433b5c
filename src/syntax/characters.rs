//! Characters that XML does not allow anywhere: control characters other than tab, line feed and carriage return, U+FFFE and U+FFFF.

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix};
use crate::ids::FileId;
use crate::text::Span;

/// Reports each run of forbidden characters once.
pub(super) fn check(file: FileId, text: &str, out: &mut Diagnostics) {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|&byte| is_control(byte)) && memchr::memchr(0xef, bytes).is_none() {
        return;
    }
    let mut run: Option<(usize, usize, char)> = None;
    for (at, character) in text.char_indices().filter(|&(_, character)| is_forbidden(character)) {
        let end = at + character.len_utf8();
        run = match run {
            Some((start, to, first)) if to == at => Some((start, end, first)),
            Some(ended) => {
                report(file, ended, out);
                Some((at, end, character))
            }
            None => Some((at, end, character)),
        };
    }
    if let Some(ended) = run {
        report(file, ended, out);
    }
}

/// Whether a character may not stand in XML, not even as a reference.
pub(super) fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn report(file: FileId, (start, end, first): (usize, usize, char), out: &mut Diagnostics) {
    let span = Span::new(file, start, end);
    let message = format!("the character U+{:04X} may not stand in XML", u32::from(first));
    out.push(Diagnostic::new(Code::ControlCharacter, span, message).fix(Fix::replace("remove it", span, "")));
}
