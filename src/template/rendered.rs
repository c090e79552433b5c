//! What rendering makes.

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};

use super::without_credentials;
use crate::text::Span;

/// A request, frozen: a retry or a later schema sends the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The HTTP method, upper case.
    pub method: Box<str>,
    /// The URL.
    pub url: RenderedText,
    /// Headers of the template, in order, without the ones that every request carries.
    pub headers: Vec<(Box<str>, RenderedText)>,
    /// Body and its content type; `None` for the default body.
    pub body: Option<(Box<str>, Bytes)>,
}

/// Text in which secrets are still placeholders. In the store it is a JSON list of strings and `{"secret": name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RenderedText {
    /// In order.
    pub parts: Vec<Part>,
}

/// A piece of rendered text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Stored")]
pub enum Part {
    /// As it is.
    Text(String),
    /// The secret of this name, filled in when the request is sent.
    Secret(String),
}

/// A piece in the store.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Secret { secret: String },
}

impl From<Stored> for Part {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Text(text) => Self::Text(text),
            Stored::Secret { secret } => Self::Secret(secret),
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Secret(secret) => serializer.collect_map([("secret", secret)]),
        }
    }
}

impl RenderedText {
    /// Text without secrets.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }

    /// The text with every secret as `«name»`, for people.
    #[must_use]
    pub fn masked(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Secret(name) => format!("«{name}»"),
            })
            .collect()
    }

    /// A URL for people: every secret as `«name»`, and no credential that is written out.
    #[must_use]
    pub fn shown_url(&self) -> String {
        without_credentials(&self.masked()).into_owned()
    }
}

/// Why a request could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct RenderError {
    /// One sentence: what failed, with the value seen.
    pub what: String,
    /// The expression.
    pub span: Option<Span>,
}
