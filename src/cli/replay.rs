//! `webhookc replay`: sends recorded deliveries of an endpoint again, the oldest first, at a rate; can be stopped and gone on with.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Api, Target, segment};
use super::failure::Failure;
use super::node::signals;
use super::output::Output;
use crate::delivery::Rate;

/// Deliveries in one part of the list: as many as the API gives.
const PART: usize = 500;

/// Send what an endpoint got once more, the oldest first: the same bytes under the same `webhook-id`
///
/// For a receiver that has lost what it was sent. With `--progress FILE`, what was sent is noted there, and the same command goes on where
/// it was stopped.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// The endpoint's id, such as `ep_erp`
    endpoint: String,

    /// Only of this webhook
    #[arg(long, value_name = "NAME")]
    event: Option<String>,

    /// Only about this object
    #[arg(long, value_name = "MODEL/ID")]
    object: Option<String>,

    /// Only in this state: delivered, diverted or failed
    #[arg(long, value_name = "STATE")]
    status: Option<String>,

    /// Only what was made at this time or later
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,

    /// Only what was made before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,

    /// Only say what would be sent
    #[arg(long)]
    dry_run: bool,

    /// How many in a second, `min` or `h`, such as `10/s`
    #[arg(long, default_value = "10/s", value_name = "RATE")]
    rate: Rate,

    /// Where what was sent is noted
    #[arg(long, value_name = "FILE")]
    progress: Option<PathBuf>,

    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Part {
    data: Vec<Row>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    status: String,
    #[serde(deserialize_with = "timestamp")]
    created_at: Timestamp,
}

fn timestamp<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl Replay {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let api = self.target.api()?;
        let sent_before = self.progress.as_deref().map(sent).transpose()?.unwrap_or_default();
        let mut rows = self.rows(&api).await?;
        rows.reverse();
        let found = rows.len();
        rows.retain(|row| !sent_before.contains(&row.id));
        let skipped = found - rows.len();
        // What is on its way is sent anyway.
        rows.retain(|row| !matches!(row.status.as_str(), "pending" | "sending"));
        let before = if skipped > 0 { format!(", {skipped} sent before") } else { String::new() };
        if self.dry_run {
            let span = match (rows.first(), rows.last()) {
                (Some(first), Some(last)) => format!(", made from {} to {}", first.created_at, last.created_at),
                (None, _) | (_, None) => String::new(),
            };
            output.line(&format!("would send {}{before}{span}", deliveries(rows.len())));
            return Ok(ExitCode::SUCCESS);
        }
        let mut notes = self.progress.as_deref().map(note_in).transpose()?;
        let stop = signals()?;
        let (mut done, mut refused) = (0, 0);
        let mut ticks = tokio::time::interval(self.rate.interval());
        for row in &rows {
            ticks.tick().await;
            if *stop.borrow() {
                output.line(&format!("sent {} of {}", done, deliveries(rows.len())));
                let help = "the same command with `--progress` goes on where it was stopped";
                return Err(Failure::new("stopped before the end").help(help).code(1));
            }
            // Since the list was read it may have been taken up by others.
            match api.call::<Value>("POST", &format!("/deliveries/{}/resend", segment(&row.id)), None).await {
                Ok(_) => done += 1,
                Err(failure) if failure.is_refusal() && done > 0 => {
                    refused += 1;
                    failure.print(output);
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            if let Some((path, file)) = &mut notes {
                writeln!(file, "{}", row.id).map_err(|error| Failure::of(&format!("cannot write `{}`", path.display()), &error))?;
            }
        }
        let not = if refused > 0 { format!(", {refused} refused") } else { String::new() };
        output.line(&format!("sent {}{before}{not}", deliveries(done)));
        Ok(if refused > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }

    /// The deliveries that are meant, newest first.
    async fn rows(&self, api: &Api) -> Result<Vec<Row>, Failure> {
        let mut filter = format!("?limit={PART}&endpoint={}", segment(&self.endpoint));
        let mut add = |name: &str, value: &str| filter.extend(["&", name, "=", &segment(value)]);
        if let Some(event) = &self.event {
            add("event", event);
        }
        if let Some(status) = &self.status {
            add("status", status);
        }
        if let Some(object) = &self.object {
            let (model, id) = object
                .split_once('/')
                .ok_or_else(|| Failure::new(format!("`{object}` is not an object, expected `MODEL/ID`, such as `asset/a1`")))?;
            add("model", model);
            add("object", id);
        }
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let part: Part = api.call("GET", &format!("/deliveries{filter}{cursor}"), None).await?;
            let is_past = part.data.last().is_some_and(|row| self.since.is_some_and(|since| row.created_at < since));
            rows.extend(part.data.into_iter().filter(|row| {
                self.since.is_none_or(|since| row.created_at >= since) && self.until.is_none_or(|until| row.created_at < until)
            }));
            match part.next {
                Some(next) if !is_past => cursor = format!("&cursor={}", segment(&next)),
                Some(_) | None => return Ok(rows),
            }
        }
    }
}

fn deliveries(count: usize) -> String {
    if count == 1 { "1 delivery".to_owned() } else { format!("{count} deliveries") }
}

/// What a progress file says was sent.
fn sent(path: &Path) -> Result<std::collections::BTreeSet<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(std::collections::BTreeSet::new()),
        Err(error) => Err(Failure::of(&format!("cannot read `{}`", path.display()), &error)),
    }
}

/// A progress file to add to.
fn note_in(path: &Path) -> Result<(PathBuf, fs::File), Failure> {
    let file = fs::OpenOptions::new().create(true).append(true).open(path);
    let file = file.map_err(|error| Failure::of(&format!("cannot write `{}`", path.display()), &error))?;
    Ok((path.to_owned(), file))
}
