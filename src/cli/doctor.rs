//! `webhookc doctor`: checks a store, and the database that is read, and says what to do about what is wrong. Exit code 1 when something is.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Output, harmless, paint};
use super::stored::{Stored, now, unusable};
use super::vault::{key_of_store, vault};
use crate::config::Config;
use crate::report::counted;
use crate::source;
use crate::store::{self, Finding, Severity};
use crate::time::SystemEntropy;
use crate::vault::{Vault, VaultKey, VaultKeys};

/// Check the store: its file, if it is one, and that what is in it fits together
///
/// Also whether the database of `[source.postgres]` is read, if the project has one. Works beside a running node, and changes nothing without
/// `--repair`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    stored: Stored,

    /// Put right what can be put right safely, then check again. Needs a store in a file alone; on PostgreSQL, nodes may run
    #[arg(long)]
    repair: bool,

    /// How the findings are written
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    output_format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// The whole answer.
#[derive(Serialize)]
struct Report<'a> {
    store: &'a str,
    /// Rows and files that were changed; null without `--repair`.
    repaired: Option<u64>,
    findings: &'a [Finding],
}

impl Doctor {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let url = self.stored.url()?;
        let failed = |error| unusable(&error);
        let now = now(&url).await?;
        let repaired = if self.repair { Some(store::repair(&url, now).await.map_err(failed)?) } else { None };
        let mut findings = store::examine(&url, now).await.map_err(failed)?;
        findings.extend(self.secrets(&url).await?);
        let config = self.stored.config()?;
        if let Some(source) = &config.source {
            let rules = self.stored.rules();
            if rules.is_none() {
                findings.push(unsaid(&config));
            }
            findings.extend(source::examine(source, &config.folder, &url, rules.as_ref().map(|rules| &rules.program)).await);
        }
        match self.output_format {
            Format::Text => print(&url, repaired, &findings, output),
            Format::Json => {
                let report = Report { store: &url, repaired, findings: &findings };
                let text = serde_json::to_string_pretty(&report).map_err(|error| Failure::of("the findings cannot be written", &error))?;
                output.line(&text);
            }
        }
        Ok(ExitCode::from(u8::from(!findings.is_empty())))
    }
}

impl Doctor {
    /// Whether the secrets can be read. No key is made, as it would be by a start.
    async fn secrets(&self, url: &str) -> Result<Vec<Finding>, Failure> {
        let failed = |error| unusable(&error);
        let is_sealed = store::glance(url).await.map_err(failed)?.is_sealed;
        if !is_sealed {
            // None will do, for what is not encrypted.
            let none = Vault::new(VaultKeys::of(VaultKey::random(&SystemEntropy)), Arc::new(SystemEntropy));
            return store::examine_secrets(url, none).await.map_err(failed);
        }
        let vault = match key_of_store(&self.stored.config()?, url).await {
            Ok(found) => vault(&found),
            Err(why) => {
                return Ok(vec![Finding {
                    check: "key-missing",
                    severity: Severity::Error,
                    message: "keys that the secrets are encrypted with and that cannot be had".to_owned(),
                    count: 1,
                    ids: vec![why.what().to_owned()],
                    help: "give it in `WEBHOOKC_KEY` or put its file back; without it a node does not start",
                    repairable: false,
                }]);
            }
        };
        store::examine_secrets(url, vault).await.map_err(failed)
    }
}

/// That it cannot be said which tables are read.
fn unsaid(config: &Config) -> Finding {
    Finding {
        check: "source-without-schema",
        severity: Severity::Warning,
        message: "a schema with errors: which tables of `[source.postgres]` are read cannot be said".to_owned(),
        count: 1,
        ids: vec![config.folder.display().to_string()],
        help: "run `webhookc check`",
        repairable: false,
    }
}

fn print(url: &str, repaired: Option<u64>, findings: &[Finding], output: Output) {
    match repaired {
        None => {}
        Some(0) => output.line("nothing was to be repaired"),
        Some(changed) => output.line(&format!("repaired {changed} (rows and files)")),
    }
    for finding in findings {
        let color = match finding.severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
        };
        let severity = paint(output.out, color, &format!("{}[{}]", finding.severity.as_str(), finding.check));
        output.line(&format!("{severity} {}: {}", finding.message, finding.count));
        for id in &finding.ids {
            output.line(&format!("  {}", harmless(id)));
        }
        let others = finding.count.saturating_sub(finding.ids.len() as u64);
        if others > 0 {
            output.line(&format!("  … and {others} more"));
        }
        output.line(&format!("  {} {}", paint(output.out, "36", "help:"), finding.help));
    }
    let summary = if findings.is_empty() { "no findings".to_owned() } else { counted(findings.len(), "finding") };
    output.line(&format!("{summary} in {url}"));
}
