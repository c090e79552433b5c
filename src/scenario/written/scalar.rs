//! A plain scalar, by the core schema of YAML 1.2.2 (§10.3.2): null, a boolean, a number that JSON has, or text.

use serde_json::Number;

use super::node::Content;

/// What the scalar is.
///
/// # Errors
/// What is wrong with a number, as a sentence.
pub(super) fn plain(text: &str) -> Result<Content, String> {
    let number = |number: Option<Number>| {
        number.map(Content::Number).ok_or_else(|| format!("the number `{text}` is out of range, or not a number that JSON has"))
    };
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Boolean(true),
        "false" | "False" | "FALSE" => Content::Boolean(false),
        _ if is_integer(text) => number(integer(text))?,
        _ if is_float(text) => number(text.parse::<f64>().ok().and_then(Number::from_f64))?,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => number(None)?,
        _ => Content::Text(text.to_owned()),
    })
}

fn is_integer(text: &str) -> bool {
    let digits = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| is(&byte));
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(octal, |byte| (b'0'..=b'7').contains(byte));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return digits(hexadecimal, u8::is_ascii_hexdigit);
    }
    digits(text.strip_prefix(['-', '+']).unwrap_or(text), u8::is_ascii_digit)
}

fn integer(text: &str) -> Option<Number> {
    let radix = |digits, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return radix(hexadecimal, 16);
    }
    let signed = text.strip_prefix('+').unwrap_or(text);
    signed.parse::<i64>().map(Number::from).or_else(|_| signed.parse::<u64>().map(Number::from)).ok()
}

fn is_float(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['-', '+']).unwrap_or(exponent));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}
