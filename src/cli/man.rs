//! `webhookc man`: a page of the manual for the program and one for each verb.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};

use super::failure::Failure;

/// Write man pages into a folder, such as `webhookc man /usr/local/share/man/man1`
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The folder; it is made when it does not exist
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(self, command: Command) -> Result<ExitCode, Failure> {
        let failed = |error: std::io::Error| Failure::of(&format!("cannot write man pages to `{}`", self.folder.display()), &error);
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        clap_mangen::generate_to(command, &self.folder).map_err(failed)?;
        Ok(ExitCode::SUCCESS)
    }
}
