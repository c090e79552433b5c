//! `webhookc save`: saves one object through the API and shows what each webhook decided.

use std::io::Read as _;
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use serde::Deserialize;

use super::client::{Target, segment};
use super::failure::Failure;
use super::output::{Output, harmless, paint};

/// Save an object on a running node, and see which webhooks fire and why
#[derive(Debug, Args)]
pub(super) struct Save {
    /// The model
    model: String,

    /// The object's id
    id: String,

    /// The fields as JSON; `-` reads them from standard input
    #[arg(required_unless_present = "delete", conflicts_with = "delete")]
    json: Option<String>,

    /// Change only the given fields
    #[arg(long, group = "verb")]
    patch: bool,

    /// Delete the object
    #[arg(long, group = "verb")]
    delete: bool,

    /// Report that this attachment has been uploaded; the JSON has its URLs
    #[arg(long, group = "verb", value_name = "FIELD")]
    uploaded: Option<String>,

    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Answer {
    operation: String,
    sequence: i64,
    #[serde(default)]
    messages: Vec<Message>,
    #[serde(default)]
    decisions: Vec<Decision>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    event: String,
}

#[derive(Deserialize)]
struct Decision {
    webhook: String,
    object: String,
    verdict: String,
    reason: String,
}

impl Save {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let mut path = format!("/objects/{}/{}", segment(&self.model), segment(&self.id));
        let method = match (self.patch, self.delete, &self.uploaded) {
            (true, _, _) => "PATCH",
            (_, true, _) => "DELETE",
            (_, _, Some(field)) => {
                path = format!("{path}/attachments/{}", segment(field));
                "PUT"
            }
            (false, false, None) => "PUT",
        };
        path.push_str("?explain");
        let body = match self.json.as_deref() {
            Some("-") => {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::of("cannot read standard input", &error))?;
                Some(Bytes::from(bytes))
            }
            Some(json) => Some(Bytes::from(json.to_owned())),
            None => None,
        };
        let answer: Answer = self.target.api()?.call(method, &path, body).await?;
        output.line(&format!("{} {}/{} · sequence {}", answer.operation, self.model, self.id, answer.sequence));
        let width = answer.decisions.iter().map(|decision| decision.webhook.chars().count()).max().unwrap_or(0);
        for decision in &answer.decisions {
            let about = if decision.object == self.id { String::new() } else { format!(" (of {})", decision.object) };
            let (about, name) = (harmless(&about), format!("{:width$}", harmless(&decision.webhook)));
            let line = if decision.verdict == "fired" {
                let message = answer.messages.iter().find(|message| message.event == decision.webhook);
                let id = message.map_or("", |message| message.id.as_str());
                format!("{name} {} {}{about}", paint(output.out, "32", "✔"), harmless(id))
            } else {
                format!("{name} {} {}{about}", paint(output.out, "33", "✘"), harmless(&decision.reason))
            };
            output.line(&line);
        }
        if answer.decisions.is_empty() {
            output.line("no webhook looks at this model");
        }
        Ok(ExitCode::SUCCESS)
    }
}
