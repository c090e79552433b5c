//! The loop that keeps the program in force equal to the files: wait for a change, read and compile aside, swap or report. Blocking
//! work runs on the runtime's threads for it; whoever owns the loop ends it by dropping the future.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::attempt::{Attempt, Files, Made};
use super::build::{Absent, BuildError, build};
use super::keyring::Keyring;
use super::origin::origin;
use super::reach::unreachable;
use super::rejected::{self, Findings, Rejected, Rejection};
use super::shared::{Change, Shared, outdated};
use super::trigger::{Report, Requests};
use super::watch::{CROWD, Watch};
use crate::activity::{Activity, Feed};
use crate::changes::changes;
use crate::check::{Rules, Valid};
use crate::compile::Compilation;
use crate::config::{Config, LoadError, Seen};
use crate::diagnostics::Severity;
use crate::egress::Guard;
use crate::generation::{self, Generation, Live};
use crate::report::{counted, lines, size};
use crate::store::ProgramStanding;
use crate::telemetry::{ReloadEnd, numbers};
use crate::text::SourceMap;
use crate::time::Clock;

/// How often the files are looked at without any news of them: some file systems have none.
const POLL: Duration = Duration::from_secs(2);
/// How long the folders are not watched, and only looked at, when a crowd of events held no change: being told of every write that
/// something makes there costs more than looking regularly.
const REST: Duration = Duration::from_secs(30);
/// How long after a file looked half written it is read again.
const UNFINISHED: Duration = Duration::from_millis(200);
/// How long it is given to be finished.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same as long as there is news of it: something writes it again and again.
const BUSY: Duration = Duration::from_secs(5);
/// How long files that change all the time are read again and again before that is said.
const RESTLESS: Duration = Duration::from_secs(30);

/// The parts of `webhookc.toml` that a node reads once.
const FIXED: &str = "`[listen]`, `[tenants]`, `[store]`, `[egress]`, `[retention]`, `[compat]`, `[source]` and `[nats]`";

/// Keeps a program in force.
pub struct Reloader {
    pub(super) files: Files,
    pub(super) keyring: Arc<Keyring>,
    absent: Absent,
    guard: Guard,
    quiet: Duration,
    feed: Feed,
    clock: Arc<dyn Clock>,
    requests: Requests,
    /// Who has asked before the files are read, and hears what comes of it.
    waiting: Vec<oneshot::Sender<Report>>,
    swapped: Arc<Notify>,
    rejected: Rejected,
    watch: Watch,
    seen: Seen,
    /// Number of the last generation.
    pub(super) number: u64,
    /// The folder of the project.
    pub(super) folder: PathBuf,
    pub(super) shared: Shared,
    /// What only a restart changes.
    fixed: Option<String>,
}

/// What a reloader works with.
pub struct Setup {
    /// The files.
    pub files: Files,
    /// Kept keys.
    pub keyring: Arc<Keyring>,
    /// What to do about secrets that cannot be had.
    pub absent: Absent,
    /// The guard in force, which refuses targets until the next start.
    pub guard: Guard,
    /// How long after the first news the files are looked at: an editor writes several.
    pub quiet: Duration,
    /// Is told of every reload.
    pub feed: Feed,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who else may ask for a reload.
    pub requests: Requests,
    /// Rings when a new program has been swapped in.
    pub swapped: Arc<Notify>,
    /// Where it stands while the files make no program.
    pub rejected: Rejected,
}

