//! JSON for a page: on lines of its own, with keys, strings and the rest told apart by colour. Its numbers and strings stay as they came.

use maud::Markup;

use super::received::{made, write};

/// Spaces of a level.
const INDENT: usize = 2;

/// The text on lines of its own; as it is when it is no JSON.
pub(super) fn lines(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut characters = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * INDENT));
    };
    while let Some(character) = characters.next() {
        if quoted {
            out.push(character);
            quoted = character != '"' || escaped;
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            '"' => {
                quoted = true;
                out.push(character);
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if(|next| next.is_whitespace()).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(character);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            character if character.is_whitespace() => {}
            character => out.push(character),
        }
    }
    out
}

/// The text with its parts told apart, if it is JSON as [`lines`] lays it out; otherwise plain.
pub(super) fn colored(text: &str) -> Markup {
    let mut page = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string(rest),
            '-' | '0'..='9' | 'a'..='z' => {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))).unwrap_or(rest.len())
            }
            _ => first.len_utf8(),
        };
        let (part, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let class = match first {
            '"' if behind.starts_with(':') => "key",
            '"' => "string",
            '-' | '0'..='9' | 'a'..='z' => "other",
            _ => "",
        };
        if class.is_empty() {
            part.chars().for_each(|character| write(character, &mut page));
        } else {
            page.push_str("<span class=\"");
            page.push_str(class);
            page.push_str("\">");
            part.chars().for_each(|character| write(character, &mut page));
            page.push_str("</span>");
        }
        rest = behind;
    }
    made(page)
}

/// The bytes of the string that the text begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            _ => escaped = character == '\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_nothing_of_it_changes() {
        let text = r#"{"a":[1.50,{"b":"x\",{"}],"e":{},"f":[ ],"n":12345678901234567890}"#;
        let laid_out = "{\n  \"a\": [\n    1.50,\n    {\n      \"b\": \"x\\\",{\"\n    }\n  ],\n  \"e\": {},\n  \"f\": [],\n  \"n\": 12345678901234567890\n}";
        assert_eq!(lines(text), laid_out);
        assert_eq!(lines("not: json"), "not: json");
    }

    #[test]
    fn the_parts_are_told_apart_and_are_no_markup() {
        let page = colored("{\"<b>\": \"</pre>\", \"n\": -1.5e3}").into_string();
        assert_eq!(
            page,
            "{<span class=\"key\">&quot;&lt;b&gt;&quot;</span>: <span class=\"string\">&quot;&lt;/pre&gt;&quot;</span>, \
             <span class=\"key\">&quot;n&quot;</span>: <span class=\"other\">-1.5e3</span>}"
        );
        assert_eq!(colored("\"open").into_string(), "<span class=\"string\">&quot;open</span>");
    }
}
