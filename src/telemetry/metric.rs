//! The names of everything that is counted: the only place where they are written.

/// What is counted or measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Saves by what became of them.
    Saves,
    /// From a save's arrival at the rules to its commit.
    SaveSeconds,
    /// Decisions about webhooks by their result.
    Decisions,
    /// Attempts to deliver by what followed.
    Attempts,
    /// From the first byte of an attempt to its outcome.
    AttemptSeconds,
    /// Commits of the store by outcome.
    Commits,
    /// From the beginning of a transaction to its commit.
    CommitSeconds,
    /// Jobs that share a commit.
    CommitJobs,
    /// Reloads by outcome.
    Reloads,
    /// Whether the files, as they are, were rejected.
    ReloadRejected,
    /// Which program is in force, counted from the start.
    Generation,
    /// Answers of the API by class.
    ApiAnswers,
    /// Messages of a source by what became of them.
    SourceMessages,
    /// Deliveries that are not settled, by lane.
    QueueDepth,
    /// How long what is due for longest has been due, by lane.
    QueueAge,
    /// Lanes that have something to deliver.
    QueueLanes,
    /// The version of the program.
    Build,
    /// Memory in use.
    Memory,
    /// Processor time used.
    Processor,
    /// Whether the source is read.
    SourceUp,
    /// How much of its log has not been taken in.
    SourceLag,
    /// Since when.
    SourceLagSeconds,
    /// When the last transaction that was read was committed.
    SourceCommitted,
    /// Its transactions.
    SourceTransactions,
    /// Their changes.
    SourceChanges,
    /// How often it did not go on.
    SourceErrors,
    /// Rows that were left out.
    SourceSkipped,
    /// Rows that were copied, by table.
    SourceCopied,
    /// Rows that the copy under way is of.
    SourceCopyRows,
}

/// How a number behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

impl Metric {
    /// Every one.
    pub const ALL: [Self; 29] = [
        Self::Saves,
        Self::SaveSeconds,
        Self::Decisions,
        Self::Attempts,
        Self::AttemptSeconds,
        Self::Commits,
        Self::CommitSeconds,
        Self::CommitJobs,
        Self::Reloads,
        Self::ReloadRejected,
        Self::Generation,
        Self::ApiAnswers,
        Self::SourceMessages,
        Self::QueueDepth,
        Self::QueueAge,
        Self::QueueLanes,
        Self::Build,
        Self::Memory,
        Self::Processor,
        Self::SourceUp,
        Self::SourceLag,
        Self::SourceLagSeconds,
        Self::SourceCommitted,
        Self::SourceTransactions,
        Self::SourceChanges,
        Self::SourceErrors,
        Self::SourceSkipped,
        Self::SourceCopied,
        Self::SourceCopyRows,
    ];

