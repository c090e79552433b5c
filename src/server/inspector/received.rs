//! Text that somebody else wrote, for a page: it is always text and never markup, and what would be obeyed instead of shown (control
//! characters, changes of direction) is made visible.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, Render};

/// Text that somebody else wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a>(pub(super) &'a str);

impl Render for Received<'_> {
    fn render_to(&self, page: &mut String) {
        for character in self.0.chars() {
            write(character, page);
        }
    }
}

/// A sentence of this program, in which backticks surround what was written by others: that is set as code, and as text all the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sentence<'a>(pub(super) &'a str);

impl Render for Sentence<'_> {
    fn render_to(&self, page: &mut String) {
        let parts: Vec<&str> = self.0.split('`').collect();
        // An odd backtick belongs to somebody's text; then none of them is a mark.
        if parts.len().is_multiple_of(2) {
            return Received(self.0).render_to(page);
        }
        for (index, part) in parts.into_iter().enumerate() {
            let quoted = index % 2 == 1;
            page.push_str(if quoted { "<code>" } else { "" });
            Received(part).render_to(page);
            page.push_str(if quoted { "</code>" } else { "" });
        }
    }
}

/// A name that stands among other words: whatever direction its script has, theirs stays.
pub(super) fn named(name: &str) -> Markup {
    maud::html! { bdi { (Received(name)) } }
}

/// Markup that this crate has made of plain parts.
pub(super) fn made(markup: String) -> Markup {
    PreEscaped(markup)
}

/// Writes one character so that a browser shows it.
pub(super) fn write(character: char, page: &mut String) {
    match character {
        '&' => page.push_str("&amp;"),
        '<' => page.push_str("&lt;"),
        '>' => page.push_str("&gt;"),
        '"' => page.push_str("&quot;"),
        '\'' => page.push_str("&#39;"),
        '\n' | '\t' => page.push(character),
        // The pictures of control characters stand in their order.
        '\0'..='\u{1f}' => page.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}')),
        '\u{7f}' => page.push('\u{2421}'),
        // What turns the direction of the text behind it.
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
            // Writing to a string cannot fail.
            let _written = write!(page, "⟨U+{:04X}⟩", u32::from(character));
        }
        character => page.push(character),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_it_holds_it_is_text() {
        let shown = |text| maud::html! { (Received(text)) }.into_string();
        assert_eq!(shown("<script>alert('x')</script>"), "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
        assert_eq!(shown("a\u{1b}[2J\u{202e}b"), "a␛[2J⟨U+202E⟩b");
        assert_eq!(shown("שלום"), "שלום");
        let said = |text| maud::html! { (Sentence(text)) }.into_string();
        assert_eq!(said("`<b>` is not `x`"), "<code>&lt;b&gt;</code> is not <code>x</code>");
        assert_eq!(said("`a` and ` alone"), "`a` and ` alone");
    }
}
