//! Texts and values of the user as sentences repeat them.

use super::{Literal, Test};

/// Characters of a user's text that a message repeats.
const QUOTED_CHARACTERS: usize = 60;

/// The user's text, cut to a length that fits into a sentence, control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    let cut = text.char_indices().nth(QUOTED_CHARACTERS).map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let ellipsis = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{ellipsis}", cut.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"))
}

impl Test {
    /// The value that it asks for, in words: `a value`, `uploaded`, `"open" or "done"`.
    #[must_use]
    pub fn required(&self) -> String {
        match self {
            Self::Set => "a value".to_owned(),
            Self::Uploaded => "uploaded".to_owned(),
            Self::Changed => "a change".to_owned(),
            Self::Equals(literal) => word(literal),
            Self::OneOf(literals) => {
                let words: Vec<String> = literals.iter().map(word).collect();
                match words.split_last() {
                    Some((last, [])) => last.clone(),
                    Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
                    None => "nothing".to_owned(),
                }
            }
        }
    }
}

fn word(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("\"{}\"", quoted(text)),
        Literal::Integer(integer) => integer.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(flag) => flag.to_string(),
    }
}
