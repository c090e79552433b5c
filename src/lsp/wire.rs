//! Messages on a stream, as the base protocol of LSP 3.17 frames them: headers, a blank line, JSON. A body that is no message is reported
//! and reading goes on behind it, because its length is known; a header that is none ends the stream, because nothing is known then.

use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Bytes of one message: a document of the largest size with every byte escaped, and its envelope.
const LARGEST: usize = 256 * 1024 * 1024;
/// Bytes that a message usually has besides its answer.
const ENVELOPE: usize = 128;
/// Bytes of one header line: a name and a number.
const LONGEST_HEADER: u64 = 4096;

/// A message from the client.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming {
    /// Absent in a notification.
    pub id: Option<Value>,
    /// Absent in an answer to a request of ours.
    pub method: Option<String>,
    #[serde(default)]
    pub params: Value,
}

/// A message to the client.
#[derive(Debug, Serialize)]
pub(super) struct Outgoing<'a> {
    pub jsonrpc: &'static str,
    /// Of the request that is answered, null when it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// The answer to a request, as it is written: some are long, and nobody here looks into one.
pub(super) type Answer = Box<RawValue>;

/// As JSON; a value that cannot be is a defect, and null.
pub(super) fn json(value: impl Serialize) -> Answer {
    serde_json::value::to_raw_value(&value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Why a request is not answered.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Failure {
    pub code: i32,
    pub message: String,
}

impl Failure {
    pub(super) const PARSE: i32 = -32700;
    pub(super) const INVALID_REQUEST: i32 = -32600;
    pub(super) const METHOD_NOT_FOUND: i32 = -32601;
    pub(super) const INVALID_PARAMS: i32 = -32602;
    pub(super) const NOT_INITIALIZED: i32 = -32002;
    pub(super) const CANCELLED: i32 = -32800;
    pub(super) const REQUEST_FAILED: i32 = -32803;

    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A request that is right, but what it asks for cannot be done.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(Self::REQUEST_FAILED, message)
    }
}

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    Message(Incoming),
    /// A body that is no message, and why.
    Broken(String),
    /// The stream has ended between two messages.
    End,
}

/// Reads the next message.
///
/// # Errors
/// When the stream breaks off inside of a message, or what stands there is no header.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Read> {
    let Some(length) = length(input)? else { return Ok(Read::End) };
    let mut body = Vec::new();
    // Grows with what arrives, not with what is announced.
    let read = (&mut *input).take(length as u64).read_to_end(&mut body)?;
    if read < length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the input ends inside of a message"));
    }
    // What is read into named fields would also be read from a list of their values.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Ok(Read::Broken("this is no message: expected an object".to_owned()));
    }
    Ok(match serde_json::from_slice(&body) {
        Ok(message) => Read::Message(message),
        Err(error) => Read::Broken(format!("this is no message: {error}")),
    })
}

/// The length that the headers announce; `None` at the end of the stream.
fn length(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut found = None;
    let mut first = true;
    loop {
        let mut line = Vec::new();
        (&mut *input).take(LONGEST_HEADER).read_until(b'\n', &mut line)?;
        if line.is_empty() && first {
            return Ok(None);
        }
        first = false;
        let line = String::from_utf8_lossy(&line);
        if !line.ends_with('\n') {
            return Err(wrong("the input ends, or goes on for too long, inside of a header".to_owned()));
        }
        let line = line.trim_end();
        if line.is_empty() {
            return found.map(Some).ok_or_else(|| wrong("a message without `Content-Length`".to_owned()));
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(wrong(format!("`{line}` is not a header, expected `Content-Length: …`")));
        };
        if name.trim().eq_ignore_ascii_case("content-length") {
            let length = value.trim().parse().ok().filter(|length| *length <= LARGEST);
            found = Some(length.ok_or_else(|| wrong(format!("`{}` is not a length of up to {LARGEST} bytes", value.trim())))?);
        }
    }
}

/// Writes a message.
///
/// # Errors
/// When the stream cannot be written to.
pub(super) fn write(output: &mut impl Write, message: &Outgoing<'_>) -> io::Result<()> {
    // The layout of a large text, or its outline, is not copied as it grows.
    let mut body = Vec::with_capacity(message.result.as_ref().map_or(0, |answer| answer.get().len()) + ENVELOPE);
    serde_json::to_writer(&mut body, message)?;
    write!(output, "Content-Length: {}\r\n\r\n", body.len())?;
    output.write_all(&body)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match read(&mut input) {
                Ok(Read::Message(message)) => found.push(format!("message {}", message.method.unwrap_or_default())),
                Ok(Read::Broken(_)) => found.push("broken".to_owned()),
                Ok(Read::End) => return found,
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    }

    #[test]
    fn a_broken_body_is_skipped_and_a_broken_header_ends_it() {
        let text = "Content-Length: 3\r\n\r\n{x}content-length:15\nContent-Type: x\n\n{\"method\":\"ab\"}GET / HTTP/1.1\r\n\r\n";
        assert_eq!(all(text.as_bytes()), ["broken", "message ab", "`GET / HTTP/1.1` is not a header, expected `Content-Length: …`"]);
        assert_eq!(all(b"Content-Length: 30\r\n\r\n{}"), ["the input ends inside of a message"]);
        assert_eq!(
            all(b"Content-Length: 99999999999999999999\r\n\r\n"),
            ["`99999999999999999999` is not a length of up to 268435456 bytes"]
        );
        assert_eq!(all(b"X: y\r\n\r\n"), ["a message without `Content-Length`"]);
        assert_eq!(all(b"Content-Length: 18\r\n\r\n[1, \"shutdown\", 1]"), ["broken"], "its values in a list");
        assert_eq!(all(b""), Vec::<String>::new());
    }
}
