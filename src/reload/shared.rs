//! One program for all nodes of a store: what the files of one make is handed on to the others, which compile it for themselves. A node saves
//! and renders only by a program that it has compiled, and goes on with its last one when it cannot run the newest.
//!
//! 2026-11-27: the files of the node that changed last count. A node that starts with what was in force before the newest program takes that
//! up instead, since its files are about to be brought up to date; whoever wants the earlier one back changes the files of a running node, or
//! asks one for a reload.

use std::time::Instant;

use super::attempt::{Attempt, Made};
use super::reloader::Reloader;
use super::trigger::Report;
use crate::config::{Bundle, LoadError, Parts};
use crate::generation::Generation;
use crate::store::{Occasion, Offered, ProgramStanding, StoreError};
use crate::text::SourceMap;

/// Bytes of the files of a program that are handed on; larger ones would hold up everything else that the store does.
const LARGEST: usize = 64 << 20;

/// Why there may be another program.
pub(super) enum Change {
    /// The files, or somebody who asks that they are read.
    Here,
    /// Another node has one.
    Elsewhere,
}

/// What a node has to do with the programs of the others.
#[derive(Debug)]
pub(super) struct Shared {
    /// The number of the newest program.
    newest: tokio::sync::watch::Receiver<i64>,
    /// The number of the last one that was looked at, whether it could be run or not.
    seen: i64,
}

impl Shared {
    pub(super) fn new(newest: tokio::sync::watch::Receiver<i64>) -> Self {
        Self { newest, seen: 0 }
    }

    /// Ready when there is a program that was not looked at. May be dropped and asked again.
    pub(super) async fn changed(&mut self) {
        let seen = self.seen;
        if self.newest.wait_for(|newest| *newest > seen).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What is said to a node whose files are those of an earlier program.
pub(super) fn outdated(number: i64) -> String {
    format!("the files here were in force before program {number}, which all nodes run; a reload puts them in force on all nodes")
}

impl Reloader {
    /// What is handed on of these files, if anybody can take it up.
    pub(super) fn offer(&self, sources: &SourceMap, parts: &Parts) -> Option<Bundle> {
        self.shares().then(|| Bundle::of(sources, parts))
    }

    /// A node that has a built-in receiver is for trying things: it neither takes nor gives.
    pub(super) fn shares(&self) -> bool {
        self.files.sink.is_none() && self.keyring.store().shares_programs()
    }

    /// Hands on what this node is about to run.
    ///
    /// # Errors
    /// When it is too large, or the store fails.
    pub(super) async fn hand_on(&mut self, bundle: &Bundle) -> Result<ProgramStanding, StoreError> {
        let files = serde_json::to_vec(bundle).map_err(|error| StoreError::Failed(error.to_string()))?;
        if files.len() > LARGEST {
            let (have, most) = (files.len() >> 20, LARGEST >> 20);
            return Err(StoreError::Failed(format!(
                "the files of the program have {have} MiB, expected at most {most} MiB with several nodes"
            )));
        }
        let occasion = if self.number == 0 { Occasion::Start } else { Occasion::Change };
        let standing = self.keyring.store().share_program(&Offered { digest: bundle.digest(), files, occasion }).await?;
        self.shared.seen = standing.number;
        Ok(standing)
    }

    /// Takes up the newest program of the others.
    pub(super) async fn take_up(&mut self) -> (Option<Generation>, Report) {
        let wanted = *self.shared.newest.borrow();
        self.shared.seen = self.shared.seen.max(wanted);
        let (number, attempt) = match self.fetch().await {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return (None, self.not_taken_up("it is not in the store".to_owned())),
            Err(error) => return (None, self.not_taken_up(error.to_string())),
        };
        self.shared.seen = self.shared.seen.max(number);
        let (generation, mut report) = Box::pin(self.make(attempt, Made::Elsewhere(number))).await;
        let what = if report.live { "taken up from another node" } else { "another node's program cannot be run here" };
        if let Some(first) = report.lines.first_mut() {
            *first = format!("{first} · {what}");
        }
        (generation, report)
    }

    /// Reads the newest program from the store and compiles it.
    async fn fetch(&self) -> Result<Option<(i64, Attempt)>, StoreError> {
        let Some((number, files)) = self.keyring.store().shared_program().await? else { return Ok(None) };
        let bundle: Bundle = serde_json::from_slice(&files).map_err(|error| StoreError::Failed(error.to_string()))?;
        let (files, folder) = (self.files.clone(), self.folder.clone());
        let compiled = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let outcome = files.compiled(bundle.project(folder, &files.overrides)).0;
            Attempt { outcome, parts: Parts::default(), seen: crate::config::Seen::default(), took: began.elapsed() }
        });
        let stopped = |error| {
            let outcome = Err(LoadError::Setting(format!("the compiler was stopped: {error}")));
            Attempt { outcome, parts: Parts::default(), seen: crate::config::Seen::default(), took: std::time::Duration::ZERO }
        };
        Ok(Some((number, compiled.await.unwrap_or_else(stopped))))
    }

    fn not_taken_up(&self, why: String) -> Report {
        self.rejected("the program of another node cannot be read", vec![why], super::rejected::Findings::default())
    }
}
