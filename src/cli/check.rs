//! `webhookc check`: compiles and reports. Findings go to standard output, the summary to standard error.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::dialect_name::DialectName;
use super::failure::Failure;
use super::output::Output;
use crate::compile::compile;
use crate::config::{self, Overrides};
use crate::diagnostics::Severity;
use crate::report::{Format, render, summary};

/// Check schemas, templates and `webhookc.toml`; every mistake in one run
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Schema files and folders, linked into one data model; `-` reads a schema from standard input [default: .]
    paths: Vec<PathBuf>,

    /// How findings are written
    #[arg(long, value_enum, default_value_t = OutputFormat::Full, value_name = "FORMAT")]
    output_format: OutputFormat,

    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, default_value_t = FailLevel::Error, value_name = "LEVEL")]
    fail_level: FailLevel,

    /// The dialect of the schemas; otherwise the root element of each tells
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Option<DialectName>,

    /// What the schema on standard input is called in findings; its folder decides which `webhookc.toml` is used
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OutputFormat {
    /// The source with every place underlined, and help
    Full,
    /// One line a finding
    Concise,
    /// One JSON object
    Json,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FailLevel {
    Error,
    Warning,
    Info,
}

impl Check {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let overrides = Overrides::default();
        let is_stdin = self.paths.iter().any(|path| path.as_os_str() == "-");
        let reading = if is_stdin {
            if self.paths.len() > 1 {
                return Err(Failure::new("`-` stands beside other paths, expected it alone"));
            }
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::of("cannot read standard input", &error))?;
            let name = self.stdin_filename.unwrap_or_else(|| PathBuf::from("stdin.xml"));
            config::read_text(&name, bytes, &overrides)
        } else {
            config::read(&self.paths, &overrides)
        };
        let mut input = reading.outcome?.input;
        input.dialect = self.dialect.map(DialectName::dialect);
        let compilation = compile(input);
        let format = match self.output_format {
            OutputFormat::Full => Format::Full,
            OutputFormat::Concise => Format::Concise,
            OutputFormat::Json => Format::Json,
        };
        output.print(&render(&compilation, format, output.out));
        output.complain(&format!("{}\n", summary(&compilation)));
        let least = match self.fail_level {
            FailLevel::Error => Severity::Error,
            FailLevel::Warning => Severity::Warning,
            FailLevel::Info => Severity::Info,
        };
        let failed = compilation.diagnostics.iter().any(|diagnostic| diagnostic.severity() >= least);
        Ok(ExitCode::from(u8::from(failed)))
    }
}
