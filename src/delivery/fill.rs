//! Secrets into a rendered request, at the last moment: what comes out is sent and forgotten, never stored, logged or shown.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

use super::Destination;
use crate::template::{OF_A_URL, Part, RenderedText};

/// The secrets of a generation by name.
pub type Secrets = BTreeMap<String, SecretString>;

/// What an endpoint keeps back itself, and where that may be sent.
#[derive(Clone, Debug, Default)]
pub struct OwnSecrets {
    /// By name.
    pub values: Secrets,
    /// Where its URL leads; `None` where that is not written out.
    pub destination: Option<Destination>,
}

impl OwnSecrets {
    /// What of it may be sent to this URL: nothing, when the endpoint had another one as the request was made.
    pub(super) fn for_url(&self, url: &RenderedText) -> &Secrets {
        static NONE: Secrets = Secrets::new();
        let leads_there = |destination: &Destination| Destination::of(&url.masked()).as_ref() == Some(destination);
        // Where there is nothing to keep back, no URL is read.
        let may_go = self.values.is_empty() || self.destination.as_ref().is_none_or(leads_there);
        if may_go { &self.values } else { &NONE }
    }
}

/// Why a request cannot be filled in. The value is never told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FillError {
    /// The configuration has no such secret.
    #[error("the secret `{0}` is not configured")]
    Missing(String),
    /// It would end the header or the request line.
    #[error("the secret `{0}` holds a line break or another control character, expected text of one line")]
    Control(String),
    /// It would change another part of the URL than the one it stands for.
    #[error("the secret `{name}` does not fit where it stands in the URL, expected {expected}")]
    Misplaced {
        /// Its name.
        name: String,
        /// What fits there.
        expected: &'static str,
    },
}

/// What is not escaped in a URL, as in every other interpolation.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text with its secrets.
pub(super) fn text(rendered: &RenderedText, secrets: &Secrets) -> Result<String, FillError> {
    let mut filled = String::new();
    for part in &rendered.parts {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Secret(name) => filled.push_str(secret(name, secrets)?),
        }
    }
    Ok(filled)
}

/// The URL with its secrets. Each fills the part in which it stands and no other: behind the host it is escaped, in the authority it is
/// a host or a part of one, at the start it is a scheme or where the URL begins.
pub(super) fn url(rendered: &RenderedText, secrets: &Secrets) -> Result<String, FillError> {
    let mut filled = String::new();
    let mut parts = rendered.parts.iter().peekable();
    while let Some(part) = parts.next() {
        let name = match part {
            Part::Text(text) => {
                filled.push_str(text);
                continue;
            }
            Part::Secret(name) => name,
        };
        let value = secret(name, secrets)?;
        // Written as it stood there.
        if name.starts_with(OF_A_URL) {
            filled.push_str(value);
            continue;
        }
        let misplaced = |expected| Err(FillError::Misplaced { name: name.clone(), expected });
        let next = match parts.peek() {
            Some(Part::Text(text)) => text.as_str(),
            Some(Part::Secret(_)) | None => "",
        };
        match place(&filled, next) {
            // An empty segment or one of dots would name something else than what stands there.
            Place::Path if value.bytes().all(|byte| byte == b'.') => return misplaced("a name"),
            Place::UserInfo | Place::Path | Place::Query => filled.extend(utf8_percent_encode(value, ESCAPED)),
            Place::Scheme if !matches!(value, "http" | "https") => return misplaced("`http` or `https`"),
            Place::Host if !is_host(value) => return misplaced("a host, without a path"),
            Place::Start if !is_base(value, parts.peek().is_some()) => {
                return misplaced("the beginning of a URL, such as `https://example.com`, without `?` and `#` where more follows");
            }
            Place::Scheme | Place::Host | Place::Start => filled.push_str(value),
        }
    }
    Ok(filled)
}

/// A part of a URL in which a secret can stand.
enum Place {
    /// The first thing of all.
    Start,
    /// Before a `://` of the template.
    Scheme,
    UserInfo,
    Host,
    Path,
    Query,
}

/// Where a secret stands, by what is before it and the text behind it.
fn place(before: &str, behind: &str) -> Place {
    let Some((_, rest)) = before.split_once("://") else {
        return if before.is_empty() && !behind.starts_with("://") { Place::Start } else { Place::Scheme };
    };
    if rest.contains(['?', '#']) {
        return Place::Query;
    }
    if rest.contains(['/', '\\']) {
        return Place::Path;
    }
    let authority = behind.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') { Place::UserInfo } else { Place::Host }
}

/// Whether it can be a host with a port, or a part of it.
fn is_host(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'))
}

/// Whether a URL can begin with it.
fn is_base(value: &str, more: bool) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let host = !rest.starts_with(['/', '\\', '?', '#']) && !rest.is_empty();
    let whole = !(value.contains(char::is_whitespace) || more && value.contains(['?', '#']));
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) && host && whole
}

