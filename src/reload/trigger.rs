//! Asking for a reload, from the API or a signal, and hearing what came of it.

use tokio::sync::{mpsc, oneshot};

/// Requests that may wait; more are refused as if the node were busy with them.
const WAITING: usize = 16;

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether what is in the files is now in force.
    pub live: bool,
    /// What to say about it; the first line is short.
    pub lines: Vec<String>,
}

/// Asks for a reload. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trigger(mpsc::Sender<oneshot::Sender<Report>>);

/// Where requests arrive.
#[derive(Debug)]
pub struct Requests(mpsc::Receiver<oneshot::Sender<Report>>);

/// A pair of asking and hearing.
#[must_use]
pub fn trigger() -> (Trigger, Requests) {
    let (sender, receiver) = mpsc::channel(WAITING);
    (Trigger(sender), Requests(receiver))
}

impl Trigger {
    /// Reloads; `None` when the node is shutting down.
    pub async fn reload(&self) -> Option<Report> {
        let (answer, report) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        report.await.ok()
    }
}

impl Requests {
    /// The next request; waits for ever once nobody can ask any more.
    pub(super) async fn next(&mut self) -> oneshot::Sender<Report> {
        match self.0.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// All that have arrived and were not taken.
    pub(super) fn waiting(&mut self) -> Vec<oneshot::Sender<Report>> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}
