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

/// A credential that is written out in a URL, and does not stay there once it is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concealed {
    /// Under which name it is filled in again.
    pub name: Box<str>,
    /// The text before it by which it is found.
    pub before: Box<str>,
    /// The credential.
    pub value: Box<str>,
}

impl RenderedText {
    /// The text with credentials, in the order in which they stand in it, as secrets. No value of an object is taken for one: it has no `=` and no
    /// `/` that is not encoded.
    pub(super) fn concealing(mut self, concealed: &[Concealed]) -> Self {
        let mut from = 0;
        for Concealed { name, before, value } in concealed {
            let place = format!("{before}{value}");
            let mut texts = self.parts.iter().enumerate().skip(from).filter_map(|(index, part)| match part {
                Part::Text(text) => Some((index, text.split_once(place.as_str())?)),
                Part::Secret(_) => None,
            });
            let Some((index, (kept, behind))) = texts.next() else { continue };
            let parts = [Part::Text(format!("{kept}{before}")), Part::Secret(name.to_string()), Part::Text(behind.to_owned())];
            self.parts.splice(index..=index, parts);
            from = index + 2;
        }
        self.parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        self
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_concealed_is_named_where_it_stood_and_nowhere_else() {
        let concealed = [("url user-info", "://", "me:pw"), ("url key", "key=", "k"), ("url key 2", "key=", "kk")]
            .map(|(name, before, value)| Concealed { name: name.into(), before: before.into(), value: value.into() });
        let url = RenderedText {
            parts: vec![
                Part::Text("https://me:pw@h.example/me:pw?key=k&id=key%3Dkk&x=".to_owned()),
                Part::Secret("s".to_owned()),
                Part::Text("&key=kk".to_owned()),
            ],
        };
        assert_eq!(
            url.concealing(&concealed).masked(),
            "https://«url user-info»@h.example/me:pw?key=«url key»&id=key%3Dkk&x=«s»&key=«url key 2»"
        );
        let other = RenderedText::plain("https://h.example/");
        assert_eq!(other.clone().concealing(&concealed), other);
    }
}
