//! `webhookc endpoints`: who receives webhooks, and whether something is sent to them; suspends and releases them.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::client::{List, Target, segment};
use super::failure::Failure;
use super::output::{Output, harmless, paint};

/// List the endpoints of a running node, suspend one, or let one go on
#[derive(Debug, Args)]
pub(super) struct Endpoints {
    #[command(subcommand)]
    what: Option<What>,

    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List them (the default)
    List,
    /// Send nothing more to an endpoint; what is made for it is kept
    Suspend {
        /// Its id, such as `ep_erp`
        id: String,

        /// Why, for whoever finds it suspended
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Send what has collected at a suspended endpoint, and what comes
    Unsuspend {
        /// Its id, such as `ep_erp`
        id: String,
    },
}

#[derive(Deserialize)]
struct Row {
    id: String,
    events: Vec<String>,
    method: String,
    url: String,
    enabled: bool,
    suspended: Option<Suspension>,
}

#[derive(Deserialize)]
struct Suspension {
    at: String,
    why: String,
}

impl Endpoints {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let api = self.target.api()?;
        let rows = match self.what {
            None | Some(What::List) => api.call::<List<Row>>("GET", "/endpoints", None).await?.data,
            Some(What::Suspend { id, why }) => {
                let why = why.map(|why| format!("?why={}", segment(&why))).unwrap_or_default();
                vec![api.call("POST", &format!("/endpoints/{}/suspend{why}", segment(&id)), None).await?]
            }
            Some(What::Unsuspend { id }) => vec![api.call("POST", &format!("/endpoints/{}/unsuspend", segment(&id)), None).await?],
        };
        let width = rows.iter().map(|row| row.id.chars().count()).max().unwrap_or(0).clamp(8, 40);
        output.line(&format!("{:width$}  {:9}  {:6}  {}", "ID", "STATE", "EVENTS", "REQUEST"));
        for row in &rows {
            output.line(&line(row, width, output));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(row: &Row, width: usize, output: Output) -> String {
    let (state, color) = match (&row.suspended, row.enabled) {
        (Some(_), _) => ("suspended", "31"),
        (None, true) => ("active", "32"),
        (None, false) => ("disabled", "33"),
    };
    let state = paint(output.out, color, &format!("{state:9}"));
    let since = row.suspended.as_ref().map(|suspension| format!("  since {}: {}", harmless(&suspension.at), harmless(&suspension.why)));
    let (id, request) = (harmless(&row.id), harmless(&format!("{} {}", row.method, row.url)));
    format!("{id:width$}  {state}  {:6}  {request}{}", row.events.len(), since.unwrap_or_default())
}
