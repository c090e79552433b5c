//! What names, header names, paths and media types of an endpoint may look like.

/// Characters of a name.
pub const MAX_NAME: usize = 128;
/// Characters of a URL template: receivers and what stands before them take addresses of 8 KiB at most, and values come into it.
pub(super) const MAX_URL: usize = 4_096;
/// Characters of a header's value: servers take 8 KiB for all headers together, or 16.
pub(super) const MAX_HEADER: usize = 8_192;
/// Characters of a time or a rate.
pub(super) const LONGEST_QUANTITY: usize = 40;
/// Bytes of a path of a condition.
const MAX_PATH: usize = 256;

/// Whether a text is a path as conditions use it: names with dots between them.
#[must_use]
pub fn is_path(text: &str) -> bool {
    let name = |part: &str| {
        let mut letters = part.chars();
        letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    text.len() <= MAX_PATH && text.split('.').all(name)
}

/// Whether a text is a media type: `type/subtype`, with parameters behind it.
pub(super) fn is_media_type(text: &str) -> bool {
    let token = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte));
    let media = text.split(';').next().unwrap_or_default().trim();
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && media.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub))
}
