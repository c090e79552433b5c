//! `webhookc rotate-key`: another key for the secrets in the store, by the node that runs on it or without one.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;

use super::client::Target;
use super::failure::Failure;
use super::output::{Output, harmless};
use super::stored::{Stored, unusable};
use super::vault::{key_of_store, vault};
use crate::rekey::{Exchanged, StoreKey};
use crate::report::counted;
use crate::store::{Store, StoreError};
use crate::time::SystemEntropy;

/// Encrypt the secrets in the store with a new key, while the node runs
///
/// The new key is written into the file of the key, in front of the old one, which is removed when nothing needs it any more. Broken off,
/// it goes on when it is called again, or at the next start. A key in `WEBHOOKC_KEY` is exchanged with a restart: put the new one in front
/// of the old one, `new,old`.
#[derive(Debug, Args)]
pub(super) struct RotateKey {
    #[command(flatten)]
    stored: Stored,

    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Answer {
    key: String,
    place: String,
    secrets: u64,
    tidy: bool,
}

impl RotateKey {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let answer: Answer = if let Some(answer) = self.without_node().await? {
            answer
        } else {
            let node = format!("http://{}", self.stored.config()?.listen);
            self.target.api_at(&node)?.call_node("POST", "/-/rotate-store-key", None).await?
        };
        let secrets = counted(usize::try_from(answer.secrets).unwrap_or(usize::MAX), "secret");
        output.line(&format!("{secrets} encrypted with the key {} in {}", harmless(&answer.key), harmless(&answer.place)));
        if !answer.tidy {
            output.complain("the old key is not needed any more, and could not be removed: remove it there\n");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Does it in this process, unless a node was named or runs on the store.
    async fn without_node(&self) -> Result<Option<Answer>, Failure> {
        if self.target.url.is_some() {
            return Ok(None);
        }
        let (config, url) = (self.stored.config()?, self.stored.url()?);
        let glance = crate::store::glance(&url).await.map_err(|error| unusable(&error))?;
        if glance.path.is_some_and(|path| !path.is_file()) {
            return Err(unusable(&StoreError::Open { url, why: "there is no such file".to_owned() }));
        }
        let found = key_of_store(&config, &url).await?;
        let store = match Store::open_with(&url, vault(&found)).await {
            Ok(store) => store,
            Err(StoreError::Busy { .. }) => return Ok(None),
            Err(error) => return Err(unusable(&error)),
        };
        let exchanged = StoreKey::new(store.clone(), Arc::new(SystemEntropy), found).exchange().await;
        store.close().await;
        let Exchanged { key, place, secrets, is_tidy } = exchanged.map_err(|error| {
            Failure::new(error.to_string()).help("put the new key in front of the old one there, `new,old`, and start the node")
        })?;
        Ok(Some(Answer { key: key.to_string(), place, secrets, tidy: is_tidy }))
    }
}
