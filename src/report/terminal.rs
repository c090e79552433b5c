//! Colours, where they are wanted.

use super::Style;

/// Text in a colour (an SGR parameter), when `style` has colours.
pub(crate) fn paint(style: Style, color: &str, text: &str) -> String {
    if style.color { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
}
