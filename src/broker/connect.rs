//! `[nats.NAME]` → a connection, with who this node is there. Secrets are revealed here, once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::context::ContextBuilder;
use async_nats::{ConnectOptions, Event};
use secrecy::{ExposeSecret as _, SecretString};

use super::Broker;
use crate::config::{self, Login, SecretError, SecretSource};

/// How long the server has to answer a question about a stream.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a stream has to acknowledge a message: longer than any deadline of a request, which is the one that counts.
const ACKNOWLEDGEMENT: Duration = Duration::from_mins(3);
/// Messages of all endpoints that may wait for their acknowledgement: more than requests can be under way.
const UNACKNOWLEDGED: usize = 16 * 1024;
/// The longest pause between two tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why a broker cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the broker `{name}`: {what}")]
pub struct BrokerError {
    name: String,
    what: String,
    /// Why.
    #[source]
    source: Option<Cause>,
}

/// What is behind a [`BrokerError`].
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The client cannot be made.
    #[error(transparent)]
    Client(#[from] async_nats::ConnectError),
}

/// Begins to connect, and goes on until it succeeds.
pub(super) async fn connect(broker: &config::Broker, folder: &Path) -> Result<Broker, BrokerError> {
    let failed = |what: &str, cause: Cause| BrokerError { name: broker.name.clone(), what: what.to_owned(), source: Some(cause) };
    let events = Events { broker: broker.name.clone(), said: Mutex::default() };
    let mut options = ConnectOptions::new()
        .name("webhookc")
        .retry_on_initial_connect()
        .max_reconnects(None)
        .reconnect_delay_callback(|tries| {
            LONGEST_PAUSE.min(Duration::from_millis(100).saturating_mul(u32::try_from(tries).unwrap_or(u32::MAX)))
        })
        .event_callback(move |event| {
            events.tell(&event);
            std::future::ready(())
        });
    let reveal = |source: &SecretSource| source.reveal(folder).map_err(|error| failed("its secret cannot be had", error.into()));
    match &broker.login {
        Login::Nobody => {}
        Login::Token(token) => options = options.token(reveal(token)?.expose_secret().to_owned()),
        Login::User(user, password) => options = options.user_and_password(user.clone(), reveal(password)?.expose_secret().to_owned()),
        Login::Credentials(credentials) => {
            let text = reveal(credentials)?;
            // The client finds the last line of it by the break at its end, which is no part of a secret.
            let text = SecretString::from(format!("{}\n", text.expose_secret()));
            options = options.credentials(text.expose_secret()).map_err(|error| failed("its credentials cannot be read", error.into()))?;
        }
    }
    let file = |path: &Path| -> Result<PathBuf, BrokerError> {
        let path = folder.join(path);
        let readable = std::fs::File::open(&path).map(drop);
        readable.map_err(|error| failed(&format!("the file `{}` cannot be read", path.display()), error.into())).map(|()| path)
    };
    if broker.tls {
        options = options.require_tls(true);
    }
    if let Some(ca) = &broker.ca {
        options = options.add_root_certificates(file(ca)?);
    }
    if let Some((certificate, key)) = &broker.certificate {
        options = options.add_client_certificate(file(certificate)?, file(key)?);
    }
    let client = options.connect(broker.servers.clone()).await.map_err(|error| failed("it cannot be connected to", error.into()))?;
    let streams = ContextBuilder::new().timeout(ANSWER).ack_timeout(ACKNOWLEDGEMENT).max_ack_inflight(UNACKNOWLEDGED).build(client.clone());
    Ok(Broker { client, streams })
}

/// What happens to a connection, in the log.
struct Events {
    broker: String,
    /// Why it could not be reached the last time: said once, however often it is tried.
    said: Mutex<String>,
}

impl Events {
    fn tell(&self, event: &Event) {
        let broker = self.broker.as_str();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Connected => {
                said.clear();
                tracing::info!(broker, "connected to the broker");
            }
            Event::Disconnected => tracing::warn!(broker, "the connection to the broker is lost; connecting again"),
            Event::ServerError(error) => tracing::error!(broker, %error, "the broker refuses something"),
            Event::ClientError(error) => {
                let error = error.to_string();
                if *said != error {
                    tracing::warn!(broker, error, "the broker cannot be reached; trying again");
                    *said = error;
                }
            }
            Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining | Event::Closed => tracing::debug!(broker, %event, "the broker"),
        }
    }
}
