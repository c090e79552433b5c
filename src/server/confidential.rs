//! Header values as the API shows them: what is written out in a header that holds credentials is not shown, whoever configured it. A value
//! that takes its secret from `secret.*` names it only, and is shown as it is. A URL is shown to the tenant that wrote it, and stored nowhere.

use std::borrow::Cow;

use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::endpoints::{HIDDEN, is_hidden};
use crate::template::{holds_credentials, url_credentials};

/// The value of a header template as it may be shown.
pub(super) fn header<'v>(name: &str, value: impl Into<Cow<'v, str>>) -> Cow<'v, str> {
    let value = value.into();
    if is_hidden(name, &value) { Cow::Borrowed(HIDDEN) } else { value }
}

/// The value of a rendered header as it may be shown; `«name»` is a secret's place.
pub(super) fn rendered<'v>(name: &str, value: impl Into<Cow<'v, str>>) -> Cow<'v, str> {
    let value = value.into();
    if holds_credentials(name) && !value.contains('«') { Cow::Borrowed(HIDDEN) } else { value }
}

/// An answer that shows an endpoint with this URL: where credentials are written out in it, it is not kept for who repeats the request.
pub(super) fn unstored(url: &str, answer: Response) -> Response {
    if url_credentials(url).next().is_some() { never_stored(answer) } else { answer }
}

/// An answer that is stored nowhere, also not for who repeats the request: with a new secret, for instance.
pub(super) fn never_stored(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_are_written_out_are_hidden() {
        for (name, value, shown) in [
            ("Authorization", "Bearer abc", "…"),
            ("Authorization", "Bearer {{ secret.token }}", "Bearer {{ secret.token }}"),
            ("X-Api-Key", "abc", "…"),
            ("X-Access-Token", "abc", "…"),
            ("Accept", "text/plain", "text/plain"),
        ] {
            assert_eq!(header(name, value), shown);
        }
        for (name, value, shown) in [
            ("Authorization", "Bearer {{ abc", "…"),
            ("authorization", "Bearer «token»", "Bearer «token»"),
            ("Accept", "text/plain", "text/plain"),
        ] {
            assert_eq!(rendered(name, value), shown);
        }
    }
}
