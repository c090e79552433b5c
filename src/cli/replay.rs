//! `webhookc replay`: has the node send recorded deliveries of an endpoint again, the oldest first, at a rate, and watches it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Target, segment};
use super::failure::Failure;
use super::output::Output;
use super::signals::signals;
use crate::delivery::Rate;

/// Between two looks at how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Send what an endpoint got once more, the oldest first: the same bytes under the same `webhook-id`
///
/// For a receiver that has lost what it was sent. Ctrl-C stops it; `--after` goes on where it was stopped.
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
    #[arg(long, value_parser = moment, value_name = "TIME")]
    since: Option<Timestamp>,

    /// Only what was made before this time
    #[arg(long, value_parser = moment, value_name = "TIME")]
    until: Option<Timestamp>,

    /// Begin behind this delivery, in the order of making
    #[arg(long, value_name = "ID")]
    after: Option<String>,

    /// Only say what would be sent
    #[arg(long)]
    dry_run: bool,

    /// How many in a second, `min` or `h`, such as `10/s`
    #[arg(long, default_value = "10/s", value_name = "RATE")]
    rate: Rate,

    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Resend {
    id: String,
    state: String,
    resent: usize,
    matched: usize,
    last: Option<String>,
}

#[derive(Deserialize)]
struct DryRun {
    matched: usize,
}

impl Replay {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let api = self.target.api()?;
        let wish = self.wish()?.to_string();
        if self.dry_run {
            let DryRun { matched } = api.call("POST", "/resend", Some(wish.into())).await?;
            output.line(&format!("would send {}", deliveries(matched)));
            return Ok(ExitCode::SUCCESS);
        }
        let mut stop = signals()?;
        let mut resend: Resend = api.call("POST", "/resend", Some(wish.into())).await?;
        let path = format!("/resend/{}", segment(&resend.id));
        while resend.state == "running" {
            let stopped = tokio::time::timeout(LOOK_EVERY, stop.wait_for(|stop| *stop)).await.is_ok();
            let method = if stopped { "DELETE" } else { "GET" };
            let news = api.call(method, &path, None).await;
            resend =
                news.map_err(|failure| failure.help(format!("the node goes on with `{}`; `GET …{path}` says how far it is", resend.id)))?;
        }
        if resend.state == "done" {
            output.line(&format!("sent {}", deliveries(resend.resent)));
            return Ok(ExitCode::SUCCESS);
        }
        output.line(&format!("sent {} of {}", resend.resent, deliveries(resend.matched)));
        let failure = Failure::new("stopped before the end").code(1);
        Err(match resend.last {
            Some(last) => failure.help(format!("go on with `--after {last}`")),
            None => failure,
        })
    }

    /// What is asked of the node.
    fn wish(&self) -> Result<Value, Failure> {
        let mut filter = Map::new();
        filter.insert("endpoint".to_owned(), json!(self.endpoint));
        let mut add = |name: &str, value: Option<String>| filter.extend(value.map(|value| (name.to_owned(), Value::String(value))));
        add("event", self.event.clone());
        add("status", self.status.clone());
        add("from", self.since.map(|at| at.to_string()));
        add("until", self.until.map(|at| at.to_string()));
        if let Some(object) = &self.object {
            let (model, id) = object
                .split_once('/')
                .ok_or_else(|| Failure::new(format!("`{object}` is not an object, expected `MODEL/ID`, such as `asset/a1`")))?;
            add("model", Some(model.to_owned()));
            add("object", Some(id.to_owned()));
        }
        Ok(json!({ "filter": filter, "after": self.after, "rate": self.rate.to_string(), "dry_run": self.dry_run }))
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("`{text}` is not a time, expected one such as `2026-01-31T10:00:00Z`"))
}

fn deliveries(count: usize) -> String {
    if count == 1 { "1 delivery".to_owned() } else { format!("{count} deliveries") }
}
