//! Which store a verb works on that needs no schema and no running node.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::failure::Failure;
use super::serve::STORE;
use crate::check::{Rules, Valid};
use crate::compile::compile;
use crate::config::{self, Config, Overrides};
use crate::store::{self, StoreError};
use crate::time::{Clock as _, SystemClock};

/// A project's store.
#[derive(Debug, Args)]
pub(super) struct Stored {
    /// The project folder, with or without `webhookc.toml`
    #[arg(default_value = ".")]
    path: PathBuf,

    /// The store, such as `sqlite:webhookc.db`; by default that of `webhookc serve`
    #[arg(long, env = "WEBHOOKC_STORE", value_name = "URL")]
    store: Option<String>,
}

impl Stored {
    /// How the project is configured.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        Ok(config::read_settings(&self.path, &Overrides { store: self.store.clone(), ..Overrides::default() })?)
    }

    /// What the project's schema says; `None` when it has errors, or there is none.
    pub(super) fn rules(&self) -> Option<Valid<Rules>> {
        rules(&self.path)
    }

    /// The store's URL.
    pub(super) fn url(&self) -> Result<String, Failure> {
        Ok(self.config()?.store_url(STORE))
    }
}

/// What the schema of a project says; `None` when it has errors, or there is none.
pub(super) fn rules(path: &Path) -> Option<Valid<Rules>> {
    let project = config::read(&[path.to_path_buf()], &Overrides::default()).outcome.ok()?;
    compile(project.input).rules
}

/// The time by which the store at `url` goes.
pub(super) async fn now(url: &str) -> Result<Timestamp, Failure> {
    let time = store::time(url).await.map_err(|error| unusable(&error))?;
    Ok(time.unwrap_or_else(|| SystemClock.now()))
}

/// A store that cannot be used, and what to do about it.
pub(super) fn unusable(error: &StoreError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error {
        StoreError::Busy { .. } => failure.help("stop the node that runs on it first"),
        StoreError::WrongKey { .. } => failure.help(
            "give the key that they were encrypted with in `WEBHOOKC_KEY`, where `key` of `[store]` says, or in the file beside the store; `new,old` are two",
        ),
        StoreError::Open { url, .. } if store::is_on_server(url) => failure.help(
            "the database, the role and its password are named by `--store`, `WEBHOOKC_STORE`, or `url` of `[store]`",
        ),
        StoreError::Open { .. } => failure.help("name the project's folder, or the store with `--store sqlite:PATH`"),
        StoreError::Target { .. } => failure.help("name another file"),
        StoreError::Locked | StoreError::Secret { .. } => {
            failure.help("the key is in `WEBHOOKC_KEY`, where `[store]` says, or in a file beside the store")
        }
        StoreError::Away(_) | StoreError::Full | StoreError::Closed | StoreError::Failed(_) => failure,
    }
}
