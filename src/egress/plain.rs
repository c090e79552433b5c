//! The client of the command line: calls the API of a node that the user named. No guard, because the user chose the address; bounded in
//! time and in memory like everything else that is received.

use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::egress::ClientError;
use crate::egress::exchange::chain;

/// Deadline of a call.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const LONGEST: usize = 32 << 20;

/// A client without a guard. Never used for deliveries.
#[derive(Clone, Debug)]
pub struct PlainClient(reqwest::Client);

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The URL or method is not one.
    #[error("`{0}` cannot be called, expected an address such as `http://127.0.0.1:7357`")]
    Address(String),
    /// Nobody answers there.
    #[error("nobody answers at `{url}`: {why}")]
    Unreachable {
        /// What was called.
        url: String,
        /// Why.
        why: String,
    },
    /// The answer broke off or is too long.
    #[error("the answer of `{url}` cannot be read: {why}")]
    Answer {
        /// What was called.
        url: String,
        /// Why.
        why: String,
    },
}

impl PlainClient {
    /// A client.
    ///
    /// # Errors
    /// When the system's TLS set-up cannot be read.
    pub fn new() -> Result<Self, ClientError> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        http.map(Self).map_err(|error| ClientError(chain(&error)))
    }

    /// Sends JSON, or nothing, and reads the answer: status and body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, method: &str, url: &str, body: Option<Bytes>) -> Result<(u16, Bytes), CallError> {
        let address = || CallError::Address(url.to_owned());
        let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|_| address())?;
        let target = url::Url::parse(url).map_err(|_| address())?;
        let mut request = self.0.request(method, target);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let unreachable = |error: reqwest::Error| CallError::Unreachable { url: url.to_owned(), why: chain(&error.without_url()) };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let answer = |why: String| CallError::Answer { url: url.to_owned(), why };
        let mut whole = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| answer(chain(&error.without_url())))? {
            if whole.len() + chunk.len() > LONGEST {
                return Err(answer("it is too long".to_owned()));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok((status, whole.freeze()))
    }
}
