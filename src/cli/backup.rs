//! `webhookc backup`: a copy of the store in one file, made while a node runs or not.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::failure::Failure;
use super::output::Output;
use super::signals::signals;
use super::stored::{Stored, unusable};
use super::vault::key_of_store;
use crate::store;

/// Copy the store into a new file, whether a node runs on it or not
///
/// The copy holds every save that was acknowledged before. To restore it, stop the node, remove the store's files with `-wal` and
/// `-shm` behind their name, put the copy in the store's place, and start the node.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to make; it must not exist
    file: PathBuf,

    #[command(flatten)]
    stored: Stored,
}

impl Backup {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let url = self.stored.url()?;
        let stop = signals()?;
        let bytes = store::backup(&url, self.file.clone(), move || *stop.borrow()).await.map_err(|error| unusable(&error))?;
        output.line(&format!("{}: {} KiB", self.file.display(), bytes >> 10));
        if store::glance(&url).await.is_ok_and(|glance| glance.is_sealed)
            && let Ok(found) = key_of_store(&self.stored.config()?, &url).await
        {
            output
                .complain(&format!("its secrets are encrypted with the key in {}: keep a copy of it, apart from this one\n", found.source));
        }
        Ok(ExitCode::SUCCESS)
    }
}
