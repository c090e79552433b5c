//! `webhookc ready`: whether a node is ready, for whatever watches over it and has no other client, as in a container without a shell.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::client::Api;
use super::failure::Failure;
use super::output::{Output, harmless};
use crate::ids::DEFAULT_TENANT;
use crate::report::counted;

/// Where a node listens unless told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:7357";

/// Ask a running node whether it is ready: it has a program, and its store takes what is saved
///
/// Exits with 0 when it is, also when its files were changed to what makes no program, which it says; and with 1, saying why, when it is
/// not or does not answer. No key is needed.
#[derive(Debug, Args)]
pub(super) struct Ready {
    /// The node's address; unless given that at which it listens, on this machine
    #[arg(long, env = "WEBHOOKC_URL", value_name = "URL")]
    url: Option<String>,

    /// The address at which it listens; unless given `127.0.0.1:7357`
    #[arg(long, env = "WEBHOOKC_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    generation: u64,
    models: usize,
    webhooks: usize,
    rejected_at: Option<String>,
}

impl Ready {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let set = |text: &String| !text.is_empty();
        let url =
            self.url.filter(set).unwrap_or_else(|| here(self.listen.as_ref().filter(|text| set(text)).map_or(DEFAULT_LISTEN, |text| text)));
        let Answer { generation, models, webhooks, rejected_at } =
            Api::at(&url, DEFAULT_TENANT)?.call_node("GET", "/readyz", None).await.map_err(|failure| failure.code(1))?;
        let rejected = rejected_at.map(|at| format!("; its files were rejected at {}", harmless(&at))).unwrap_or_default();
        let size = format!("{}, {}", counted(models, "model"), counted(webhooks, "webhook"));
        output.line(&format!("ready: generation {generation} with {size}{rejected}"));
        Ok(ExitCode::SUCCESS)
    }
}

/// The URL of a node on this machine that listens at an address.
fn here(listen: &str) -> String {
    let port = listen.rsplit_once(':').map_or(listen, |(_, port)| port);
    match listen.rsplit_once(':').map(|(host, _)| host) {
        // All addresses of the machine: one of them is this.
        Some("0.0.0.0") | None => format!("http://127.0.0.1:{port}"),
        Some("[::]") => format!("http://[::1]:{port}"),
        Some(_) => format!("http://{listen}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_listens_everywhere_is_here_too() {
        for (listen, url) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("127.0.0.1:7357", "http://127.0.0.1:7357"),
            ("10.1.2.3:80", "http://10.1.2.3:80"),
        ] {
            assert_eq!(here(listen), url);
        }
    }
}
