//! `webhookc source`: publication and slot in the database that `[source.postgres]` names.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::output::{Output, harmless};
use super::stored::rules;
use crate::compile::compile;
use crate::config::{self, Config, Overrides};
use crate::source::{self, Copies, CopyState, Followed, Ready, SourceError};

/// What is said of mistakes in a list.
const UNPREPARED: &str = "the source cannot be prepared";
const UNREMOVED: &str = "the source cannot be removed";
const UNSEEN: &str = "the source cannot be looked at";

/// Prepare the database whose changes a node reads
#[derive(Debug, Args)]
pub(super) struct Source {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make the publication and the replication slot, where they are missing
    Init(Init),
    /// Remove both: nothing is read any more, and the database keeps no log for it
    Drop(Place),
    /// Say how far the slot is read
    Status(Place),
}

#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    place: Place,
    /// Copy the rows that the tables have, before changes are read
    ///
    /// The node that is started next makes the copy, and the slot with it. No webhook fires for it, and `ready` webhooks are used up for rows that
    /// meet their conditions already. When there is a slot, only tables are copied that are new to the publication.
    #[arg(long)]
    snapshot: bool,
    /// Leave `ready` webhooks to fire for the rows that are copied: by `webhookc backfill`, or when they change
    #[arg(long, requires = "snapshot")]
    leave_ready: bool,
}

impl Init {
    fn copy(&self) -> Option<Ready> {
        self.snapshot.then_some(if self.leave_ready { Ready::Left } else { Ready::UsedUp })
    }
}

#[derive(Debug, Args)]
struct Place {
    /// The project folder, with a `webhookc.toml` that has `[source.postgres]`
    #[arg(default_value = ".")]
    path: PathBuf,
}

impl Source {
    pub(super) async fn run(self, output: Output) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Init(init) => {
                let copy = init.copy();
                let paths = vec![init.place.path];
                let project = config::read(&paths, &Overrides::default()).outcome?;
                let source = of(&project.config)?;
                let compilation = compile(project.input);
                let Some(rules) = compilation.rules else {
                    return Err(Failure::new("the schema has errors").help("run `webhookc check`"));
                };
                let done = source::init(source, &project.config.folder, &rules.program, copy).await;
                tell(output, done.map_err(|error| failed(&error, UNPREPARED))?);
            }
            Verb::Drop(place) => {
                let config = config::read_settings(&place.path, &Overrides::default())?;
                tell(output, source::remove(of(&config)?, &config.folder).await.map_err(|error| failed(&error, UNREMOVED))?);
            }
            Verb::Status(place) => {
                let config = config::read_settings(&place.path, &Overrides::default())?;
                let source = of(&config)?;
                let prepared = source::state(source, &config.folder).await.map_err(|error| failed(&error, UNSEEN))?;
                match prepared.copy {
                    CopyState::None => {}
                    CopyState::Waits(Copies::First) => {
                        output.line(&format!("{} waits for a node: start one with `webhookc serve`", Copies::First.name()));
                        return Ok(ExitCode::SUCCESS);
                    }
                    CopyState::Waits(Copies::Later) => {
                        let who = "start one with `webhookc serve`, or let the one that runs take up the schema";
                        output.line(&format!("{} waits for a node: {who}", Copies::Later.name()));
                    }
                    CopyState::UnderWay(copies, how_far) => {
                        output.line(&harmless(&format!("{} is being made: {how_far}", copies.name())));
                        return Ok(ExitCode::SUCCESS);
                    }
                }
                let Some(state) = prepared.slot else {
                    output.line(&format!("there is no slot `{}`; run `webhookc source init`", source.slot));
                    return Ok(ExitCode::from(1));
                };
                let confirmed = state.confirmed.as_deref().unwrap_or("nowhere");
                let read = if state.active { "a node reads it" } else { "nobody reads it" };
                let lag = state.lag_bytes.unwrap_or_default();
                output.line(&format!("the slot `{}` is read up to {confirmed}, {lag} bytes behind the log; {read}", source.slot));
                if !prepared.is_published {
                    output.line(&format!("there is no publication `{}`; run `webhookc source init`", source.publication));
                    return Ok(ExitCode::from(1));
                }
                if state.is_lost() {
                    output.line("the database has thrown away the log that it needs: drop and init it anew");
                    return Ok(ExitCode::from(1));
                }
                if let Some(why) = prepared.stuck {
                    output.line(&harmless(&why));
                    return Ok(ExitCode::from(1));
                }
                return tables(output, source, &config, &place.path).await;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn of(config: &Config) -> Result<&config::Source, Failure> {
    config.source.as_ref().ok_or_else(|| {
        Failure::new("the project has no source").help("add `[source.postgres]` with `url = { env = \"DATABASE_URL\" }` to `webhookc.toml`")
    })
}

/// Says which models are not followed, and why.
async fn tables(output: Output, source: &config::Source, config: &Config, path: &Path) -> Result<ExitCode, Failure> {
    let Some(rules) = rules(path) else {
        output.line("the schema has errors, so that it cannot be said which tables are read; run `webhookc check`");
        return Ok(ExitCode::from(1));
    };
    let followed = source::followed(source, &config.folder, &rules.program).await.map_err(|error| failed(&error, UNSEEN))?;
    let Followed { unpublished, without, in_the_way, misfits } = &followed;
    for table in unpublished {
        output.line(&harmless(&format!("{table} is not read, since the publication lacks it; run `webhookc source init`")));
    }
    for why in in_the_way.iter().chain(misfits) {
        output.line(&harmless(why));
    }
    if !without.is_empty() {
        let models: Vec<String> = without.iter().map(|model| format!("`{model}`")).collect();
        output.line(&harmless(&format!("no table is for {}", models.join(", "))));
    }
    let is_well = [unpublished, in_the_way, misfits].into_iter().all(Vec::is_empty);
    Ok(ExitCode::from(u8::from(!is_well)))
}

fn tell(output: Output, lines: Vec<String>) {
    for line in lines {
        output.line(&harmless(&line));
    }
}

/// Why it cannot be done; `unfit` says so of a database that is not as it must be.
pub(super) fn failed(error: &SourceError, unfit: &str) -> Failure {
    match error {
        SourceError::Unfit(mistakes) => mistakes.iter().fold(Failure::new(unfit), |failure, mistake| failure.mistake(mistake.clone())),
        SourceError::Connection(_)
        | SourceError::Server { .. }
        | SourceError::Refused(_)
        | SourceError::Elsewhere
        | SourceError::TablesCame
        | SourceError::Discontinued(_)
        | SourceError::Overtaken
        | SourceError::Store(_) => Failure::new(error.to_string()),
    }
}
