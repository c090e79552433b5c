//! `webhookc.toml`, the environment and flags → [`Config`]; and a path → a [`Project`]: the configuration with the schema and template
//! files it names, ready to compile. Flags win over the environment, that over the file, that over the defaults. Every mistake of the
//! file is reported in one run, with its place. Absent: the values of secrets, which are revealed only where a generation is built.

#[cfg(feature = "nats")]
mod broker;
mod bundle;
mod dialect;
mod document;
mod endpoint;
mod failure;
mod file;
mod files;
mod keys;
mod project;
mod retention;
mod secret;
mod source;
mod stamp;

#[cfg(feature = "nats")]
pub use broker::{Broker, Consumer, FromSubject, Login};
pub use bundle::{Bundle, Parts};
pub use dialect::Dialect;
pub use document::Mistake;
pub use file::parse;
pub use files::{Overlay, Seen, expand, is_project, read_file, xml_files};
pub use keys::{Keys, PreviousSecret};
pub use project::{LoadError, Project, Reading, read, read_over, read_settings, read_text};
pub use retention::Retention;
pub use secret::{SecretError, SecretSource};
pub use source::{OnRefused, Source, SourceTable};

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use crate::delivery::{Policy, Rate};
use crate::ids::EndpointId;
use crate::program::{EndpointSource, Settings};
use crate::text::{Span, Spanned};

/// The name of the project file.
pub const FILE_NAME: &str = "webhookc.toml";
/// Where a node listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7357);

/// What a project is configured to be.
#[derive(Debug)]
pub struct Config {
    /// The project folder: where `webhookc.toml` is, or would be. Relative paths of the file start here.
    pub folder: PathBuf,
    /// `app` of the payload.
    pub app: Option<String>,
    /// `server` of the payload.
    pub server: Option<String>,
    /// Schema files and folders, as written.
    pub schemas: Vec<PathBuf>,
    /// The folder of template files, as written.
    pub templates: Option<PathBuf>,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Names besides those of this machine under which the API may be called.
    pub hosts: Vec<String>,
    /// Calls that each key of the API may make of which nothing else was said when it was made.
    pub rate_limit: Option<Rate>,
    /// Endpoints that each tenant may make by API, when it is said.
    pub endpoints_per_tenant: Option<usize>,
    /// The store's URL, when one is configured. A relative `SQLite` path starts at the project folder.
    pub store: Option<String>,
    /// Where the key is that the store's secrets are encrypted with; in `WEBHOOKC_KEY` or beside the store when nothing is said.
    pub store_key: Option<SecretSource>,
    /// `vars.*`.
    pub vars: BTreeMap<String, String>,
    /// Where the values of `secret.*` are.
    pub secrets: BTreeMap<String, SecretSource>,
    /// `[receivers.NAME]` by name, then `[[endpoints]]`, in the order of the file.
    pub endpoints: Vec<Endpoint>,
    /// Private networks that deliveries may reach.
    pub allow_networks: Vec<IpNet>,
    /// Requests under way at once, of all endpoints; a default of the worker when nothing is said.
    pub in_flight: Option<usize>,
    /// How long things are kept after they have ended.
    pub retention: Retention,
    /// The APIs of other systems that the node has besides its own.
    pub dialects: Vec<Dialect>,
    /// The database that is read, if there is one.
    pub source: Option<Source>,
    /// `[nats.NAME]`.
    #[cfg(feature = "nats")]
    pub brokers: Vec<Broker>,
    /// `[source.nats]`.
    #[cfg(feature = "nats")]
    pub consumer: Option<Consumer>,
    /// Where the names of `[vars]`, `[secrets]` and `[receivers]` are written, by `vars.x`, `secrets.x`, `receivers.x`.
    pub names: BTreeMap<String, Span>,
}

/// A receiver or endpoint of the file: the compiler's side, and the runtime's.
#[derive(Debug)]
pub struct Endpoint {
    /// Who it is and what it is sent.
    pub source: Arc<EndpointSource>,
    /// Limits and failure handling.
    pub policy: Arc<Policy>,
    /// The name of its alert endpoint, as written.
    pub alert: Option<Box<Spanned<String>>>,
    /// What its deliveries are signed with, where anything is said about it.
    pub keys: Option<Box<Keys>>,
}

/// Settings from flags and the environment, which win over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`, `WEBHOOKC_LISTEN`.
    pub listen: Option<String>,
    /// `--store`, `WEBHOOKC_STORE`; a relative `SQLite` path starts at the working directory.
    pub store: Option<String>,
    /// `--app`, `WEBHOOKC_APP`.
    pub app: Option<String>,
    /// `--server`, `WEBHOOKC_SERVER`.
    pub server: Option<String>,
}

impl Config {
    /// What a folder without `webhookc.toml` gets.
    #[must_use]
    pub fn of_folder(folder: PathBuf) -> Self {
        Self {
            folder,
            app: None,
            server: None,
            schemas: Vec::new(),
            templates: None,
            listen: DEFAULT_LISTEN,
            hosts: Vec::new(),
            rate_limit: None,
            endpoints_per_tenant: None,
            store: None,
            store_key: None,
            vars: BTreeMap::new(),
            secrets: BTreeMap::new(),
            endpoints: Vec::new(),
            allow_networks: Vec::new(),
            in_flight: None,
            retention: Retention::default(),
            dialects: Vec::new(),
            source: None,
            #[cfg(feature = "nats")]
            brokers: Vec::new(),
            #[cfg(feature = "nats")]
            consumer: None,
            names: BTreeMap::new(),
        }
    }

    /// The compiler's view.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let defaults = Settings::default();
        let receivers = self.endpoints.iter().filter_map(|endpoint| match &endpoint.source.events {
            crate::program::Events::Receiver(name) => Some(name.to_string()),
            crate::program::Events::All | crate::program::Events::Named(_) | crate::program::Events::Unclaimed => None,
        });
        Settings {
            app: self.app.clone().unwrap_or(defaults.app),
            server: self.server.clone().unwrap_or(defaults.server),
            vars: self.vars.clone(),
            secrets: self.secrets.keys().cloned().collect(),
            receivers: receivers.collect::<BTreeSet<_>>(),
            templates: defaults.templates,
            #[cfg(feature = "nats")]
            brokers: Some(self.brokers.iter().map(|broker| broker.name.clone()).collect()),
            #[cfg(not(feature = "nats"))]
            brokers: defaults.brokers,
            endpoints: self.endpoints.iter().map(|endpoint| Arc::clone(&endpoint.source)).collect(),
        }
    }

    /// The endpoint with this id, if it is one of the file's.
    #[must_use]
    pub fn endpoint(&self, id: &EndpointId) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.source.id == *id)
    }

    /// The configured store as a URL whose `SQLite` path does not depend on the working directory, or `default`, a file in the project
    /// folder.
    #[must_use]
    pub fn store_url(&self, default: &str) -> String {
        match &self.store {
            Some(url) => url.clone(),
            None => in_folder(&self.folder, &format!("sqlite:{default}")),
        }
    }
}

/// `sqlite:` with a relative path, placed into `folder`; any other URL as it is.
fn in_folder(folder: &std::path::Path, url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.starts_with(":memory:") && !path.is_empty() => format!("sqlite:{}", folder.join(path).display()),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
