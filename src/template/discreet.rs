//! A URL as it may be shown: what is written out in it for credentials is not. That is the user-info, and the values of parameters that are
//! called as credentials are. A value that takes its secret from `secret.*` names it only, and stays; so does the rest of a template. Absent:
//! secrets in a path, which look like any other name.

use std::borrow::Cow;

/// How the name of a secret begins that is such a credential, filled in as it stood there. No secret of the configuration has a name with a space.
pub const OF_A_URL: &str = "url ";
/// What stands in the place of a credential.
const HIDDEN: &str = "…";
/// Parts of the names of parameters that are credentials.
const PARTS: [&str; 8] = ["token", "secret", "password", "signature", "credential", "api_key", "api-key", "apikey"];
/// Whole names of such parameters.
const NAMES: [&str; 4] = ["key", "sig", "auth", "session"];

/// A credential that is written out in a URL, or in the template of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlCredential<'u> {
    /// What the parameter is called; `None`: it is the user-info.
    pub parameter: Option<&'u str>,
    /// The text before it by which it is found.
    pub before: &'u str,
    /// The credential.
    pub value: &'u str,
}

/// The credentials that are written out in a URL, in their order.
pub fn url_credentials(url: &str) -> impl Iterator<Item = UrlCredential<'_>> {
    let (before, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let authority = if before.is_empty() { "" } else { rest.split(['/', '?', '#']).next().unwrap_or_default() };
    let user = authority.rsplit_once('@').map(|(user, _)| user).filter(|user| is_written_out(user));
    let query = rest.split_once('?').map(|(_, behind)| behind.split('#').next().unwrap_or_default());
    let found = query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let before = pair.get(..=name.len()).unwrap_or_default();
        (is_credential(name) && is_written_out(value)).then_some(UrlCredential { parameter: Some(name), before, value })
    });
    user.map(|value| UrlCredential { parameter: None, before: "://", value }).into_iter().chain(found)
}

/// The URL, or the template of one, without its credentials.
#[must_use]
pub fn without_credentials(url: &str) -> Cow<'_, str> {
    let mut hidden = url_credentials(url).peekable();
    if hidden.peek().is_none() {
        return Cow::Borrowed(url);
    }
    let (mut shown, mut left) = (String::with_capacity(url.len()), url);
    for UrlCredential { before, value, .. } in hidden {
        // Behind what is hidden already, the first place where it stands after its name.
        let Some((kept, behind)) = left.split_once(&format!("{before}{value}")) else { continue };
        shown.extend([kept, before, HIDDEN]);
        left = behind;
    }
    Cow::Owned(shown + left)
}

fn is_credential(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    NAMES.contains(&lower.as_str()) || PARTS.iter().any(|part| lower.contains(part))
}

/// Whether something stands there that no `secret.*` and no other expression is part of.
fn is_written_out(value: &str) -> bool {
    !value.is_empty() && !value.contains('«') && !value.contains("{{") && !value.contains("{%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_are_written_out_are_hidden_and_nothing_else() {
        for (url, shown) in [
            ("https://me:pw@h.example/a@b?x=1", "https://…@h.example/a@b?x=1"),
            ("https://me:«pw»@h.example/a", "https://me:«pw»@h.example/a"),
            ("https://me:{{ secret.pw }}@h.example/a", "https://me:{{ secret.pw }}@h.example/a"),
            (
                "https://h.example/a?api_key=abc&page=2&Access-Token=def#token=x",
                "https://h.example/a?api_key=…&page=2&Access-Token=…#token=x",
            ),
            ("https://h.example/a?key=abc", "https://h.example/a?key=…"),
            ("https://h.example/a?key=«token»&sort_key=name&token=", "https://h.example/a?key=«token»&sort_key=name&token="),
            ("{{ vars.base }}/a?token=abc&id={{ object.id }}", "{{ vars.base }}/a?token=…&id={{ object.id }}"),
            ("https://h.example/a?token={{ object.id }}", "https://h.example/a?token={{ object.id }}"),
            ("nats://main/hooks.a", "nats://main/hooks.a"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
