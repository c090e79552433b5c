//! Why a call is not let in, as an answer: 401 for what concerns the key itself, 403 for what it may not do, 404 for what is another's,
//! 429 for too much.

use axum::http::StatusCode;

use crate::access::{Denied, KeyId};
use crate::server::Problem;

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let text = denied.to_string();
        let unauthorized = |code| Self::new(StatusCode::UNAUTHORIZED, code, text.clone());
        let forbidden = |code| Self::new(StatusCode::FORBIDDEN, code, text.clone());
        let show = "send `Authorization: Bearer whk_…`; `webhookc keys create` makes a key";
        match denied {
            Denied::Missing => unauthorized("key-missing").help(show),
            Denied::Malformed(_) => unauthorized("key-malformed").help(show),
            Denied::Unknown => {
                unauthorized("key-unknown").help("a key is shown once, when it is made; `webhookc keys list` names those that there are")
            }
            Denied::Over => unauthorized("session-over").help("sign in again"),
            Denied::Expired(..) => unauthorized("key-expired").help("`webhookc keys create` makes another"),
            Denied::Revoked(..) => unauthorized("key-revoked").help("`webhookc keys create` makes another"),
            Denied::TooMany(_, wait) => Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-calls", text).retry_after(wait),
            Denied::Lacking { .. } => {
                forbidden("permission-missing").help("what a key may do is said when it is made, with `--permission`")
            }
            Denied::NoTenant(_) => Self::not_found("unknown-tenant", text),
            Denied::NotOfNode(_) => forbidden("key-of-a-tenant").help("`webhookc keys create --all-tenants` makes a key of the node"),
        }
    }
}

impl Problem {
    pub(super) fn key_exists(id: KeyId) -> Self {
        Self::new(StatusCode::CONFLICT, "key-exists", format!("there is a key `{id}` already"))
    }
}
