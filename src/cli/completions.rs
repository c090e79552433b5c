//! `webhookc completions`: what a shell needs to complete the command line.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::output::Output;

/// Print completions for a shell, such as `webhookc completions bash > /etc/bash_completion.d/webhookc`
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, command: &mut Command, output: Output) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "webhookc", &mut script);
        output.print(&String::from_utf8_lossy(&script));
        ExitCode::SUCCESS
    }
}
