//! Text for a terminal: colours where they are wanted, and nothing that a terminal would obey in text from elsewhere.

use super::Style;

/// Text in a colour (an SGR parameter), when `style` has colours.
pub(crate) fn paint(style: Style, color: &str, text: &str) -> String {
    if style.color { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Text from elsewhere without what a terminal would obey.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
