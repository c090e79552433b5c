//! A request in a file → its headers and the bytes of its body. HTTP as it is on the wire, JSON as the built-in receiver lists it, or
//! headers alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

/// A request as it was recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// When it was received, if the record says so.
    pub(super) at: Option<Timestamp>,
}

impl Recorded {
    /// Reads a record; `body` is in a file of its own, if at all. What is wrong is said so that the file's name fits before it.
    pub(super) fn read(head: &[u8], body: Option<Vec<u8>>) -> Result<Self, String> {
        let recorded = match serde_json::from_slice::<Value>(head) {
            Ok(record) => of_json(&record)?,
            Err(_) => of_http(head)?,
        };
        match body {
            Some(_) if !recorded.body.is_empty() => Err("has a body, and so has `--body`, expected one of them".to_owned()),
            Some(body) => Ok(Self { body, ..recorded }),
            None => Ok(recorded),
        }
    }
}

fn of_json(record: &Value) -> Result<Recorded, String> {
    let headers = match record.get("headers") {
        Some(Value::Object(headers)) => headers.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect::<Option<Vec<_>>>(),
        Some(Value::Array(pairs)) => pairs.iter().map(|pair| Some((text(pair.get(0)?)?, text(pair.get(1)?)?))).collect(),
        Some(_) | None => None,
    };
    let headers = headers.ok_or("is JSON without `headers`, expected an object of texts, or a list of pairs")?;
    let body = match (record.get("body"), record.get("body_base64")) {
        (Some(Value::String(text)), None) => text.clone().into_bytes(),
        (None, Some(Value::String(encoded))) => STANDARD.decode(encoded).map_err(|_| "has a `body_base64` that is not base64")?,
        (None, None) => Vec::new(),
        (Some(_), _) | (_, Some(_)) => {
            return Err("has a body that is not text, expected the very bytes as text, or in `body_base64`".to_owned());
        }
    };
    if record.get("bytes").and_then(Value::as_u64).is_some_and(|bytes| bytes > body.len() as u64) {
        return Err("has only the beginning of the body".to_owned());
    }
    let at = record.get("at").and_then(Value::as_str).and_then(|at| at.parse().ok());
    Ok(Recorded { headers, body, at })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn of_http(bytes: &[u8]) -> Result<Recorded, String> {
    let end = |mark: &[u8]| bytes.windows(mark.len()).position(|seen| seen == mark).map(|at| (at, at + mark.len()));
    // Whichever empty line comes first.
    let (head, body) = [end(b"\r\n\r\n"), end(b"\n\n")].into_iter().flatten().min().unwrap_or((bytes.len(), bytes.len()));
    let head = std::str::from_utf8(bytes.get(..head).unwrap_or_default()).map_err(|_| "is neither JSON nor HTTP: its head is not text")?;
    let mut headers = Vec::new();
    for (number, line) in (1..).zip(head.lines()) {
        match line.split_once(':') {
            Some((name, value)) if !name.contains(' ') => headers.push((name.trim().to_owned(), value.trim().to_owned())),
            // The request line.
            Some(_) | None if number == 1 => {}
            Some(_) | None => return Err(format!("is neither JSON nor HTTP: line {number} is not a header, expected `name: value`")),
        }
    }
    if headers.is_empty() {
        return Err("has no headers, expected HTTP, or JSON with `headers` and `body`".to_owned());
    }
    Ok(Recorded { headers, body: bytes.get(body..).unwrap_or_default().to_vec(), at: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_record_is_read() {
        let expected = Recorded { headers: vec![("A".to_owned(), "b: c".to_owned())], body: b"x\ny".to_vec(), at: None };
        for text in [
            "POST /x HTTP/1.1\r\nA: b: c\r\n\r\nx\ny",
            "A: b: c\n\nx\ny",
            r#"{"headers": {"A": "b: c"}, "body": "x\ny"}"#,
            r#"{"headers": [["A", "b: c"]], "body_base64": "eAp5"}"#,
        ] {
            assert_eq!(Recorded::read(text.as_bytes(), None).unwrap(), expected, "{text}");
        }
        assert_eq!(Recorded::read(b"A: b: c\n", Some(b"x\ny".to_vec())).unwrap(), expected);
        let of_sink = br#"{"headers": [["A", "b: c"]], "body": "x\ny", "bytes": 3, "at": "2026-01-01T00:00:00Z"}"#;
        assert_eq!(Recorded::read(of_sink, None).unwrap().at, "2026-01-01T00:00:00Z".parse().ok());
    }

    #[test]
    fn what_is_no_record_is_said() {
        for (text, body, part) in [
            ("", None, "has no headers"),
            ("{}", None, "without `headers`"),
            (r#"{"headers": {"a": 1}}"#, None, "an object of texts"),
            (r#"{"headers": {}, "body": {"a": 1}}"#, None, "not text"),
            (r#"{"headers": {}, "body": "x", "bytes": 2}"#, None, "only the beginning"),
            ("a: b\nhello\n\n", None, "line 2 is not a header"),
            ("a: b\n\nx", Some(b"y".to_vec()), "and so has `--body`"),
        ] {
            let why = Recorded::read(text.as_bytes(), body).unwrap_err();
            assert!(why.contains(part), "{text:?}: {why}");
        }
    }
}
