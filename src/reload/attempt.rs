//! The files of a project as they are now → what the compiler makes of them. Whether that becomes the program in force is decided
//! elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::git;
use crate::compile::{Compilation, Input, compile};
use crate::config::{self, Bundle, Config, LoadError, Overrides, Parts, Project, Seen};
use crate::ids::EndpointId;
use crate::program::{EndpointSource, Events, RequestSource};
use crate::text::{SourceText, Span, Spanned};

/// The files of a project and how to read them.
#[derive(Clone, Debug)]
pub struct Files {
    /// Folders or schema files.
    pub paths: Vec<PathBuf>,
    /// Flags and environment.
    pub overrides: Overrides,
    /// Where the built-in receiver listens, in `webhookc dev`: it takes every webhook that nobody else receives.
    pub sink: Option<SocketAddr>,
}

/// The files as they are now, compiled.
#[derive(Debug)]
pub struct Attempt {
    /// The configuration and what the compiler says, or why there is nothing to compile.
    pub outcome: Result<(Config, Compilation), LoadError>,
    /// Which of its files is what.
    pub parts: Parts,
    /// What was looked at.
    pub seen: Seen,
    /// How long reading and compiling took.
    pub took: Duration,
}

/// Where a program comes from.
#[derive(Debug)]
pub(super) enum Made {
    /// From the files of this node; what is handed on to others of them, if there can be any.
    Here(Option<Bundle>),
    /// From another node, as the program with this number.
    Elsewhere(i64),
}

impl Files {
    /// Reads and compiles. Blocks.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        let began = Instant::now();
        let reading = config::read(&self.paths, &self.overrides);
        let (outcome, parts) = self.compiled(reading.outcome);
        Attempt { outcome, parts, seen: reading.seen, took: began.elapsed() }
    }

    /// Compiles a project, and says which of its files is what.
    pub(super) fn compiled(&self, project: Result<Project, LoadError>) -> (Result<(Config, Compilation), LoadError>, Parts) {
        let mut project = match project {
            Ok(project) => project,
            Err(error) => return (Err(error), Parts::default()),
        };
        let parts = Parts::of(&project.input);
        if let Some(address) = self.sink {
            add_sink(&mut project.input, address);
        }
        (Ok((project.config, compile(project.input))), parts)
    }

    /// The same on a thread for it, and whether the files stayed as they were meanwhile.
    pub(super) async fn attempt_aside(&self) -> (Attempt, bool) {
        let files = self.clone();
        let attempted = tokio::task::spawn_blocking(move || {
            let mut attempt = files.attempt();
            let calm = !attempt.seen.is_outdated() && !git::is_at_work(&attempt.seen.folders);
            (attempt, calm)
        });
        match attempted.await {
            Ok(attempted) => attempted,
            // The runtime is shutting down, or the compiler has a defect: either way there is no new program.
            Err(error) => {
                let outcome = Err(LoadError::Setting(format!("the compiler was stopped: {error}")));
                (Attempt { outcome, parts: Parts::default(), seen: Seen::default(), took: Duration::ZERO }, true)
            }
        }
    }
}

/// Adds the built-in receiver, which takes every webhook that nobody else receives.
pub fn add_sink(input: &mut Input, address: SocketAddr) {
    let url = format!("http://{address}/sink/{{{{ event }}}}");
    let file = input.sources.add("webhookc dev", url.clone().into_bytes());
    input.settings.endpoints.push(Arc::new(sink(&url, Span::new(file, 0, url.len()))));
}

fn sink(url: &str, span: Span) -> EndpointSource {
    let request = RequestSource {
        url: SourceText::verbatim(url, span),
        method: Spanned::new("POST".into(), span),
        headers: Vec::new(),
        body: None,
        span,
    };
    EndpointSource {
        id: EndpointId::new("ep_sink"),
        name: Spanned::new("sink".into(), span),
        events: Events::Unclaimed,
        request,
        enabled: true,
        takes_alerts: false,
    }
}

impl Attempt {
    /// Whether a file may have been caught while it was being written: empty, cut off, or away for a moment.
    pub(super) fn looks_unfinished(&self) -> bool {
        match &self.outcome {
            Err(_) => true,
            Ok((_, compilation)) => {
                let is_syntax = |code: &str| code < "WH0100";
                compilation.diagnostics.iter().any(|diagnostic| is_syntax(diagnostic.code.as_str()))
            }
        }
    }
}
