//! `webhookc prune`: removes what is old from a store, which no node may run on if it is a file; with `--dry-run`, says what that would be.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::output::Output;
use super::stored::{Stored, now, unusable};
use crate::config::Retention;
use crate::delivery::parse_duration;
use crate::report::counted;
use crate::retention::{Pace, cutoffs, sweep};
use crate::store::{self, Removed, Store};

/// Remove from the store what is older than the project keeps
///
/// A running node does this by itself. What is not settled is never removed, nor are objects. A store in a file is needed alone; on
/// PostgreSQL, nodes may run.
#[derive(Debug, Args)]
pub(super) struct Prune {
    #[command(flatten)]
    stored: Stored,

    /// Only say what would be removed; works beside a running node
    #[arg(long)]
    dry_run: bool,

    /// The age that counts, instead of those under `[retention]`: `12h`, `30d`
    #[arg(long, value_name = "TIME", value_parser = age)]
    older_than: Option<Duration>,

    /// Only these; may be given several times
    #[arg(long, value_enum, value_name = "STATE")]
    state: Vec<State>,

    /// Give the room back to the file system; needs as much free disk as the store takes. Not on PostgreSQL
    #[arg(long, conflicts_with = "dry_run")]
    vacuum: bool,
}

/// What can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    /// Delivered deliveries with their attempts
    Delivered,
    /// Diverted deliveries with their attempts
    Diverted,
    /// Failed deliveries with their attempts
    Failed,
    /// Messages of which no delivery is left
    Messages,
    /// The explanations of saves
    Traces,
    /// Entries of the audit log
    Audit,
}

fn age(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

impl Prune {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let config = self.stored.config()?;
        let url = self.stored.url()?;
        let failed = |error| unusable(&error);
        if self.vacuum && store::is_on_server(&url) {
            let help = "leave `--vacuum` out; `VACUUM (FULL)` in `psql` gives room back to the file system";
            return Err(Failure::new("nothing was removed: `--vacuum` is for a store in a file, and this one is on PostgreSQL").help(help));
        }
        let now = now(&url).await?;
        let cutoffs = cutoffs(&self.retention(config.retention), now);
        if self.dry_run {
            let removable = store::prunable(&url, &cutoffs).await.map_err(failed)?;
            output.line(&format!("would remove {}", in_words(&removable)));
            return Ok(ExitCode::SUCCESS);
        }
        let store = Store::open_existing(&url).await.map_err(failed)?;
        let swept = sweep(&store, &cutoffs, Pace::Full).await;
        store.close().await;
        output.line(&format!("removed {}", in_words(&swept.map_err(failed)?)));
        if self.vacuum {
            let freed = store::vacuum(&url).await.map_err(failed)?;
            output.line(&format!("gave back {} KiB", freed >> 10));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The project's, changed by the arguments.
    fn retention(&self, configured: Retention) -> Retention {
        let kept = |state: State, configured: Option<Duration>| {
            let is_meant = self.state.is_empty() || self.state.contains(&state);
            if is_meant { self.older_than.or(configured) } else { None }
        };
        Retention {
            delivered: kept(State::Delivered, configured.delivered),
            diverted: kept(State::Diverted, configured.diverted),
            failed: kept(State::Failed, configured.failed),
            messages: kept(State::Messages, configured.messages),
            traces: kept(State::Traces, configured.traces),
            audit: kept(State::Audit, configured.audit),
        }
    }
}

fn in_words(removed: &Removed) -> String {
    let count = |number: u64, noun: &str| counted(usize::try_from(number).unwrap_or(usize::MAX), noun);
    let deliveries = |number: u64, state: &str| match number {
        1 => format!("1 {state} delivery"),
        number => format!("{number} {state} deliveries"),
    };
    format!(
        "{}, {}, {}, {}, {}{}",
        deliveries(removed.delivered, "delivered"),
        deliveries(removed.diverted, "diverted"),
        deliveries(removed.failed, "failed"),
        count(removed.messages, "message"),
        count(removed.traces, "trace"),
        if removed.audit > 0 { format!(", {}", count(removed.audit, "entry of the audit log")) } else { String::new() }
    )
}