    /// Its name; the format adds `_total` to a counter, and `_bucket`, `_sum` and `_count` to a histogram.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Saves => "webhookc_saves",
            Self::SaveSeconds => "webhookc_save_seconds",
            Self::Decisions => "webhookc_decisions",
            Self::Attempts => "webhookc_attempts",
            Self::AttemptSeconds => "webhookc_attempt_seconds",
            Self::Commits => "webhookc_store_commits",
            Self::CommitSeconds => "webhookc_store_commit_seconds",
            Self::CommitJobs => "webhookc_store_commit_jobs",
            Self::Reloads => "webhookc_reloads",
            Self::ReloadRejected => "webhookc_reload_rejected",
            Self::Generation => "webhookc_generation",
            Self::ApiAnswers => "webhookc_api_answers",
            Self::SourceMessages => "webhookc_source_messages",
            Self::QueueDepth => "webhookc_queue_depth",
            Self::QueueAge => "webhookc_queue_age_seconds",
            Self::QueueLanes => "webhookc_queue_lanes",
            Self::Build => "webhookc_build_info",
            Self::Memory => "process_resident_memory_bytes",
            Self::Processor => "process_cpu_seconds",
            Self::SourceUp => "webhookc_source_up",
            Self::SourceLag => "webhookc_source_lag_bytes",
            Self::SourceLagSeconds => "webhookc_source_lag_seconds",
            Self::SourceCommitted => "webhookc_source_committed_timestamp_seconds",
            Self::SourceTransactions => "webhookc_source_transactions",
            Self::SourceChanges => "webhookc_source_changes",
            Self::SourceErrors => "webhookc_source_errors",
            Self::SourceSkipped => "webhookc_source_skipped_rows",
            Self::SourceCopied => "webhookc_source_copied_rows",
            Self::SourceCopyRows => "webhookc_source_copy_rows",
        }
    }

    /// How it behaves.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Saves
            | Self::Decisions
            | Self::Attempts
            | Self::Commits
            | Self::Reloads
            | Self::ApiAnswers
            | Self::SourceMessages
            | Self::Processor
            | Self::SourceTransactions
            | Self::SourceChanges
            | Self::SourceErrors
            | Self::SourceSkipped
            | Self::SourceCopied => Kind::Counter,
            Self::SaveSeconds | Self::AttemptSeconds | Self::CommitSeconds | Self::CommitJobs => Kind::Histogram,
            Self::ReloadRejected
            | Self::Generation
            | Self::QueueDepth
            | Self::QueueAge
            | Self::QueueLanes
            | Self::Build
            | Self::Memory
            | Self::SourceUp
            | Self::SourceLag
            | Self::SourceLagSeconds
            | Self::SourceCommitted
            | Self::SourceCopyRows => Kind::Gauge,
        }
    }

    /// The names of its series, as queries have them.
    #[must_use]
    pub fn series(self) -> Vec<String> {
        let name = self.name();
        match self.kind() {
            Kind::Counter => vec![format!("{name}_total")],
            Kind::Gauge => vec![name.to_owned()],
            Kind::Histogram => ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).to_vec(),
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Saves => "Saves of objects: committed, refused, failed",
            Self::SaveSeconds => "Time from a save's reaching the rules to its commit",
            Self::Decisions => "Decisions about webhooks: fired, suppressed, waiting",
            Self::Attempts => "Attempts to deliver: delivered, retried, diverted, failed, lost",
            Self::AttemptSeconds => "Time of an attempt, from connecting to its outcome, by the same outcomes",
            Self::Commits => "Commits of the store: done, failed",
            Self::CommitSeconds => "Time from the beginning of a transaction to its commit",
            Self::CommitJobs => "Jobs that share a commit",
            Self::Reloads => "Reloads: live, rejected",
            Self::ReloadRejected => "1 while the files are rejected and the program before them is in force",
            Self::Generation => "The program in force, counted from the start",
            Self::ApiAnswers => "Answers of the API by class of status",
            Self::SourceMessages => "Messages of a source: saved, again, refused, failed",
            Self::QueueDepth => "Deliveries not settled, of the longest lanes, and of all others together as `other`",
            Self::QueueAge => "How long the delivery that is due for longest has been due",
            Self::QueueLanes => "Lanes that have something to deliver",
            Self::Build => "1, with the version",
            Self::Memory => "Resident memory",
            Self::Processor => "Processor time, user and system",
            Self::SourceUp => "1 while the database of `[source.postgres]` is read by this node",
            Self::SourceLag => "Bytes of its log that have not been taken in",
            Self::SourceLagSeconds => "Since when something of it has not been taken in, 0 when nothing is missing",
            Self::SourceCommitted => "When the last transaction that was read was committed there",
            Self::SourceTransactions => "Transactions of the source that were read",
            Self::SourceChanges => "Changes of rows that were taken in",
            Self::SourceErrors => "How often the source did not go on",
            Self::SourceSkipped => "Rows that the data model does not allow and that were left out",
            Self::SourceCopied => "Rows that were there before and that this node has copied, by table",
            Self::SourceCopyRows => "Rows that the copy under way is of, as far as the database knows; 0 when there is none",
        }
    }
}
