//! Where a cursor stands in a template, however broken: in text, behind a `|`, a `.` or an `is`, at the beginning of an expression; and the
//! loops around it. Absent: what the names mean.

use std::ops::Range;

use crate::ids::FileId;
use crate::program::TemplateSource;
use crate::template::offer::Around;
use crate::text::{SourceText, Span};

/// What can be written at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplateSpot {
    /// Nothing of a template: literal text, or a string.
    Text,
    /// An expression begins.
    Name,
    /// A part of the value of this expression.
    Member(String),
    Filter,
    Test,
    /// The keyword of a `{% … %}`.
    Keyword,
    /// The name of a field in quotes, in `changed("…")`.
    FieldName,
}

/// How the text of a template stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// In a schema, where a quote may stand as a reference.
    Xml,
    /// In a schema, an expression without delimiters.
    Expression,
}

/// A cursor in a template.
#[derive(Clone, Debug)]
pub(super) struct TemplatePlace {
    pub spot: TemplateSpot,
    /// The part of a name that is written before the cursor.
    pub typed: Range<usize>,
    pub around: Vec<Around>,
}

/// Reads the text around a cursor.
pub(super) fn place(text: &str, cursor: usize, form: Form) -> TemplatePlace {
    let cursor = text.floor_char_boundary(cursor.min(text.len()));
    let before = text.get(..cursor).unwrap_or_default();
    let mut around = loops(before);
    around.extend(repeats(text, cursor));
    let typed_from = before.len() - before.chars().rev().take_while(|c| is_word(*c)).map(char::len_utf8).sum::<usize>();
    let typed = typed_from..cursor;
    let inside = match form {
        Form::Expression => Some((before, false)),
        Form::Plain | Form::Xml => opened(before).or_else(|| Some((steering(before)?, false))),
    };
    let Some((inside, is_block)) = inside else { return TemplatePlace { spot: TemplateSpot::Text, typed, around } };
    let inside = inside.get(..inside.len().saturating_sub(typed.len())).unwrap_or_default();
    let spot = match form {
        Form::Plain => spot(inside, is_block),
        Form::Xml | Form::Expression => spot(&inside.replace("&quot;", "\"").replace("&apos;", "'"), is_block),
    };
    TemplatePlace { spot, typed, around }
}

fn spot(inside: &str, is_block: bool) -> TemplateSpot {
    if let Some(quoted) = in_string(inside) {
        let call = inside.get(..quoted).unwrap_or_default().trim_end();
        let is_changed = call.strip_suffix('(').is_some_and(|call| call.trim_end().ends_with("changed"));
        return if is_changed { TemplateSpot::FieldName } else { TemplateSpot::Text };
    }
    let trimmed = inside.trim_end();
    if let Some(of) = trimmed.strip_suffix('.') {
        return TemplateSpot::Member(last_value(of).to_owned());
    }
    if trimmed.ends_with('|') {
        return TemplateSpot::Filter;
    }
    let mut words = trimmed.split_whitespace().rev();
    let last = words.next().unwrap_or_default();
    if last == "is" || (last == "not" && words.next() == Some("is")) {
        return TemplateSpot::Test;
    }
    if is_block && trimmed.trim_start_matches(['-', '+']).is_empty() {
        return TemplateSpot::Keyword;
    }
    TemplateSpot::Name
}

/// What stands between the last `{{` or `{%` and here, when it is not closed; and whether it is a block.
fn opened(before: &str) -> Option<(&str, bool)> {
    let mut at = 0;
    loop {
        let rest = before.get(at..)?;
        let found =
            [("{{", "}}"), ("{%", "%}"), ("{#", "#}")].into_iter().filter_map(|(open, close)| Some((rest.find(open)?, open, close)));
        let (from, open, close) = found.min_by_key(|(from, ..)| *from)?;
        let start = at + from + open.len();
        let inside = before.get(start..)?;
        match end_of(inside, close, open != "{#") {
            Some(length) => at = start + length + close.len(),
            None if open == "{#" => return None,
            None => return Some((inside, open == "{%")),
        }
    }
}

