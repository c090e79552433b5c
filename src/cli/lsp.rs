//! `webhookc lsp`: serves an editor on the standard streams. Exit codes as its protocol says: 0 when it was shut down before it ended, else 1.

use std::io::{stdin, stdout};
use std::process::ExitCode;

use clap::Args;

use super::failure::Failure;

/// Serve an editor: diagnostics, completion, hover, rename and more, by the Language Server Protocol on standard input and output
#[derive(Debug, Args)]
pub(super) struct Lsp {
    /// Accepted because editors add it; there is no other way
    #[arg(long)]
    stdio: bool,
}

impl Lsp {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { stdio: _only_way } = self;
        let orderly = crate::lsp::serve(stdin(), stdout().lock())
            .map_err(|error| Failure::of("the conversation with the editor broke off", &error))?;
        Ok(ExitCode::from(u8::from(!orderly)))
    }
}
