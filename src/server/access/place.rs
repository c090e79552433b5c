//! Where a call's key and its tenant stand: a choice of each router, because other systems' APIs have them elsewhere.

use axum::http::{HeaderMap, HeaderName, header};

use crate::access::{Denied, SessionToken, Token};
use crate::server::Problem;

/// Where key and tenant stand in the calls of a router.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Place {
    /// The header beside `Authorization: Bearer` that may hold the key.
    pub(in crate::server) header: Option<&'static str>,
    /// The cookie that may hold a session instead. The API takes none: what a browser sends by itself must not change anything there.
    pub(in crate::server) cookie: Option<&'static str>,
    /// The name of the tenant in the path. Where the path has none, the tenant is the key's own.
    pub(in crate::server) tenant: &'static str,
}

/// The cookie of a session.
pub(in crate::server) const SESSION: &str = "webhookc_session";
/// The scheme of a key in `Authorization`.
const BEARER: &str = "bearer";

impl Place {
    /// Of our own API: `Authorization: Bearer whk_…`, and `{tenant}` in the path.
    pub(in crate::server) const OURS: Self = Self { header: None, cookie: None, tenant: "tenant" };
    /// Of the pages: the same, or a session.
    pub(in crate::server) const PAGES: Self = Self { cookie: Some(SESSION), ..Self::OURS };

    /// The same problem with a key, with where this API has it.
    pub(in crate::server) fn advise(self, problem: Problem) -> Problem {
        match self.header {
            Some(name) if problem.is_about_showing_a_key() => {
                problem.help(format!("send the key in `{name}`; `webhookc keys create` makes a key"))
            }
            Some(_) | None => problem,
        }
    }

    /// The session of a call, if it has one.
    pub(in crate::server) fn session(self, headers: &HeaderMap) -> Option<SessionToken> {
        let name = self.cookie?;
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).and_then(|(_, value)| value.parse().ok())
    }

    /// The key of a call; `None` when there is none.
    pub(in crate::server) fn token(self, headers: &HeaderMap) -> Result<Option<Token>, Denied> {
        let bearer = only(headers, &header::AUTHORIZATION)?.map(bearer).transpose()?;
        let named = match self.header.map(HeaderName::from_static) {
            Some(name) => only(headers, &name)?,
            None => None,
        };
        let text = match (bearer, named) {
            (Some(_), Some(_)) => return Err(Denied::Malformed("it came twice, in two headers".to_owned())),
            (text, None) | (None, text) => text,
        };
        text.map(|text| text.parse().map_err(|error: crate::access::ParseTokenError| Denied::Malformed(error.to_string()))).transpose()
    }
}

/// The text of a header that may be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Denied> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Denied::Malformed(format!("there is more than one `{name}`")));
    }
    let text = first.map(|value| value.to_str().map_err(|_| Denied::Malformed(format!("`{name}` is not ASCII"))));
    text.transpose()
}

fn bearer(text: &str) -> Result<&str, Denied> {
    let key = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER)).map(|(_, key)| key.trim());
    key.ok_or_else(|| Denied::Malformed("`authorization` is of another scheme, expected `Bearer whk_…`".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Kind;
    use crate::time::SeededEntropy;

    fn found(place: Place, pairs: &[(&'static str, &str)]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        place.token(&headers).map(|token| token.map(|token| token.reveal())).map_err(|denied| denied.to_string())
    }

    #[test]
    fn a_key_is_found_where_the_router_says() {
        let key = Token::random(Kind::Key, &SeededEntropy::new(1)).reveal();
        let theirs = Place { header: Some("ocp-apim-subscription-key"), ..Place::OURS };
        let bearer = format!("Bearer {key}");
        assert_eq!(found(Place::OURS, &[]), Ok(None));
        assert_eq!(found(Place::OURS, &[("authorization", &bearer)]), Ok(Some(key.clone())));
        assert_eq!(found(Place::OURS, &[("authorization", &bearer.replace("Bearer", "bearer"))]), Ok(Some(key.clone())));
        assert_eq!(found(Place::OURS, &[("ocp-apim-subscription-key", &key)]), Ok(None));
        assert_eq!(found(theirs, &[("ocp-apim-subscription-key", &key)]), Ok(Some(key.clone())));
        assert_eq!(found(theirs, &[("authorization", &bearer)]), Ok(Some(key)));
    }

    #[test]
    fn what_is_no_key_is_said_without_repeating_it() {
        let key = Token::random(Kind::Key, &SeededEntropy::new(1)).reveal();
        let bearer = format!("Bearer {key}");
        let theirs = Place { header: Some("x-key"), ..Place::OURS };
        for pairs in [
            &[("authorization", bearer.as_str()), ("authorization", &bearer)][..],
            &[("authorization", key.as_str())],
            &[("authorization", "Basic dXNlcjpwYXNz")],
            &[("authorization", "Bearer hunter2")],
            &[("authorization", "Bearer")],
            &[("authorization", &bearer), ("x-key", &key)],
        ] {
            let error = found(theirs, pairs).unwrap_err();
            assert!(error.starts_with("the call's key cannot be read: "), "{error}");
            assert!(!error.contains("hunter2") && !error.contains(&key) && !error.contains("dXNl"), "{error}");
        }
    }
}
