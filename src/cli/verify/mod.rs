//! `webhookc verify`: whether a request that a receiver has recorded is signed as it should be, and exactly what does not hold.

mod recorded;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::failure::Failure;
use super::output::{Output, harmless, paint};
use crate::delivery::{Diagnosis, Occasion, Received, Verdict, Verifier, diagnose, parse_duration};
use recorded::Recorded;

/// How a report is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shape {
    /// Lines for people
    Text,
    /// One JSON object
    Json,
}

/// Check the signatures of a recorded request, and say exactly what does not hold
///
/// Exit codes: 0, every signature for which there is a key holds; 1, something does not; 2, it cannot be checked.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The request: as HTTP writes it, or JSON with `headers` and `body`; with `--body`, its headers alone
    request: PathBuf,

    /// The file with the body, byte for byte
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// A key that the receiver was told: `whsec_…`, `whpk_…`, or a file with one, with PEM, or with a JSON Web Key set
    #[arg(long = "key", required = true, value_name = "KEY")]
    keys: Vec<String>,

    /// When it was received: RFC 3339, seconds since 1970, or `now`; otherwise its age is not checked
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// How old it may be
    #[arg(long, default_value = "5 min", value_parser = parse_duration, value_name = "TIME")]
    tolerance: Duration,

    /// How the report is written
    #[arg(long, value_enum, default_value_t = Shape::Text, value_name = "FORMAT")]
    output_format: Shape,
}

impl Verify {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let head = read(&self.request)?;
        let body = self.body.as_deref().map(read).transpose()?;
        let recorded = Recorded::read(&head, body).map_err(|why| Failure::new(format!("`{}` {why}", self.request.display())))?;
        let mut verifiers = Vec::new();
        for (place, key) in (1..).zip(&self.keys) {
            let told = verifiers_of(key).map_err(|failure| failure.cause(format!("of `--key` number {place}")))?;
            verifiers.extend(told);
        }
        let at = match &self.at {
            Some(text) => Some(time(text)?),
            None => recorded.at,
        };
        let received = Received { headers: &recorded.headers, body: &recorded.body };
        let diagnosis = diagnose(&received, &verifiers, Occasion { at, tolerance: self.tolerance });
        match self.output_format {
            Shape::Text => output.print(&text(&diagnosis, output)),
            Shape::Json => output.line(&as_json(&diagnosis).to_string()),
        }
        Ok(if diagnosis.is_good() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::of(&format!("cannot read `{}`", path.display()), &error))
}

/// What a key on the command line is, or in the file that it names.
fn verifiers_of(key: &str) -> Result<Vec<Verifier>, Failure> {
    let path = Path::new(key);
    let text = if path.is_file() { String::from_utf8_lossy(&read(path)?).into_owned() } else { key.to_owned() };
    Verifier::read(&text).map_err(|error| Failure::new("a key cannot be used").cause(error.to_string()))
}

fn time(text: &str) -> Result<Timestamp, Failure> {
    if text == "now" {
        return Ok(Timestamp::now());
    }
    let seconds = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let read = seconds.or_else(|| text.parse().ok());
    read.ok_or_else(|| {
        Failure::new(format!("`{text}` is not a time, expected such as `2026-01-31T10:00:00Z`, seconds since 1970, or `now`"))
    })
}

fn text(diagnosis: &Diagnosis, output: Output) -> String {
    let bad = |text: &str| format!("{} {}\n", paint(output.out, "31", "✘"), harmless(text));
    let mistakes = diagnosis.mistakes.iter().map(|mistake| bad(mistake));
    let signatures = diagnosis.signatures.iter().map(|signature| {
        let line = format!("{:12} {}", signature.scheme.name(), signature.detail);
        match signature.verdict {
            Verdict::Held => format!("{} {}\n", paint(output.out, "32", "✔"), harmless(&line)),
            Verdict::NoKey | Verdict::Absent => format!("· {}\n", harmless(&line)),
            Verdict::Failed | Verdict::Malformed | Verdict::Missing => bad(&line),
        }
    });
    mistakes.chain(signatures).collect()
}

fn as_json(diagnosis: &Diagnosis) -> serde_json::Value {
    let signatures = diagnosis
        .signatures
        .iter()
        .map(|signature| json!({ "scheme": signature.scheme.name(), "verdict": signature.verdict.name(), "detail": signature.detail }));
    json!({ "good": diagnosis.is_good(), "mistakes": diagnosis.mistakes, "signatures": signatures.collect::<Vec<_>>() })
}
