//! Where a request goes: what a connection can be shared by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use url::{Host, Position, Url};

/// Scheme, host and port of a URL (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// Whether the connection is over TLS.
    pub secure: bool,
    /// The host; the URL parser has understood every notation of an address.
    pub host: Host<String>,
    /// The port.
    pub port: u16,
}

/// A URL as it is sent.
pub(super) struct Location {
    /// Where to.
    pub origin: Origin,
    /// The value of the header `Host`.
    pub authority: HeaderValue,
    /// Path and query.
    pub target: Uri,
    /// The value of the header `Authorization` that the user-info stands for (RFC 7617), if there is any.
    pub credentials: Option<HeaderValue>,
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// Why it cannot be called. The URL itself is not repeated: it may hold a secret.
    pub(super) fn read(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("the URL cannot be read: {error}"))?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(format!("the URL's scheme is `{other}`, expected `https` or `http`")),
        };
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Err("the URL names no host".to_owned()) };
        let unsendable = || "the URL holds a character that cannot be sent".to_owned();
        let authority = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).map_err(|_| unsendable())?;
        let target = url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| unsendable())?;
        let origin = Origin { secure, host: host.to_owned(), port };
        Ok(Self { origin, authority, target, credentials: credentials(&url) })
    }
}

fn credentials(url: &Url) -> Option<HeaderValue> {
    let (user, password) = (url.username(), url.password());
    if user.is_empty() && password.is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password.unwrap_or_default()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
