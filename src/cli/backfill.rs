//! `webhookc backfill`: has a `ready` webhook fire for objects that were there before it, at a rate; can be stopped and begun again.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::client::{Target, segment};
use super::failure::Failure;
use super::output::Output;
use super::signals::signals;
use crate::delivery::Rate;
use crate::report::counted;

/// Objects that are looked at in one call when they come slowly enough.
const AT_ONCE: usize = 100;

/// Have a `ready` webhook fire for objects that were there before it: once for each object, as always
///
/// What is stopped is begun again with the same command; nothing fires twice. `--after` spares looking at the first objects again.
#[derive(Debug, Args)]
pub(super) struct Backfill {
    /// The webhook
    webhook: String,

    /// Only count what would happen
    #[arg(long)]
    dry_run: bool,

    /// How many may fire in a second, `min` or `h`, such as `50/s`
    #[arg(long, default_value = "50/s", value_name = "RATE")]
    rate: Rate,

    /// Begin behind this object, in the order of ids
    #[arg(long, value_name = "ID")]
    after: Option<String>,

    #[command(flatten)]
    target: Target,
}

#[derive(Default, Deserialize)]
struct Filled {
    looked_at: usize,
    fired: usize,
    waiting: usize,
    already: usize,
    unmet: usize,
    failed: usize,
    next: Option<String>,
}

impl Filled {
    fn add(&mut self, other: &Self) {
        self.looked_at += other.looked_at;
        self.fired += other.fired;
        self.waiting += other.waiting;
        self.already += other.already;
        self.unmet += other.unmet;
        self.failed += other.failed;
    }

    fn in_words(&self, fires: &str) -> String {
        let Self { looked_at, fired, waiting, already, unmet, failed, .. } = self;
        let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
        format!(
            "{}: {fired} {fires}, {waiting} wait for a related object, {already} fired before, {unmet} do not meet the conditions{failed}",
            counted(*looked_at, "object")
        )
    }
}

impl Backfill {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let api = self.target.api()?;
        let stop = signals()?;
        let path = format!("/webhooks/{}/backfill", segment(&self.webhook));
        let interval = self.rate.interval();
        // What may fire within a second, so that the rate is kept, and stopping is quick.
        let limit = usize::try_from(Duration::from_secs(1).as_nanos() / interval.as_nanos().max(1)).unwrap_or(AT_ONCE).clamp(1, AT_ONCE);
        let limit = if self.dry_run { AT_ONCE } else { limit };
        let (mut total, mut after) = (Filled::default(), self.after.clone());
        loop {
            let wish = json!({ "after": after, "limit": limit, "dry_run": self.dry_run });
            let filled: Filled = api.call("POST", &path, Some(wish.to_string().into())).await?;
            total.add(&filled);
            let Some(next) = filled.next else { break };
            after = Some(next);
            if *stop.borrow() {
                output.line(&total.in_words("fired"));
                let after = after.unwrap_or_default();
                return Err(Failure::new("stopped before the end").help(format!("go on with `--after {after}`")).code(1));
            }
            if !self.dry_run {
                tokio::time::sleep(interval * u32::try_from(filled.fired).unwrap_or(u32::MAX)).await;
            }
        }
        output.line(&total.in_words(if self.dry_run { "would fire" } else { "fired" }));
        Ok(if total.failed > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}
