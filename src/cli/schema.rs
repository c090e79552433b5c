//! `webhookc schema`: descriptions of what the program reads and writes, for editors and other programs.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::output::Output;
use crate::schema::xsd;

/// Print a description of a format, for editors
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Which format
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// XML Schema of data models, dialect 3.1
    Xsd,
    /// JSON Schema of `webhookc.toml`
    Config,
    /// JSON Schema of `webhookc check --output-format json`
    Output,
    /// JSON Schema of scenario tests, `*.test.yaml`
    Test,
}

impl Schema {
    pub(super) fn run(self, output: Output) -> ExitCode {
        match self.what {
            What::Xsd => output.print(&xsd()),
            What::Config => output.print(include_str!("../../schemas/webhookc.toml.schema.json")),
            What::Output => output.print(include_str!("../../schemas/check.schema.json")),
            What::Test => output.print(include_str!("../../schemas/test.schema.json")),
        }
        ExitCode::SUCCESS
    }
}
