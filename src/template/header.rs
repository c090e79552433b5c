//! Headers: which names a template may set, and how a value gets into one without ending it.

use super::evaluate::Sink;
use super::limits;
use super::rendered::{Part, RenderedText};
use super::value::Value;
use super::write::{Bounded, Refusal};

/// Headers that the sender makes itself: framing, identity and signatures.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-journey-signature",
    "x-journey-signature-rsa-sha256",
    "x-journey-signature-rsa-sha256-key-id",
];

/// Whether only the sender may set it.
pub(super) fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("webhook-") || RESERVED.contains(&lower.as_str())
}

/// Headers whose value is a credential, and parts of the names of those that receivers invent.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-auth"];
const CREDENTIAL_PARTS: [&str; 7] = ["token", "secret", "key", "password", "signature", "credential", "session"];

/// Whether the value of a header of this name is a credential, so that it is shown to nobody.
#[must_use]
pub fn holds_credentials(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    CREDENTIALS.contains(&lower.as_str()) || CREDENTIAL_PARTS.iter().any(|part| lower.contains(part))
}

/// Whether it is a header name at all (RFC 9110 §5.6.2, `token`).
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Collects a header value while it is rendered.
#[derive(Debug, Default)]
pub(super) struct HeaderSink {
    parts: Vec<Part>,
    text: String,
    length: usize,
}

impl HeaderSink {
    /// The value.
    pub(super) fn finish(mut self) -> RenderedText {
        self.settle();
        RenderedText { parts: self.parts }
    }

    fn settle(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        }
    }

    /// A control character becomes one space.
    fn push(&mut self, text: &str) -> Result<(), Refusal> {
        self.length += text.len();
        if self.length > limits::HEADER_BYTES {
            return Err(format!("the rendered header is longer than {} bytes", limits::HEADER_BYTES));
        }
        self.text.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        Ok(())
    }
}

impl Sink for HeaderSink {
    fn literal(&mut self, text: &str) -> Result<(), Refusal> {
        self.push(text)
    }

    fn value(&mut self, value: &Value<'_>, _trusted: bool) -> Result<(), Refusal> {
        if let Value::Secret(name) = value {
            self.settle();
            self.parts.push(Part::Secret((*name).to_owned()));
            return Ok(());
        }
        let mut printed = Bounded::new(limits::HEADER_BYTES);
        printed.print(value)?;
        self.push(&printed.text)
    }
}
