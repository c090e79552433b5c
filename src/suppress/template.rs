//! The comments of a template file, and the expression or block behind each. Only the tags are looked at: what is wrong between them is
//! said by who reads the template.

use std::ops::Range;

/// A comment, and what it is about.
pub(super) type Comment = (Range<usize>, Option<Range<usize>>);

/// Something in braces.
struct Piece {
    /// A block reaches to the end of the tag that closes it.
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Comment,
    /// An expression, or a tag within a block.
    Tag,
    Opens,
    Closes,
}

/// Every comment. One that stands before the end of the block around it, or of the text, is about nothing.
pub(super) fn comments(text: &str) -> Vec<Comment> {
    let pieces = pieces(text);
    let mut behind: Option<Range<usize>> = None;
    let mut found = Vec::new();
    for piece in pieces.into_iter().rev() {
        match piece.kind {
            Kind::Comment => found.push((piece.range, behind.clone())),
            Kind::Tag | Kind::Opens => behind = Some(piece.range),
            Kind::Closes => behind = None,
        }
    }
    found.reverse();
    found
}

/// Where a comment has to stand to be about this place: before the innermost expression or block around it.
#[must_use]
pub fn place_of_comment(text: &str, place: &Range<usize>) -> Option<usize> {
    let around = |piece: &Piece| piece.range.start <= place.start && place.end <= piece.range.end;
    let around = pieces(text).into_iter().filter(|piece| matches!(piece.kind, Kind::Tag | Kind::Opens) && around(piece));
    around.map(|piece| piece.range.start).max()
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    // The blocks around this place, by index.
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('{')).map(|length| at + length) {
        let rest = text.get(start..).unwrap_or_default();
        let (length, mut kind) = match rest.as_bytes().get(1) {
            Some(b'#') => (rest.find("#}").map_or(rest.len(), |length| length + 2), Kind::Comment),
            Some(b'{') => (length_of_tag(rest, "}}"), Kind::Tag),
            Some(b'%') => (length_of_tag(rest, "%}"), Kind::Tag),
            Some(_) | None => {
                at = start + 1;
                continue;
            }
        };
        at = start + length;
        let inner = rest.get(..length).and_then(|tag| tag.strip_prefix("{%")).unwrap_or_default();
        let word = inner.trim_start_matches(['-', '+']).trim_start().split(|c: char| !c.is_alphanumeric()).next();
        match word {
            Some("if" | "for") => {
                kind = Kind::Opens;
                open.push(pieces.len());
            }
            Some("endif" | "endfor") => {
                kind = Kind::Closes;
                if let Some(opened) = open.pop().and_then(|index| pieces.get_mut(index)) {
                    opened.range.end = at;
                }
            }
            // What stands in it is text.
            Some("raw") => at = text.get(at..).and_then(|rest| rest.find("endraw")).map_or(text.len(), |length| at + length),
            Some(_) | None => {}
        }
        pieces.push(Piece { range: start..at, kind });
    }
    for unclosed in open {
        if let Some(opened) = pieces.get_mut(unclosed) {
            opened.range.end = text.len();
        }
    }
    pieces
}

/// What a text within a tag stands in.
#[derive(Clone, Copy)]
enum Quote {
    Plain(char),
    /// `\"`, as in a string of a JSON body.
    Escaped,
}

/// The bytes of the tag at the start of a text; text in quotes may hold what ends it.
fn length_of_tag(text: &str, end: &str) -> usize {
    let mut quote = None;
    let mut characters = text.char_indices().skip(2);
    while let Some((at, c)) = characters.next() {
        match quote {
            None if text.get(at..).is_some_and(|rest| rest.starts_with(end)) => return at + end.len(),
            None if c == '"' || c == '\'' => quote = Some(Quote::Plain(c)),
            None if c == '\\' => quote = characters.next().filter(|(_, c)| *c == '"').map(|_| Quote::Escaped),
            Some(Quote::Plain(mark)) if c == mark => quote = None,
            // With the character behind it.
            Some(Quote::Plain(_)) if c == '\\' => _ = characters.next(),
            Some(Quote::Escaped) if c == '\\' => match characters.next() {
                Some((_, '"')) => quote = None,
                // `\\` is a backslash of the expression, and the character behind it may be written with another.
                Some((_, '\\')) if characters.next().is_some_and(|(_, c)| c == '\\') => _ = characters.next(),
                Some(_) | None => {}
            },
            Some(_) | None => {}
        }
    }
    text.len()
}
