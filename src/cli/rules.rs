//! `webhookc rules`: the table of codes, for people and for programs.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::output::Output;
use crate::diagnostics::{Code, page};

/// List every diagnostic code with its name and severity
#[derive(Debug, Args)]
pub(super) struct Rules {
    /// How the table is written
    #[arg(long, value_enum, default_value_t = TableFormat::Text, value_name = "FORMAT")]
    output_format: TableFormat,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TableFormat {
    /// A line a code
    Text,
    /// One JSON object, with the pages
    Json,
}

#[derive(Serialize)]
struct Table {
    format_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    page: &'static str,
}

impl Rules {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        match self.output_format {
            TableFormat::Text => {
                let line = |code: &Code| format!("{}  {:<7}  {}\n", code.as_str(), code.severity().as_str(), code.name());
                output.print(&Code::ALL.iter().map(line).collect::<String>());
            }
            TableFormat::Json => {
                let rules = Code::ALL.iter().map(|&code| Rule {
                    code: code.as_str(),
                    name: code.name(),
                    severity: code.severity().as_str(),
                    page: page(code).map_or("", |page| page.text),
                });
                let table = Table { format_version: "1.0", rules: rules.collect() };
                let text = serde_json::to_string(&table).map_err(|error| Failure::of("cannot write the table", &error))?;
                output.line(&text);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