impl Reloader {
    /// A reloader that has loaded nothing yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let Setup { files, keyring, absent, guard, quiet, feed, clock, requests, swapped, rejected } = setup;
        let (waiting, watch, seen) = (Vec::new(), Watch::new(), Seen::default());
        let shared = Shared::new(keyring.store().newest_program());
        Self {
            files,
            keyring,
            absent,
            guard,
            quiet,
            feed,
            clock,
            requests,
            waiting,
            swapped,
            rejected,
            watch,
            seen,
            number: 0,
            folder: PathBuf::new(),
            shared,
            fixed: None,
        }
    }

    /// Makes a generation of an attempt, if it is without errors, and remembers what it was made of.
    pub async fn take(&mut self, mut attempt: Attempt) -> (Option<Generation>, Report) {
        self.watch.set(&attempt.seen.folders);
        let seen = std::mem::take(&mut attempt.seen);
        self.seen = seen;
        let mut bundle = None;
        if let Ok((config, compilation)) = &attempt.outcome {
            self.folder.clone_from(&config.folder);
            bundle = self.offer(&compilation.sources, &attempt.parts);
        }
        Box::pin(self.make(attempt, Made::Here(bundle))).await
    }

    /// Makes a generation of what was compiled, if it is without errors.
    pub(super) async fn make(&mut self, attempt: Attempt, made: Made) -> (Option<Generation>, Report) {
        let (config, compilation) = match attempt.outcome {
            Ok(loaded) => loaded,
            Err(error) => return (None, self.rejected("the configuration is wrong", error.lines(), rejected::of_load(&error))),
        };
        let mut notes = lines(&compilation.sources, &compilation.diagnostics);
        if compilation.rules.is_none() {
            let errors = compilation.diagnostics.count(Severity::Error);
            return (None, self.rejected(&counted(errors, "error"), notes, rejected::of_compilation(&compilation)));
        }
        let Compilation { sources, rules: Some(rules), models, webhooks, .. } = compilation else {
            return (None, self.rejected("it has no rules", notes, Findings::default()));
        };
        // Another node has its own address and the like.
        let restart = if matches!(made, Made::Here(_)) { self.restart_note(&config) } else { None };
        let refused = unreachable(&rules, &self.guard);
        if !refused.is_empty() {
            let why = refused.into_iter().chain(restart).collect();
            return (None, self.rejected("it would send where nothing may be sent", why, Findings::default()));
        }
        match self.build(rules, &config, sources).await {
            Ok((mut generation, warnings)) => {
                let number = match made {
                    Made::Elsewhere(number) => number,
                    Made::Here(None) => 0,
                    Made::Here(Some(bundle)) => match self.hand_on(&bundle).await {
                        Ok(ProgramStanding { number, is_ours: true }) => number,
                        Ok(ProgramStanding { number, is_ours: false }) => {
                            let (newest, mut report) = Box::pin(self.take_up()).await;
                            if newest.is_some() {
                                report.lines.push(outdated(number));
                                return (newest, report);
                            }
                            notes.extend(report.lines);
                            0
                        }
                        Err(error) => return (None, self.rejected("it cannot be handed on", vec![chain(&error)], Findings::default())),
                    },
                };
                generation.shared = generation::Shared::numbered(number);
                self.number += 1;
                self.rejected.store(None);
                notes.extend(warnings);
                notes.extend(restart);
                let size = size(models, webhooks);
                let first = format!("live, {size} in {} ms", attempt.took.as_millis().max(1));
                (Some(generation), Report { live: true, lines: std::iter::once(first).chain(notes).collect() })
            }
            Err(error) => (None, self.rejected("it cannot be run", vec![chain(&error)], Findings::default())),
        }
    }

    async fn build(&self, rules: Valid<Rules>, config: &Config, sources: SourceMap) -> Result<(Generation, Vec<String>), BuildError> {
        let origin = origin(self.keyring.store(), sources, &*self.clock, &self.feed).await?;
        let (generation, warnings) = build(rules, config, &self.keyring, self.number + 1, self.absent).await?;
        Ok((Generation { origin: Arc::new(origin), ..generation }, warnings))
    }

    /// Waits until the files make a program, reporting every failure on the way.
    pub async fn until_good(&mut self) -> Generation {
        loop {
            self.changed().await;
            let (generation, report) = self.reload().await;
            self.tell(&report, &report);
            if let Some(generation) = generation {
                return generation;
            }
        }
    }

    /// Swaps in every new program, for ever.
    pub async fn run(mut self, live: Live) {
        // What was in force when those asked who came while the files were being read.
        let mut since: Option<Arc<Generation>> = None;
        loop {
            let change = self.changed().await;
            let keyring = Arc::clone(&self.keyring);
            let _keys_in_force = keyring.still().await;
            let (generation, mut report) = match change {
                Change::Here => self.reload().await,
                Change::Elsewhere => self.take_up().await,
            };
            let mut before = None;
            let mut answer = report.clone();
            if let Some(generation) = generation {
                let generation = Arc::new(generation);
                let earlier = live.swap(Arc::clone(&generation));
                self.swapped.notify_one();
                before = Some(Arc::clone(&earlier));
                // In force already: what it means differently may take a moment to find out.
                let asked_under = since.take();
                let said = tokio::task::spawn_blocking(move || {
                    let said = meaning(&earlier, &generation);
                    (asked_under.map_or_else(|| said.clone(), |earlier| meaning(&earlier, &generation)), said)
                });
                let (to_who_asked, to_all) = said.await.unwrap_or_default();
                answer.lines.splice(1..1, to_who_asked);
                report.lines.splice(1..1, to_all);
            }
            self.tell(&report, &answer);
            self.waiting = self.requests.waiting();
            since = before.filter(|_| !self.waiting.is_empty());
        }
    }

    /// Waits for a change of the files, for somebody who asks, or for another program of other nodes.
    async fn changed(&mut self) -> Change {
        let mut rest_until = None;
        let mut events = 0;
        let shares = self.shares();
        loop {
            // Looked at before waiting, too: a folder is watched only after it was read.
            if !self.waiting.is_empty() || self.is_outdated().await {
                return Change::Here;
            }
            if std::mem::take(&mut events) >= CROWD {
                self.watch.set(&BTreeSet::new());
                rest_until = Instant::now().checked_add(REST);
            } else if rest_until.is_none_or(|until| until <= Instant::now()) {
                // A folder may have been replaced by another of its name.
                self.watch.set(&self.seen.folders);
                rest_until = None;
            }
            tokio::select! {
                asked = self.requests.next() => {
                    self.waiting.push(asked);
                    return Change::Here;
                }
                () = self.shared.changed(), if shares => return Change::Elsewhere,
                () = self.watch.changed() => {}
                () = tokio::time::sleep(POLL) => continue,
            }
            tokio::select! {
                // Whoever asks need not wait until it is quiet, and hears what has changed.
                asked = self.requests.next() => {
                    self.waiting.push(asked);
                    return Change::Here;
                }
                heard = self.watch.settled_or_crowded(self.quiet, self.seen.contents.keys()) => events = heard,
            }
        }
    }

    async fn is_outdated(&mut self) -> bool {
        let mut seen = std::mem::take(&mut self.seen);
        let looked = tokio::task::spawn_blocking(move || (seen.is_outdated(), seen)).await;
        // The runtime is shutting down otherwise.
        let Ok((outdated, seen)) = looked else { return false };
        self.seen = seen;
        outdated
    }

    /// Reads the files, until they look finished.
    async fn reload(&mut self) -> (Option<Generation>, Report) {
        let mut attempt = self.calm_attempt().await;
        let began = Instant::now();
        while attempt.looks_unfinished() {
            let looked = Instant::now();
            tokio::time::sleep(UNFINISHED).await;
            let later = self.calm_attempt().await;
            let same = later.seen.is_same(&attempt.seen);
            attempt = later;
            // Empty at two moments is what a file may be that was written in between.
            let busy = self.watch.has_heard_of(|name| attempt.seen.looks_for(name), looked);
            if (same && !busy) || began.elapsed() >= if busy { BUSY } else { PATIENCE } {
                break;
            }
        }
        self.take(attempt).await
    }

    /// Reads and compiles files that nobody has changed from before the first was read until after the last: what is made of several files
    /// is never made of some old and some new ones.
    async fn calm_attempt(&mut self) -> Attempt {
        let began = Instant::now();
        loop {
            if self.waiting.is_empty() {
                tokio::select! {
                    asked = self.requests.next() => self.waiting.push(asked),
                    _ = self.watch.settled(self.quiet, self.seen.contents.keys()) => {}
                }
            }
            if !self.waiting.is_empty() {
                // Whoever asks need not wait until it is quiet.
                self.watch.settled(Duration::ZERO, self.seen.contents.keys()).await;
            }
            self.waiting.extend(self.requests.waiting());
            let (attempt, calm) = self.files.attempt_aside().await;
            if calm {
                return attempt;
            }
            if began.elapsed() > RESTLESS {
                let outcome = Err(LoadError::Setting("the files are being changed all the time, expected a moment of rest".to_owned()));
                return Attempt { outcome, ..attempt };
            }
            // What has come since is watched from now on, too.
            self.watch.set(&attempt.seen.folders);
            self.seen = attempt.seen;
            tokio::time::sleep(self.quiet).await;
        }
    }

    /// Tells everybody, and those who have asked.
    fn tell(&mut self, report: &Report, answer: &Report) {
        numbers().reload(if report.live { ReloadEnd::Live } else { ReloadEnd::Rejected }, self.number);
        self.feed.tell(self.clock.now(), Activity::Reloaded { lines: report.lines.clone().into(), live: report.live });
        for asked in self.waiting.drain(..) {
            // Whoever asked may have gone.
            let _gone = asked.send(answer.clone());
        }
    }

    pub(super) fn rejected(&self, what: &str, notes: Vec<String>, Findings { first, left_out }: Findings) -> Report {
        let rest = if self.number == 0 { "waiting for a good one" } else { "still on the last good program" };
        let report = Report { live: false, lines: std::iter::once(format!("rejected, {what}, {rest}")).chain(notes).collect() };
        let (at, findings) = (self.clock.now(), first);
        self.rejected.store(Some(Arc::new(Rejection { at, report: report.clone(), findings, left_out })));
        report
    }

    fn restart_note(&mut self, config: &Config) -> Option<String> {
        let Config { listen, hosts, rate_limit, store, store_key, allow_networks, in_flight, retention, dialects, .. } = config;
        let now = format!("{listen} {hosts:?} {rate_limit:?} {store:?} {store_key:?} {allow_networks:?} {in_flight:?} {retention:?}");
        let Config { endpoints_per_tenant, source, .. } = config;
        let now = format!("{now} {dialects:?} {endpoints_per_tenant:?} {source:?}");
        #[cfg(feature = "nats")]
        let now = format!("{now} {:?} {:?}", config.brokers, config.consumer);
        let before = self.fixed.get_or_insert_with(|| now.clone());
        (*before != now).then(|| format!("{FIXED} change only at the next start"))
    }
}

/// What another generation changes, in words.
fn meaning(before: &Generation, after: &Generation) -> Vec<String> {
    let mut lines = changes(&before.rules, &after.rules);
    let mut policies: Vec<_> = after
        .targets
        .iter()
        .filter(|(id, target)| before.targets.get(*id).is_some_and(|old| old.policy != target.policy))
        .map(|(_, target)| format!("endpoint {}: how it is called and retried changed", target.name))
        .collect();
    policies.sort_unstable();
    lines.extend(policies);
    if lines.is_empty() {
        lines.push("no change in meaning".to_owned());
    }
    lines
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