fn secret<'a>(name: &str, secrets: &'a Secrets) -> Result<&'a str, FillError> {
    let value = secrets.get(name).map(SecretString::expose_secret).ok_or_else(|| FillError::Missing(name.to_owned()))?;
    if value.contains(|c: char| c.is_control() && c != '\t') { Err(FillError::Control(name.to_owned())) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(parts: &[(&str, bool)]) -> RenderedText {
        let part = |&(text, is_secret): &(&str, bool)| {
            if is_secret { Part::Secret(text.to_owned()) } else { Part::Text(text.to_owned()) }
        };
        RenderedText { parts: parts.iter().map(part).collect() }
    }

    fn secrets() -> Secrets {
        [("token", "a/b c"), ("hook", "https://hooks.example/T1/x?y=1")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), SecretString::from(value)))
            .collect()
    }

    #[test]
    fn a_secret_is_escaped_behind_the_host_and_whole_before_it() {
        let inside = rendered(&[("https://a.example/", false), ("token", true), ("/x", false)]);
        assert_eq!(url(&inside, &secrets()).unwrap(), "https://a.example/a%2Fb%20c/x");
        assert_eq!(url(&rendered(&[("hook", true)]), &secrets()).unwrap(), "https://hooks.example/T1/x?y=1");
        assert_eq!(text(&rendered(&[("Bearer ", false), ("token", true)]), &secrets()).unwrap(), "Bearer a/b c");
    }

    #[test]
    fn a_part_of_a_url_comes_back_as_it_stood_there() {
        let parts = rendered(&[("https://", false), ("url user-info", true), ("@a.example/?key=", false), ("url key", true)]);
        let secrets =
            [("url user-info", "me:p%20w"), ("url key", "a+b%2F")].map(|(name, value)| (name.to_owned(), SecretString::from(value)));
        assert_eq!(url(&parts, &secrets.into_iter().collect()).unwrap(), "https://me:p%20w@a.example/?key=a+b%2F");
    }

    #[test]
    fn a_missing_secret_is_named() {
        let error = text(&rendered(&[("other", true)]), &secrets()).unwrap_err();
        assert_eq!(error.to_string(), "the secret `other` is not configured");
    }

    /// The URL with `secret` in the place of `{}`, or why it is refused.
    fn filled(template: &str, value: &str) -> String {
        let (before, after) = template.split_once("{}").unwrap();
        let parts = [(before, false), ("s", true), (after, false)];
        let parts: Vec<_> = parts.into_iter().filter(|(text, _)| !text.is_empty()).collect();
        let secrets = [("s".to_owned(), SecretString::from(value))].into_iter().collect();
        url(&rendered(&parts), &secrets).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn a_secret_fills_its_own_part_of_the_url() {
        let fits = [
            ("https://{}/x", "h.example:8443", "https://h.example:8443/x"),
            ("https://{}.example/x", "eu-1", "https://eu-1.example/x"),
            ("https://user:{}@h.example/x", "p/w@#", "https://user:p%2Fw%40%23@h.example/x"),
            ("{}://h.example/x", "https", "https://h.example/x"),
            ("{}/x", "https://h.example/base", "https://h.example/base/x"),
            ("https://h.example/x?t={}", "..", "https://h.example/x?t=.."),
            ("https://h.example/{}/x", "a..", "https://h.example/a../x"),
        ];
        for (template, value, expected) in fits {
            assert_eq!(filled(template, value), expected);
        }
        let refused = [
            ("https://{}/x", "evil.example/y"),
            ("https://{}/x", "a@evil.example"),
            ("https://{}/x", "evil.example#"),
            ("https://{}/x", "evil.example?"),
            ("https://{}/x", "evil.example\\"),
            ("https://{}/x", ""),
            ("https://{}.example/x", "evil.org/"),
            ("https://{}", "h.example/x"),
            ("{}://h.example/x", "https://evil.example/?"),
            ("{}://h.example/x", "ftp"),
            ("{}/x", "ftp://h.example"),
            ("{}/x", "h.example"),
            ("{}/x", "https://"),
            ("{}/x", "https://h.example/?q="),
            ("{}/x", "https://h.example/ y"),
            ("https://h.example/{}/x", ".."),
            ("https://h.example/.{}/x", "."),
            ("https://h.example/{}/x", ""),
        ];
        for (template, value) in refused {
            let error = filled(template, value);
            assert!(error.starts_with("the secret `s` does not fit where it stands in the URL, expected "), "{template} {value}: {error}");
        }
    }

    #[test]
    fn a_control_character_is_refused_everywhere() {
        let secrets: Secrets = [("s".to_owned(), SecretString::from("a\r\nX-Evil: 1"))].into_iter().collect();
        for parts in [&[("Bearer ", false), ("s", true)][..], &[("https://h.example/", false), ("s", true)]] {
            assert_eq!(text(&rendered(parts), &secrets), Err(FillError::Control("s".to_owned())));
            assert_eq!(url(&rendered(parts), &secrets), Err(FillError::Control("s".to_owned())));
        }
    }
}
