//! Header values as the API shows them: what is written out in a header that holds credentials is not shown, whoever configured it. A value
//! that takes its secret from `secret.*` names it only, and is shown as it is.

use std::borrow::Cow;

/// Headers whose value is a credential, and parts of names of those that receivers invent.
const NAMES: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
const PARTS: [&str; 5] = ["token", "secret", "key", "password", "signature"];
/// What is shown instead.
const HIDDEN: &str = "…";

/// The value of a header, a template or rendered, as it may be shown.
pub(super) fn header<'v>(name: &str, value: impl Into<Cow<'v, str>>) -> Cow<'v, str> {
    let (name, value) = (name.to_ascii_lowercase(), value.into());
    let is_credential = NAMES.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part));
    if is_credential && !value.contains("{{") && !value.contains('«') { Cow::Borrowed(HIDDEN) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_are_written_out_are_hidden() {
        for (name, value, shown) in [
            ("Authorization", "Bearer abc", "…"),
            ("Authorization", "Bearer {{ secret.token }}", "Bearer {{ secret.token }}"),
            ("authorization", "Bearer «token»", "Bearer «token»"),
            ("X-Api-Key", "abc", "…"),
            ("X-Access-Token", "abc", "…"),
            ("Accept", "text/plain", "text/plain"),
        ] {
            assert_eq!(header(name, value), shown);
        }
    }
}
