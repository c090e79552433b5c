//! Brokers of `[nats.NAME]`: the connections to them, and a request for one → a message of a stream that has acknowledged it. Where a
//! broker is comes from the configuration alone. Absent: what is read from a broker, which is in `consume`.

mod connect;
mod publish;

pub use connect::BrokerError;
pub use publish::Published;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;

use crate::config;

/// What the URL of a request for a broker begins with: `nats://NAME/subject`.
pub const SCHEME: &str = "nats://";

/// How often it is looked whether a connection is there.
const LOOK: Duration = Duration::from_millis(20);

/// The brokers, by name. Cheap to clone; clones share connections.
#[derive(Clone, Default)]
pub struct Brokers(Arc<BTreeMap<String, Broker>>);

/// One of them, which is connected again whenever the connection is lost.
pub struct Broker {
    client: async_nats::Client,
    /// The streams there.
    pub(crate) streams: async_nats::jetstream::Context,
}

impl Brokers {
    /// Begins to connect to each. Does not wait for it: a broker may come up later than this node.
    ///
    /// # Errors
    /// When a secret or a file is not there, or cannot be used.
    pub async fn connect(brokers: &[config::Broker], folder: &Path) -> Result<Self, BrokerError> {
        let mut connected = BTreeMap::new();
        for broker in brokers {
            connected.insert(broker.name.clone(), connect::connect(broker, folder).await?);
        }
        Ok(Self(Arc::new(connected)))
    }

    /// The one of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Broker> {
        self.0.get(name)
    }
}

impl Broker {
    /// Whether it can be reached within this time.
    pub(crate) async fn is_there(&self, within: Duration) -> bool {
        let there = async {
            while self.client.connection_state() != State::Connected {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(within, there).await.is_ok()
    }
}
