//! The ways in which a store or a worker can be built wrong. Each must be found by the simulation, or it proves nothing.

/// A deliberate mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// An attempt is recorded whoever holds the claim.
    NoFence,
    /// Ready marks are written after the transaction.
    MarksOutsideTransaction,
    /// Messages are written after the transaction.
    MessagesOutsideTransaction,
    /// The saves of one batch read what was there before the batch.
    StaleReads,
    /// Ordered deliveries wait for nothing.
    OrderIgnored,
    /// A delivery that is tried again has no due time.
    DueDropped,
    /// A lease that has ended is not taken over.
    LeasesForever,
    /// A delivery under way is claimed again.
    LeasesIgnored,
    /// Attempts are not counted.
    SpentForgotten,
    /// A delivered one stays in the queue.
    DeliveredAgain,
    /// A worker sends though its lease has ended.
    SendsAfterLease,
    /// Each attempt has a `webhook-id` of its own.
    NewIdEachAttempt,
    /// A suspended endpoint is sent to.
    SuspensionIgnored,
    /// Every delivery that is given up is told.
    ToldAgain,
    /// Alerts are written after the transaction.
    AlertsOutsideTransaction,
    /// Nothing is released.
    SuspendedForever,
    /// The rate limit is not kept.
    RateIgnored,
}

impl Broken {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::NoFence,
        Self::MarksOutsideTransaction,
        Self::MessagesOutsideTransaction,
        Self::StaleReads,
        Self::OrderIgnored,
        Self::DueDropped,
        Self::LeasesForever,
        Self::LeasesIgnored,
        Self::SpentForgotten,
        Self::DeliveredAgain,
        Self::SendsAfterLease,
        Self::NewIdEachAttempt,
        Self::SuspensionIgnored,
        Self::ToldAgain,
        Self::AlertsOutsideTransaction,
        Self::SuspendedForever,
        Self::RateIgnored,
    ];
}
