//! A value as `PostgreSQL` writes it → JSON, as a save has it. Whether the data model allows it is not decided here.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;

/// How values of a column become those of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As a string.
    Text,
    /// As a string, without the blanks at its end.
    Padded,
    /// As the id of another row.
    Id,
    /// As the id of another row, without the blanks at its end.
    PaddedId,
    /// As a number.
    Number,
    /// `t` and `f`.
    Boolean,
    /// A time without a zone, which is taken for UTC.
    Utc,
    /// A time with an offset.
    Instant,
    /// As it is.
    Json,
    /// Bytes, in Base64.
    Base64,
    /// `(longitude,latitude)`.
    Point,
    /// A list of texts.
    Texts,
    /// A list of integers.
    Integers,
}

/// Writes the value as JSON.
///
/// # Errors
/// What was expected.
pub(super) fn write(how: How, text: &str, out: &mut String) -> Result<(), &'static str> {
    match how {
        How::Text => string(text, out),
        How::Padded => string(text.trim_end_matches(' '), out),
        How::Id => string(&id_part(text), out),
        How::PaddedId => string(&id_part(text.trim_end_matches(' ')), out),
        How::Number => number(text, out)?,
        How::Boolean => out.push_str(match text {
            "t" => "true",
            "f" => "false",
            _ => return Err("`t` or `f`"),
        }),
        How::Utc => instant(text, out)?,
        How::Instant => instant(text.strip_suffix("+00").unwrap_or(text), out)?,
        How::Json => out.push_str(text),
        How::Base64 => string(&base64::prelude::BASE64_STANDARD.encode(hex(text).ok_or("bytes as hexadecimal digits")?), out),
        How::Point => {
            let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).and_then(|text| text.split_once(','));
            let (longitude, latitude) = inner.ok_or("a point")?;
            out.push_str("{\"longitude\":");
            number(longitude, out)?;
            out.push_str(",\"latitude\":");
            number(latitude, out)?;
            out.push('}');
        }
        How::Texts => list(text, out, |item, out| {
            string(item, out);
            Ok(())
        })?,
        How::Integers => list(text, out, number)?,
    }
    Ok(())
}

/// A part of an object's id: a slash, a comma, a percent sign and control characters, which cannot stand there or would be ambiguous, are
/// written as in a URL.
pub(super) fn id_part(text: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '/' | ',' | '%') || c.is_control();
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for c in text.chars() {
        if special(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _written = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn number(text: &str, out: &mut String) -> Result<(), &'static str> {
    // `NaN` and `Infinity` are none.
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '-') || text.contains('I') {
        return Err("a finite number");
    }
    if text.parse().is_ok_and(f64::is_infinite) {
        return Err("a number of at most 308 digits before the point");
    }
    out.push_str(text);
    Ok(())
}

/// The last moment that a time can be, up to the second.
const LAST_TIME: &str = "9999-12-30 22:00:00";

fn instant(text: &str, out: &mut String) -> Result<(), &'static str> {
    let year = text.find('-').unwrap_or(text.len());
    // `infinity`, and years before the first.
    if text.ends_with(|c: char| c.is_ascii_alphabetic()) || year > "9999".len() {
        return Err("a time of the years 1 to 9999");
    }
    if text.get(..LAST_TIME.len()).is_some_and(|second| second > LAST_TIME) {
        return Err("a time no later than 9999-12-30 22:00:00 UTC");
    }
    string(&format!("{}Z", text.replacen(' ', "T", 1)), out);
    Ok(())
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// `{a,"b \"c\"",NULL}`; one without an item is an empty list.
fn list(text: &str, out: &mut String, write: impl Fn(&str, &mut String) -> Result<(), &'static str>) -> Result<(), &'static str> {
    const EXPECTED: &str = "a list of one dimension without nulls";
    // Where its places begin, when that is not at 1.
    let text = text.strip_prefix('[').and_then(|text| text.split_once("]=")).map_or(text, |(_, text)| text);
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or(EXPECTED)?;
    out.push('[');
    let mut chars = inner.chars().peekable();
    let mut is_first = true;
    while chars.peek().is_some() {
        if !is_first && chars.next() != Some(',') {
            return Err(EXPECTED);
        }
        let mut item = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next().ok_or(EXPECTED)? {
                    '"' => break,
                    '\\' => item.push(chars.next().ok_or(EXPECTED)?),
                    c => item.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                item.push(c);
            }
            if item == "NULL" || item.contains(['{', '"']) || item.is_empty() {
                return Err(EXPECTED);
            }
        }
        if !is_first {
            out.push(',');
        }
        write(&item, out)?;
        is_first = false;
    }
    out.push(']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(how: How, text: &str) -> Result<String, &'static str> {
        let mut out = String::new();
        write(how, text, &mut out).map(|()| out)
    }

    #[test]
    fn values_become_json() {
        let cases = [
            (How::Text, "a \"b\"\n", r#""a \"b\"\n""#),
            (How::Padded, "open  ", r#""open""#),
            (How::Id, "a/b,c%", r#""a%2Fb%2Cc%25""#),
            (How::Number, "-12.50", "-12.50"),
            (How::Boolean, "t", "true"),
            (How::Utc, "2026-01-31 09:30:00.5", r#""2026-01-31T09:30:00.5Z""#),
            (How::Instant, "2026-01-31 09:30:00+00", r#""2026-01-31T09:30:00Z""#),
            (How::Instant, "9999-12-30 22:00:00.5+00", r#""9999-12-30T22:00:00.5Z""#),
            (How::Base64, "\\x00ff", r#""AP8=""#),
            (How::Point, "(8.5,47.25)", r#"{"longitude":8.5,"latitude":47.25}"#),
            (How::Texts, r#"{a,"b \"c\"","d,e"}"#, r#"["a","b \"c\"","d,e"]"#),
            (How::Texts, "{}", "[]"),
            (How::Integers, "{1,-2}", "[1,-2]"),
            (How::Integers, "[2:3]={1,-2}", "[1,-2]"),
            (How::Texts, "[0:0]={\"[1:2]={a}\"}", r#"["[1:2]={a}"]"#),
        ];
        for (how, text, expected) in cases {
            assert_eq!(written(how, text).as_deref(), Ok(expected), "{how:?} {text}");
        }
    }

    #[test]
    fn what_is_no_such_value_is_refused() {
        for (how, text) in [
            (How::Number, "NaN"),
            (How::Number, "-Infinity"),
            (How::Number, &"9".repeat(400)),
            (How::Utc, "infinity"),
            (How::Utc, "10000-01-01 00:00:00"),
            (How::Instant, "9999-12-30 22:00:01+00"),
            (How::Utc, "9999-12-31 23:59:59.999999"),
            (How::Instant, "-infinity"),
            (How::Instant, "0044-03-15 10:00:00+00 BC"),
            (How::Texts, "[1:1][1:2]={{a,b}}"),
            (How::Boolean, "x"),
            (How::Base64, "00"),
            (How::Texts, "{{a}}"),
            (How::Texts, "{NULL}"),
        ] {
            assert!(written(how, text).is_err(), "{how:?} {text}");
        }
    }
}
