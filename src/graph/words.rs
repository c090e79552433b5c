//! Conditions in words, and text made harmless for each output.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::program::{Literal, Test, Webhook};

/// What must hold for a webhook to fire, a sentence each: its conditions in the order of the file, then `when`.
#[must_use]
pub fn conditions(webhook: &Webhook) -> Vec<String> {
    let conditions = webhook.conditions.iter().map(|condition| {
        let name = &condition.name;
        match &condition.test {
            Test::Set => format!("{name} is set"),
            Test::Uploaded => format!("{name} is uploaded"),
            Test::Equals(value) => format!("{name} is {}", literal(value)),
            Test::OneOf(values) => format!("{name} is one of {}", values.iter().map(literal).collect::<Vec<_>>().join(", ")),
            Test::Changed => format!("{name} has changed"),
        }
    });
    let when = webhook.when.iter().map(|when| when.text.split_whitespace().collect::<Vec<_>>().join(" "));
    conditions.chain(when).collect()
}

/// A value as it is written.
pub(crate) fn literal(value: &Literal) -> String {
    match value {
        Literal::Text(text) => text.to_string(),
        Literal::Integer(number) => number.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(flag) => flag.to_string(),
    }
}

/// Text in XML, without the characters that XML cannot hold.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What would turn the direction of the text behind it is shown to be there.
            '\u{fffe}' | '\u{ffff}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            _ if character.is_control() => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

/// The columns that text takes in a monospaced font: wide characters take two.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// At most `most` columns, the last an ellipsis when there are more.
pub(super) fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut taken = 1;
    let fitting = text.chars().take_while(|character| {
        taken += character.width().unwrap_or(0);
        taken <= most
    });
    fitting.chain(['…']).collect()
}
