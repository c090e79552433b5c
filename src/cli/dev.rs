//! `webhookc dev`: a node on this machine that needs nothing else, and shows everything it does.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::sync::broadcast::error::RecvError;

use super::Settings;
use super::client::Api;
use super::failure::Failure;
use super::node::{Node, Plan};
use super::output::{Output, harmless, paint};
use super::screen::Screen;
use crate::activity::Feed;
use crate::ids::DEFAULT_TENANT;
use crate::report::{Format, render, size, summary};

/// Where `dev` keeps what it stores, in the project folder: apart from a real store, and there again after a restart.
const STORE: &str = ".webhookc/dev.db";
/// A file is read this long after the first news of its change.
const QUIET: Duration = Duration::from_millis(50);
/// Nobody who presses Ctrl-C at a terminal waits for long.
const DRAIN: Duration = Duration::from_secs(3);

/// Run a node on this machine: takes saves, delivers, reloads when a file changes, and shows all of it
///
/// Ctrl-C ends it, and so does closing its terminal, or the end of the program that reads what it prints.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The project: a folder, with or without `webhookc.toml`, or a schema file
    #[arg(default_value = ".")]
    path: PathBuf,

    /// Saves to make as soon as the node is ready: a file of JSON lines as `POST …/saves` takes them
    #[arg(long, value_name = "FILE")]
    saves: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

impl Dev {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let saves = match self.saves {
            Some(file) => {
                let text = std::fs::read_to_string(&file);
                let text = text.map_err(|error| Failure::of(&format!("cannot read `{}`", file.display()), &error))?;
                Some((file, text))
            }
            None => None,
        };
        let node = Node::prepare(Plan {
            path: self.path,
            overrides: self.settings.into_overrides(),
            dev: true,
            open_to_others: false,
            default_store: STORE,
            quiet: QUIET,
            drain: DRAIN,
        })
        .await?;
        let url = node.url();
        let place = format!("inspector and api {url} · receiver /sink");
        let first = node.attempt();
        let took = first.took.as_millis().max(1);
        let ready = match &first.outcome {
            Ok((_, compilation)) => {
                output.print(&render(compilation, Format::Full, output.out));
                if compilation.rules.is_some() {
                    format!("compiled {} in {took} ms · {place}", size(compilation.models, compilation.webhooks))
                } else {
                    output.line(&format!("{} · waiting for a fix · {place}", summary(compilation)));
                    format!("ready · {place}")
                }
            }
            Err(_) => format!("ready · {place}"),
        };
        let screen = Screen::new(output.out, url.clone());
        let shown = tokio::spawn(show(node.feed.clone(), screen, output));
        let warn = |lines: &[String]| {
            for line in lines {
                output.line(&format!("{} {}", paint(output.out, "33", "warning:"), harmless(line)));
            }
        };
        let ready = |lines: &[String]| {
            output.line(&ready);
            // What the compiler found is on the screen already; what building found is not.
            warn(&lines.iter().skip(1).filter(|line| line.starts_with("the secret")).cloned().collect::<Vec<_>>());
            if let Some((file, text)) = saves {
                tokio::spawn(make(file, text, url, output));
            }
        };
        let failed = |lines: &[String]| {
            if !lines.iter().any(|line| line.contains("[WH")) {
                for line in lines {
                    output.line(&harmless(line));
                }
            }
        };
        let outcome = Box::pin(node.run(first, ready, failed)).await;
        shown.abort();
        outcome.map(|_| ExitCode::SUCCESS)
    }
}

/// Makes the saves of a file, one after the other; one that is refused is shown, and the next goes on.
async fn make(file: PathBuf, saves: String, url: String, output: Output) {
    let api = match Api::at(&url, DEFAULT_TENANT) {
        Ok(api) => api,
        Err(failure) => {
            failure.print(output);
            return;
        }
    };
    for (number, line) in (1..).zip(saves.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        if let Err(failure) = api.call::<serde_json::Value>("POST", "/saves", Some(line.to_owned().into())).await {
            failure.cause(format!("line {number} of `{}`", file.display())).print(output);
        }
    }
}

/// Prints events as they come.
async fn show(feed: Feed, mut screen: Screen, output: Output) {
    let mut events = feed.watch();
    loop {
        match events.recv().await {
            Ok(event) => {
                for line in screen.lines(&event) {
                    output.line(&line);
                }
            }
            Err(RecvError::Lagged(missed)) => output.line(&format!("… {missed} events not shown, `webhookc deliveries` has them all")),
            Err(RecvError::Closed) => return,
        }
    }
}