/// Where the delimiter stands, outside of strings.
fn end_of(inside: &str, close: &str, strings: bool) -> Option<usize> {
    let mut quote = None;
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') if strings => quote = Some(c),
            (None, _) if inside.get(at..).is_some_and(|rest| rest.starts_with(close)) => return Some(at),
            (None | Some(_), _) => {}
        }
    }
    // A quote that nothing ends: better the delimiter than no end at all.
    quote.and_then(|_| inside.find(close))
}

/// The text of a JSON string that is an expression by its key, from its quote to here.
fn steering(before: &str) -> Option<&str> {
    let line = before.rsplit('\n').next()?;
    let keys = ["\"$in\"", "\"$if\"", "\"$where\""].into_iter();
    let end = keys.filter_map(|key| Some(line.rfind(key)? + key.len())).max()?;
    let value = line.get(end..)?;
    let value = value.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    (!value.contains('"')).then_some(value)
}

/// Where the string that is open at the end begins.
fn in_string(inside: &str) -> Option<usize> {
    let mut open = None;
    for (at, c) in inside.char_indices() {
        match open {
            Some((_, quote)) if quote == c => open = None,
            None if matches!(c, '"' | '\'') => open = Some((at, c)),
            Some(_) | None => {}
        }
    }
    open.map(|(at, _)| at)
}

/// The expression of names, calls and indexes that a text ends in.
fn last_value(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut at = text.len();
    loop {
        let (mut depth, before) = (0_usize, at);
        while let Some(byte) = at.checked_sub(1).and_then(|last| bytes.get(last)) {
            match byte {
                b')' | b']' => depth += 1,
                b'(' | b'[' if depth > 0 => depth -= 1,
                _ if depth > 0 => {}
                byte if byte.is_ascii_alphanumeric() || *byte == b'_' => {}
                _ => break,
            }
            at -= 1;
        }
        if at == before || at.checked_sub(1).and_then(|last| bytes.get(last)) != Some(&b'.') {
            return text.get(at..).unwrap_or_default();
        }
        at -= 1;
    }
}

/// The `for` blocks that are open.
fn loops(before: &str) -> Vec<Around> {
    let mut open = Vec::new();
    let mut rest = before;
    while let Some((_, block)) = rest.split_once("{%") {
        let (inside, after) = block.split_once("%}").unwrap_or((block, ""));
        rest = after;
        let inside = inside.trim_matches(['-', '+', ' ', '\n', '\t', '\r']);
        if let Some((variable, list)) = inside.strip_prefix("for ").and_then(|inside| inside.split_once(" in ")) {
            let list = list.split(" if ").next().unwrap_or(list);
            open.push(Around { variable: variable.trim().to_owned(), list: source(list.trim()) });
        } else if inside == "endfor" {
            open.pop();
        }
    }
    open
}

/// The objects with `$for` and `$in` around the cursor in a structural body.
fn repeats(text: &str, cursor: usize) -> Vec<Around> {
    struct Object {
        start: usize,
        variable: Option<String>,
        list: Option<String>,
        key: Option<String>,
    }
    let mut open: Vec<Object> = Vec::new();
    let mut found: Vec<(usize, Around)> = Vec::new();
    let mut chars = text.char_indices();
    let finish = |object: Object, end: usize, found: &mut Vec<(usize, Around)>| {
        if let (Some(variable), Some(list)) = (object.variable, object.list)
            && object.start < cursor
            && cursor <= end
        {
            found.push((object.start, Around { variable, list: source(&list) }));
        }
    };
    while let Some((at, c)) = chars.next() {
        match c {
            '{' => open.push(Object { start: at, variable: None, list: None, key: None }),
            '}' => {
                if let Some(object) = open.pop() {
                    finish(object, at, &mut found);
                }
            }
            '"' => {
                let mut content = String::new();
                let mut escaped = false;
                for (_, c) in chars.by_ref() {
                    match c {
                        '"' if !escaped => break,
                        '\\' if !escaped => escaped = true,
                        c => {
                            escaped = false;
                            content.push(c);
                        }
                    }
                }
                let Some(object) = open.last_mut() else { continue };
                match object.key.take().as_deref() {
                    Some("$for") => object.variable = Some(content),
                    Some("$in") => object.list = Some(content),
                    Some(_) => {}
                    None => object.key = Some(content),
                }
            }
            ',' => {
                if let Some(object) = open.last_mut() {
                    object.key = None;
                }
            }
            _ => {}
        }
    }
    for object in open {
        finish(object, text.len(), &mut found);
    }
    found.sort_by_key(|(start, _)| *start);
    found.into_iter().map(|(_, around)| around).collect()
}

