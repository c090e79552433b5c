//! The cookie of a session. No script can read it, no other site's page has it sent along, and once the browser has come over TLS it is
//! sent over nothing else.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::access::SessionToken;
use crate::server::access::SESSION;

/// The cookie of a session that lasts so many seconds.
pub(super) fn begun(token: &SessionToken, seconds: i64, headers: &HeaderMap) -> HeaderValue {
    cookie(&token.reveal(), seconds, headers)
}

/// What makes a browser forget it.
pub(super) fn ended(headers: &HeaderMap) -> HeaderValue {
    cookie("", 0, headers)
}

fn cookie(value: &str, seconds: i64, headers: &HeaderMap) -> HeaderValue {
    let secure = if came_over_tls(headers) { "; Secure" } else { "" };
    let text = format!("{SESSION}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut cookie = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    cookie.set_sensitive(true);
    cookie
}

/// Whether the browser speaks TLS with whoever stands before this node: it says so itself, or he does. Whoever says so untruly only has
/// his own browser keep the cookie back.
fn came_over_tls(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    text(header::ORIGIN.as_str()).starts_with("https://")
        || text("x-forwarded-proto").split(',').any(|proto| proto.trim() == "https")
        || text("forwarded").contains("proto=https")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SeededEntropy;

    #[test]
    fn it_is_secure_once_there_is_tls_and_never_for_scripts_or_other_sites() {
        let token = SessionToken::random(&SeededEntropy::new(1));
        let written = |pairs: &[(&'static str, &str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            begun(&token, 60, &headers).to_str().unwrap().to_owned()
        };
        let plain = written(&[("origin", "http://127.0.0.1:7357")]);
        assert_eq!(plain, format!("webhookc_session={}; Path=/; Max-Age=60; HttpOnly; SameSite=Strict", token.reveal()));
        for tls in [
            ("origin", "https://hooks.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "http, HTTPS"),
            ("forwarded", "for=10.0.0.1;proto=https"),
        ] {
            assert_eq!(written(&[tls]), format!("{plain}; Secure"), "{tls:?}");
        }
    }
}
