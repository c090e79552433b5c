//! Secrets into a rendered request, at the last moment: what comes out is sent and forgotten, never stored, logged or shown.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::template::{Part, RenderedText};

/// The secrets of a generation by name.
pub(super) type Secrets = BTreeMap<String, SecretString>;

/// A secret that the request needs is not configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{0}` is not configured")]
pub(super) struct MissingSecret(String);

/// What is not escaped in a URL, as in every other interpolation.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text with its secrets.
pub(super) fn text(rendered: &RenderedText, secrets: &Secrets) -> Result<String, MissingSecret> {
    let mut filled = String::new();
    for part in &rendered.parts {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Secret(name) => filled.push_str(secret(name, secrets)?),
        }
    }
    Ok(filled)
}

/// The URL with its secrets. One that stands behind the host is escaped; before that it may be the host, or a whole URL.
pub(super) fn url(rendered: &RenderedText, secrets: &Secrets) -> Result<String, MissingSecret> {
    let mut filled = String::new();
    for part in &rendered.parts {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Secret(name) if is_past_host(&filled) => filled.extend(utf8_percent_encode(secret(name, secrets)?, ESCAPED)),
            Part::Secret(name) => filled.push_str(secret(name, secrets)?),
        }
    }
    Ok(filled)
}

fn is_past_host(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#']))
}

fn secret<'a>(name: &str, secrets: &'a Secrets) -> Result<&'a str, MissingSecret> {
    secrets.get(name).map(|secret| secret.expose_secret()).ok_or_else(|| MissingSecret(name.to_owned()))
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
    fn a_missing_secret_is_named() {
        let error = text(&rendered(&[("other", true)]), &secrets()).unwrap_err();
        assert_eq!(error.to_string(), "the secret `other` is not configured");
    }
}
