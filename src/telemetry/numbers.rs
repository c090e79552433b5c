//! What is counted while a node works. Every series that can be counted has its number from the start, so that counting looks nothing up.

use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric as Measurable, Registry};

use super::{Metric, SourceNumbers};

/// Bounds of times, in seconds: from a save to the longest deadline of a request.
const SECONDS: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];
/// Bounds of the jobs in a commit; there are 512 at most.
const JOBS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// What became of saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveEnd {
    /// They are in the store.
    Committed,
    /// The data model does not allow them.
    Refused,
    /// The store could not take them.
    Failed,
}

/// What followed on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// Nothing more to do.
    Delivered,
    /// Another attempt.
    Retried,
    /// It was given up and kept apart.
    Diverted,
    /// It was given up.
    Failed,
    /// Its record came too late, and another attempt was under way.
    Lost,
}

/// What became of a message of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageEnd {
    /// Its saves are in the store.
    Saved,
    /// They were already.
    Again,
    /// It is no save, or the data model does not allow it.
    Refused,
    /// The store could not take it; it comes again.
    Failed,
}

/// What came of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadEnd {
    /// What is in the files is in force.
    Live,
    /// The program before is.
    Rejected,
}

/// Classes of the API's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiAnswer {
    /// Below 400.
    Good,
    /// 400 to 499.
    Refused,
    /// 500 and above.
    Failed,
}

/// A counter for each word of a label.
type Each<const N: usize> = [Counter; N];

/// The numbers of a process.
#[derive(Debug)]
pub struct Numbers {
    registry: Registry,
    saves: Each<3>,
    save_seconds: Histogram,
    decisions: Each<3>,
    attempts: Each<5>,
    attempt_seconds: [Histogram; 5],
    commits: Each<2>,
    commit_seconds: Histogram,
    commit_jobs: Histogram,
    reloads: Each<2>,
    reload_rejected: Gauge,
    generation: Gauge,
    api_answers: Each<3>,
    source: SourceNumbers,
    source_messages: Each<4>,
}

/// The numbers of this process.
pub fn numbers() -> &'static Numbers {
    static NUMBERS: OnceLock<Numbers> = OnceLock::new();
    NUMBERS.get_or_init(Numbers::new)
}

const ATTEMPTS: [&str; 5] = ["delivered", "retried", "diverted", "failed", "lost"];

impl Numbers {
    fn new() -> Self {
        let mut registry = Registry::default();
        let times = Family::<Vec<(&'static str, &'static str)>, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        register(&mut registry, Metric::AttemptSeconds, times.clone());
        let attempt_seconds = ATTEMPTS.map(|word| times.get_or_create(&vec![("outcome", word)]).clone());
        let (save_seconds, commit_seconds, commit_jobs) = (seconds(), seconds(), Histogram::new(JOBS));
        register(&mut registry, Metric::SaveSeconds, save_seconds.clone());
        register(&mut registry, Metric::CommitSeconds, commit_seconds.clone());
        register(&mut registry, Metric::CommitJobs, commit_jobs.clone());
        let (reload_rejected, generation) = (Gauge::default(), Gauge::default());
        register(&mut registry, Metric::ReloadRejected, reload_rejected.clone());
        register(&mut registry, Metric::Generation, generation.clone());
        let build = Family::<Vec<(&'static str, &'static str)>, Gauge>::default();
        build.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION"))]).set(1);
        register(&mut registry, Metric::Build, build);
        Self {
            saves: each(&mut registry, Metric::Saves, "outcome", ["committed", "refused", "failed"]),
            save_seconds,
            decisions: each(&mut registry, Metric::Decisions, "result", ["fired", "suppressed", "waiting"]),
            attempts: each(&mut registry, Metric::Attempts, "outcome", ATTEMPTS),
            attempt_seconds,
            commits: each(&mut registry, Metric::Commits, "outcome", ["done", "failed"]),
            commit_seconds,
            commit_jobs,
            reloads: each(&mut registry, Metric::Reloads, "outcome", ["live", "rejected"]),
            reload_rejected,
            generation,
            api_answers: each(&mut registry, Metric::ApiAnswers, "class", ["good", "refused", "failed"]),
            source_messages: each(&mut registry, Metric::SourceMessages, "outcome", ["saved", "again", "refused", "failed"]),
            source: SourceNumbers::new(&mut registry),
            registry,
        }
    }

    /// Saves of one call ended together.
    pub fn saves(&self, end: SaveEnd, count: usize, took: Duration) {
        add(&self.saves, end as usize, count);
        self.save_seconds.observe(took.as_secs_f64());
    }

    /// Webhooks were decided.
    pub fn decisions(&self, decided: Decided) {
        for (index, count) in [decided.fired, decided.suppressed, decided.waiting].into_iter().enumerate() {
            add(&self.decisions, index, count);
        }
    }

    /// An attempt ended.
    pub fn attempt(&self, end: AttemptEnd, took: Duration) {
        add(&self.attempts, end as usize, 1);
        if let Some(times) = self.attempt_seconds.get(end as usize) {
            times.observe(took.as_secs_f64());
        }
    }

    /// A transaction ended.
    pub fn commit(&self, jobs: usize, took: Duration, done: Result<(), ()>) {
        add(&self.commits, usize::from(done.is_err()), 1);
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_jobs.observe(f64::from(u32::try_from(jobs).unwrap_or(u32::MAX)));
    }

    /// The files were read again; `generation` is the number of the program in force since.
    pub fn reload(&self, end: ReloadEnd, generation: u64) {
        add(&self.reloads, end as usize, 1);
        self.reload_rejected.set(end as i64);
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// The API answered.
    pub fn answered(&self, answer: ApiAnswer) {
        add(&self.api_answers, answer as usize, 1);
    }

    /// Those of the source.
    #[must_use]
    pub fn source(&self) -> &SourceNumbers {
        &self.source
    }

    /// A message of a source was dealt with.
    pub fn message(&self, end: MessageEnd) {
        add(&self.source_messages, end as usize, 1);
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// Decisions of one save, or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// A message was made.
    pub fired: usize,
    /// A condition did not hold.
    pub suppressed: usize,
    /// A related object does not exist yet.
    pub waiting: usize,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

pub(super) fn register(registry: &mut Registry, metric: Metric, measured: impl Measurable) {
    registry.register(metric.name(), metric.help(), measured);
}

fn each<const N: usize>(registry: &mut Registry, metric: Metric, label: &'static str, words: [&'static str; N]) -> Each<N> {
    let family = Family::<Vec<(&'static str, &'static str)>, Counter>::default();
    register(registry, metric, family.clone());
    words.map(|word| family.get_or_create(&vec![(label, word)]).clone())
}

fn add(counters: &[Counter], index: usize, count: usize) {
    if let Some(counter) = counters.get(index) {
        counter.inc_by(count as u64);
    }
}
