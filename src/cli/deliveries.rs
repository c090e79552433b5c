//! `webhookc deliveries`: the last deliveries as a table, and on request whatever happens to them from then on.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::client::{Api, List, Target, segment};
use super::failure::Failure;
use super::output::{Output, harmless, paint};

/// How often `--follow` asks.
const PAUSE: Duration = Duration::from_millis(500);
/// Deliveries that `--follow` watches.
const WATCHED: usize = 100;

/// List the last deliveries of a running node, oldest first
#[derive(Debug, Args)]
pub(super) struct Deliveries {
    /// Go on: print each delivery again when something happens to it
    #[arg(long, short)]
    follow: bool,

    /// Only of this webhook
    #[arg(long, value_name = "NAME")]
    event: Option<String>,

    /// Only in this state: pending, sending, delivered, diverted or failed
    #[arg(long, value_name = "STATE")]
    status: Option<String>,

    /// How many
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    limit: usize,

    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    event: String,
    model: String,
    object: String,
    status: String,
    attempts: u32,
    last_status: Option<u16>,
    reason: Option<String>,
    created_at: String,
}

impl Deliveries {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let api = self.target.api()?;
        let mut rows = self.rows(&api, self.limit).await?;
        rows.reverse();
        let widths = Widths::of(&rows);
        output.line(&widths.head());
        for row in &rows {
            output.line(&widths.line(row, output));
        }
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        let mut known: BTreeMap<String, (String, u32)> = rows.into_iter().map(|row| (row.id, (row.status, row.attempts))).collect();
        // Whoever has read enough, as `head` has, is not waited for.
        while !output.is_closed() {
            tokio::time::sleep(PAUSE).await;
            let mut rows = self.rows(&api, WATCHED).await?;
            rows.reverse();
            for row in rows {
                let state = (row.status.clone(), row.attempts);
                if known.insert(row.id.clone(), state.clone()).as_ref() != Some(&state) {
                    output.line(&widths.line(&row, output));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Newest first.
    async fn rows(&self, api: &Api, limit: usize) -> Result<Vec<Row>, Failure> {
        let mut path = format!("/deliveries?limit={limit}");
        for (name, value) in [("event", &self.event), ("status", &self.status)] {
            if let Some(value) = value {
                path = format!("{path}&{name}={}", segment(value));
            }
        }
        api.call::<List<_>>("GET", &path, None).await.map(|list| list.data)
    }
}

/// Columns wide enough for what is shown first.
struct Widths {
    event: usize,
    object: usize,
}

impl Widths {
    fn of(rows: &[Row]) -> Self {
        let longest = |length: fn(&Row) -> usize, least: usize| rows.iter().map(length).max().unwrap_or(0).clamp(least, 40);
        Self {
            event: longest(|row| row.event.chars().count(), 12),
            object: longest(|row| row.model.chars().count() + 1 + row.object.chars().count(), 10),
        }
    }

    fn head(&self) -> String {
        let (event, object) = (self.event, self.object);
        format!("{:8}  {:9}  {:event$}  {:object$}  {:8}  {:4}  {}", "TIME", "STATUS", "EVENT", "OBJECT", "ATTEMPTS", "LAST", "ID")
    }

    fn line(&self, row: &Row, output: Output) -> String {
        let (event, object) = (self.event, self.object);
        let time = row.created_at.parse::<Timestamp>().map_or_else(|_| "?".to_owned(), clock);
        let color = match row.status.as_str() {
            "delivered" => "32",
            "diverted" | "failed" => "31",
            _ => "33",
        };
        let status = paint(output.out, color, &format!("{:9}", harmless(&row.status)));
        let about = harmless(&format!("{}/{}", row.model, row.object));
        let last = row.last_status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let reason = row.reason.as_deref().map(|reason| format!("  {}", harmless(reason))).unwrap_or_default();
        let (name, id) = (harmless(&row.event), harmless(&row.id));
        format!("{time:8}  {status}  {name:event$}  {about:object$}  {:>8}  {last:>4}  {id}{reason}", row.attempts)
    }
}

/// The time of day here.
pub(super) fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}
