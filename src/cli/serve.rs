//! `webhookc serve`: a node for real work. Refuses to start on errors; says what it does in its log, on standard error.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::sync::broadcast::error::RecvError;

use super::Settings;
use super::failure::Failure;
use super::node::{Node, Plan};
use super::output::Output;
use crate::activity::{Activity, Feed};
use crate::report::{Format, render, summary};
use crate::telemetry;

/// Where `serve` keeps what it stores, in the project folder.
pub(super) const STORE: &str = "webhookc.db";
/// Deployments write several files.
const QUIET: Duration = Duration::from_millis(500);
/// Longer than the default deadline of a request.
const DRAIN: Duration = Duration::from_secs(20);

/// Run a node: takes saves, delivers, reloads when a file changes
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The project: a folder, with or without `webhookc.toml`, or a schema file
    #[arg(default_value = ".")]
    path: PathBuf,

    #[command(flatten)]
    settings: Settings,

    /// Listen at an address that others can reach, although the API asks for no key
    #[arg(long)]
    insecure_no_auth: bool,

    /// How the log is written
    #[arg(long, env = "WEBHOOKC_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    log_format: LogFormat,

    /// What is logged: `error`, `warn`, `info`, `debug`, or directives such as `webhookc=debug`
    #[arg(long, env = "WEBHOOKC_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

impl Serve {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let format = match self.log_format {
            LogFormat::Text => telemetry::LogFormat::Text,
            LogFormat::Json => telemetry::LogFormat::Json,
        };
        start(&self.log, format, output)?;
        let node = Node::prepare(Plan {
            path: self.path,
            overrides: self.settings.into_overrides(),
            dev: false,
            open_to_others: self.insecure_no_auth,
            default_store: STORE,
            quiet: QUIET,
            drain: DRAIN,
        })
        .await?;
        let first = node.attempt();
        let mut counts = (0, 0);
        if let Ok((_, compilation)) = &first.outcome {
            counts = (compilation.models, compilation.webhooks);
            output.complain(&render(compilation, Format::Full, output.err));
            if compilation.rules.is_none() {
                output.complain(&format!("{}\n", summary(compilation)));
                return Ok(ExitCode::from(1));
            }
        }
        let url = node.url();
        let logged = tokio::spawn(log_events(node.feed.clone(), format));
        let ready = |_: &[String]| tracing::info!(api = %url, models = counts.0, webhooks = counts.1, "serving");
        let mut why = Vec::new();
        let started = Box::pin(node.run(first, ready, |lines| why = lines.to_vec())).await;
        logged.abort();
        if !started? {
            let failure = Failure::new("the program cannot be run");
            return Err(why.into_iter().skip(1).fold(failure, Failure::cause));
        }
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}

fn start(filter: &str, format: telemetry::LogFormat, output: Output) -> Result<(), Failure> {
    // The client of the brokers tells once more what the log says of them.
    #[cfg(feature = "nats")]
    let filter = &format!("async_nats=warn,{filter}");
    let color = if output.err.color { telemetry::Color::Yes } else { telemetry::Color::No };
    telemetry::start_log(filter, format, color).map_err(|error| Failure::new(error.to_string()))
}

/// Logs what happens: reloads, failed attempts, and, in more detail, everything.
async fn log_events(feed: Feed, format: telemetry::LogFormat) {
    let mut events = if tracing::enabled!(tracing::Level::DEBUG) { feed.watch() } else { feed.watch_notable() };
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        match event.what {
            Activity::Saved { tenant, model, object, operation, sequence, decisions, .. } => {
                let fired = decisions.iter().filter(|decision| decision.fired).count();
                tracing::debug!(%tenant, %model, %object, operation, %sequence, fired, "saved");
            }
            Activity::Sending { delivery, endpoint, attempt, .. } => tracing::debug!(%delivery, %endpoint, attempt, "sending"),
            // Every attempt has a line of its own there.
            Activity::Answered { .. } if format == telemetry::LogFormat::Json => {}
            Activity::Answered { delivery, status, took, note, .. } => {
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                if note.is_empty() {
                    tracing::debug!(%delivery, status, took_ms, "delivered");
                } else {
                    tracing::warn!(%delivery, status, took_ms, %note, "not delivered");
                }
            }
            Activity::Reloaded { lines, live } => {
                let what = lines.join("; ");
                if live { tracing::info!(%what, "reloaded") } else { tracing::error!(%what, "reload") }
            }
            // The source logs itself how it stands.
            Activity::Source { .. } | Activity::Begun | Activity::Stopping => {}
        }
    }
}