/// A text that is nowhere.
pub(super) fn source(text: &str) -> TemplateSource {
    SourceText::verbatim(text, Span::new(FileId(0), 0, text.len()))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(marked: &str, form: Form) -> (TemplateSpot, String) {
        let cursor = marked.find('‸').unwrap();
        let place = place(&marked.replace('‸', ""), cursor, form);
        let around = place.around.iter().map(|around| format!("{} in {}", around.variable, around.list.text)).collect::<Vec<_>>();
        (place.spot, around.join(", "))
    }

    #[test]
    fn spots_of_templates() {
        let member = |of: &str| TemplateSpot::Member(of.to_owned());
        for (marked, spot, around) in [
            ("a ‸", TemplateSpot::Text, ""),
            ("{{ ‸", TemplateSpot::Name, ""),
            ("{{ a }} ‸", TemplateSpot::Text, ""),
            ("{{ '}}' ~ ob‸", TemplateSpot::Name, ""),
            ("{{ object.na‸me }}", member("object"), ""),
            ("{{ a | b(1, c[2].d).‸", member("b(1, c[2].d)"), ""),
            ("{{ parts[0].‸ }}", member("parts[0]"), ""),
            ("{{ a|up‸", TemplateSpot::Filter, ""),
            ("{{ a is no‸", TemplateSpot::Test, ""),
            ("{{ a is not ‸", TemplateSpot::Test, ""),
            ("{{ 'a.‸", TemplateSpot::Text, ""),
            ("{% ‸", TemplateSpot::Keyword, ""),
            ("{% if ‸", TemplateSpot::Name, ""),
            ("{{ changed('‸", TemplateSpot::FieldName, ""),
            ("{{ changed(&quot;‸", TemplateSpot::FieldName, ""),
            ("{{ object.a == &apos;‸", TemplateSpot::Text, ""),
            ("{% for p in object.parts if p.x %}{% for q in p.y %}{% endfor %}{{ p.‸", member("p"), "p in object.parts"),
            (
                r#"{"a": {"$for": "p", "$in": "object.parts", "$do": "{{ p.‸ }}"}, "b": {"$for": "q", "$in": "x"}}"#,
                member("p"),
                "p in object.parts",
            ),
            (r#"{"$for": "p", "$in": "object.‸", "$do": 1}"#, member("object"), "p in object."),
            ("{# {{ ‸", TemplateSpot::Text, ""),
        ] {
            assert_eq!(seen(marked, Form::Xml), (spot, around.to_owned()), "{marked}");
        }
        assert_eq!(seen("object.a == 1 and ‸", Form::Expression).0, TemplateSpot::Name);
    }

    #[test]
    fn a_reference_is_a_quote_in_xml_alone() {
        for marked in ["{{ '&apos;' ~ object.‸ }}", "{{ \"&quot;\" ~ object.‸ }}"] {
            assert_eq!(seen(marked, Form::Plain).0, TemplateSpot::Member("object".to_owned()), "{marked}");
        }
        assert_eq!(seen("{{ &quot;&apos;&quot; ~ object.‸ }}", Form::Xml).0, TemplateSpot::Member("object".to_owned()));
    }
}
