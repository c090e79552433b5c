//! References such as `&amp;` and `&#233;`, and the decoding of raw text into what it stands for: references replaced, line ends and
//! attribute whitespace normalized (XML 1.0, sections 2.11 and 3.3.3).

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::BytesRef;

use super::characters::is_forbidden;
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Fix, one_of, suggestion};
use crate::ids::FileId;
use crate::text::{SourceText, Span};

const PREDEFINED: [&str; 5] = ["amp", "lt", "gt", "quot", "apos"];

/// The longest reference that is looked at, in bytes without `&` and `;`: longer ones are a lone `&`.
const MAX_REFERENCE: usize = 32;

/// How raw text is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In an attribute: tabs and line ends become spaces.
    Attribute,
    /// Between tags: line ends become line feeds.
    Text,
}

/// What a raw text is as it is, or decoded when that differs.
pub(super) fn decode(raw: &str, place: Place) -> Cow<'_, str> {
    let special = |byte: &u8| matches!(byte, b'&' | b'\r') || place == Place::Attribute && matches!(byte, b'\n' | b'\t');
    if !raw.as_bytes().iter().any(special) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    each_piece(raw, place, &mut |piece, _| text.push_str(piece));
    Cow::Owned(text)
}

/// Calls `visit` with each decoded piece and the bytes of `raw` it stands for. A bad reference stands for itself.
pub(super) fn each_piece(raw: &str, place: Place, visit: &mut dyn FnMut(&str, Range<usize>)) {
    let special = |byte: u8| matches!(byte, b'&' | b'\r') || place == Place::Attribute && matches!(byte, b'\n' | b'\t');
    let bytes = raw.as_bytes();
    let mut plain = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if !special(byte) {
            at += 1;
            continue;
        }
        let mut buffer = [0; 4];
        let (end, decoded): (usize, &str) = match byte {
            b'&' => {
                let Ok((end, character)) = character(raw, at) else {
                    at += 1;
                    continue;
                };
                (end, character.encode_utf8(&mut buffer))
            }
            b'\r' => {
                let end = if bytes.get(at + 1) == Some(&b'\n') { at + 2 } else { at + 1 };
                (end, if place == Place::Attribute { " " } else { "\n" })
            }
            _ => (at + 1, " "),
        };
        if let Some(before) = raw.get(plain..at).filter(|before| !before.is_empty()) {
            visit(before, plain..at);
        }
        visit(decoded, at..end);
        at = end;
        plain = end;
    }
    if let Some(rest) = raw.get(plain..).filter(|rest| !rest.is_empty()) {
        visit(rest, plain..raw.len());
    }
}

/// Where the reference at `at` (a `&`) ends, if it is a good one; reports it otherwise, and gives where the bad one ends.
pub(super) fn check(file: FileId, text: &str, at: usize, out: &mut Diagnostics) -> Result<usize, usize> {
    match character(text, at) {
        Ok((end, _)) => Ok(end),
        Err(bad) => {
            let (end, diagnostic) = describe(file, text, at, bad);
            out.push(diagnostic);
            Err(end)
        }
    }
}

/// What is wrong with a reference.
#[derive(Clone, Copy)]
enum Bad {
    /// A `&` that begins no reference.
    Lone,
    /// A name without a semicolon: where the name ends.
    Unfinished(usize),
    /// An unknown name: where the reference ends.
    Name(usize),
    /// A number that is no allowed character: where the reference ends.
    Number(usize),
}

fn character(text: &str, at: usize) -> Result<(usize, char), Bad> {
    let bytes = text.as_bytes().get(at + 1..).unwrap_or_default();
    let numeric = bytes.first() == Some(&b'#');
    let length = bytes
        .iter()
        .skip(usize::from(numeric))
        .take(MAX_REFERENCE)
        .take_while(|byte| byte.is_ascii_alphanumeric() || !numeric && matches!(byte, b'_' | b'-' | b'.'))
        .count()
        + usize::from(numeric);
    let end = at + 1 + length;
    let closed = bytes.get(length) == Some(&b';');
    let body = text.get(at + 1..end).unwrap_or("");
    if numeric {
        let end = if closed { end + 1 } else { end };
        let character = BytesRef::new(body).resolve_char_ref().ok().flatten();
        return character.filter(|&character| closed && !is_forbidden(character)).map(|character| (end, character)).ok_or(Bad::Number(end));
    }
    match resolve_xml_entity(body).and_then(|resolved| resolved.chars().next()) {
        Some(character) if closed => Ok((end + 1, character)),
        Some(_) => Err(Bad::Unfinished(end)),
        None if closed && !body.is_empty() => Err(Bad::Name(end + 1)),
        None => Err(Bad::Lone),
    }
}

fn describe(file: FileId, text: &str, at: usize, bad: Bad) -> (usize, Diagnostic) {
    let seen = |end: usize| text.get(at..end).unwrap_or("");
    match bad {
        Bad::Lone => {
            let span = Span::new(file, at, at + 1);
            let message = "`&` begins no reference; the character itself is written `&amp;`";
            (at + 1, Diagnostic::new(Code::BadEntityName, span, message).fix(Fix::replace("write `&amp;`", span, "&amp;").safe()))
        }
        Bad::Unfinished(end) => {
            let span = Span::new(file, at, end);
            let message = format!("`{}` has no semicolon at its end", seen(end));
            let fix = Fix::replace("add the semicolon", span, format!("{};", seen(end)));
            (end, Diagnostic::new(Code::BadEntityName, span, message).fix(fix))
        }
        Bad::Name(end) => {
            let span = Span::new(file, at, end);
            let name = seen(end).trim_matches(['&', ';']);
            let message = format!("`{}` is not an entity of XML; expected {}", seen(end), one_of(PREDEFINED));
            let near = suggestion(name, PREDEFINED);
            let mut diagnostic = Diagnostic::new(Code::BadEntityName, span, message);
            match near {
                Some(near) => diagnostic = diagnostic.fix(Fix::replace(format!("write `&{near};`"), span, format!("&{near};"))),
                None => diagnostic = diagnostic.help("write the character itself, or its number as in `&#160;`"),
            }
            (end, diagnostic)
        }
        Bad::Number(end) => {
            let span = Span::new(file, at, end);
            let message = format!("`{}` is not a character; expected a number as in `&#233;` or `&#xE9;`", seen(end));
            (end, Diagnostic::new(Code::BadCharacterReference, span, message))
        }
    }
}

/// Appends text with its references decoded, each piece with the bytes it came from.
pub(super) fn push_pieces(text: &mut SourceText, raw: &str, place: Place, span: Span) {
    let base = span.start as usize;
    each_piece(raw, place, &mut |piece, range| text.push(piece, Span::new(span.file, base + range.start, base + range.end)));
}
