//! The saves of this node: one task with one connection, which commits whatever is queued in one transaction. A batch forms while the one
//! before is on its way, and nothing lingers for company. A job that aborts or fails leaves nothing behind and the others alone: when a
//! transaction fails for a reason that will not pass, each of its jobs is done alone.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::doubt::took_place;
use super::failure::Trouble;
use super::hub::{Hub, Tries};
use super::link::Link;
use super::running::{Running, Unknown};
use super::transaction;
use crate::store::{SaveJob, StoreError};
use crate::telemetry::numbers;

/// Jobs that may wait; beyond it callers wait to queue.
pub(super) const QUEUE: usize = 4096;
/// Jobs in one transaction, so that the first does not wait long for the last.
const BATCH: usize = 512;
/// How long a transaction should take at most: after a longer one the next begins with half as many jobs, some of which are large.
const BATCH_TIME: Duration = Duration::from_millis(100);

/// A job of any type in the queue.
pub(super) trait Job: Send {
    fn job(&mut self) -> &mut dyn SaveJob;
    /// Answers the caller.
    fn reply(self: Box<Self>, done: Result<(), StoreError>);
}

struct Waiting<J> {
    job: J,
    reply: oneshot::Sender<Result<J, StoreError>>,
}

impl<J: SaveJob> Job for Waiting<J> {
    fn job(&mut self) -> &mut dyn SaveJob {
        &mut self.job
    }

    fn reply(self: Box<Self>, done: Result<(), StoreError>) {
        let Self { job, reply } = *self;
        // The caller may have gone away; what is committed stays.
        drop(reply.send(done.map(|()| job)));
    }
}

/// Queues a job and waits for its commit.
pub(super) async fn save<J: SaveJob + 'static>(hub: &Hub, job: J) -> Result<J, StoreError> {
    let (reply, answer) = oneshot::channel();
    hub.saves.send(Box::new(Waiting { job, reply })).await.map_err(|_| StoreError::Closed)?;
    answer.await.unwrap_or(Err(StoreError::Closed))
}

/// What is queued.
pub(super) struct Queue {
    jobs: mpsc::Receiver<Box<dyn Job>>,
    /// Those that were looked at and left for the next transaction; they come first.
    left: VecDeque<Running>,
    /// Jobs in one transaction, at present.
    most: usize,
}

impl Queue {
    pub(super) fn new(jobs: mpsc::Receiver<Box<dyn Job>>) -> Self {
        Self { jobs, left: VecDeque::new(), most: BATCH }
    }

    /// What a transaction begins with; none when there will be no more.
    async fn next(&mut self) -> Vec<Running> {
        let mut batch: Vec<Running> = self.left.drain(..self.left.len().min(self.most)).collect();
        if batch.is_empty() {
            batch.extend(self.jobs.recv().await.map(Running::new));
        }
        while batch.len() < self.most
            && let Ok(job) = self.jobs.try_recv()
        {
            batch.push(Running::new(job));
        }
        batch
    }

    /// What has come meanwhile and fits into a transaction of so many jobs.
    pub(super) fn since(&mut self, count: usize, mut fits: impl FnMut(&mut Running) -> bool) -> Vec<Running> {
        let mut joining = Vec::new();
        let mut looked_at = std::mem::take(&mut self.left);
        looked_at.extend(std::iter::from_fn(|| self.jobs.try_recv().ok()).take(self.most).map(Running::new));
        for mut job in looked_at {
            if count + joining.len() < self.most && fits(&mut job) {
                joining.push(job);
            } else {
                self.left.push_back(job);
            }
        }
        joining
    }
}

/// Commits what is queued until the store is closed or gone.
pub(super) async fn run(hub: Weak<Hub>, mut queue: Queue, ended: oneshot::Sender<()>) {
    let Some(mut stop) = hub.upgrade().map(|hub| hub.stop.subscribe()) else { return };
    let mut link = None;
    loop {
        let jobs = tokio::select! {
            biased;
            jobs = queue.next() => jobs,
            _ = stop.wait_for(|stop| *stop) => Vec::new(),
        };
        if jobs.is_empty() {
            break;
        }
        let Some(hub) = hub.upgrade() else { break };
        let began = Instant::now();
        commit(&hub, &mut link, jobs, &mut queue).await;
        queue.most = if began.elapsed() > BATCH_TIME { (queue.most / 2).max(1) } else { (queue.most * 2).min(BATCH) };
    }
    // Callers that are still queued are answered with `Closed`.
    drop(queue);
    drop(ended);
}

/// Commits jobs together, as often as need be.
async fn commit(hub: &Arc<Hub>, link: &mut Option<Link>, jobs: Vec<Running>, queue: &mut Queue) {
    let mut groups = vec![jobs];
    let mut tries = Tries::new();
    // Whoever is done alone, or again, stays so.
    let mut joining = Some(queue);
    while let Some(mut jobs) = groups.pop() {
        let began = Instant::now();
        let done = Box::pin(attempt(hub, link, &mut jobs, joining.take())).await;
        numbers().commit(jobs.len(), began.elapsed(), done.as_ref().map(drop).map_err(drop));
        match done {
            Ok(()) => jobs.into_iter().for_each(Running::reply),
            Err(Trouble::InDoubt(error)) => jobs.into_iter().for_each(|job| job.fail(error.clone())),
            Err(trouble) if !trouble.is_passing() && jobs.len() > 1 => {
                jobs.iter_mut().for_each(Running::again);
                groups.extend(jobs.into_iter().rev().map(|job| vec![job]));
            }
            Err(trouble) => match hub.again(trouble, &mut tries).await {
                Ok(()) => {
                    jobs.iter_mut().for_each(Running::again);
                    groups.push(jobs);
                }
                Err(error) => jobs.into_iter().for_each(|job| job.fail(error.clone())),
            },
        }
    }
}

async fn attempt(hub: &Arc<Hub>, link: &mut Option<Link>, jobs: &mut Vec<Running>, joining: Option<&mut Queue>) -> Result<(), Trouble> {
    hub.is_up_to_date()?;
    let open = if let Some(open) = link.take().filter(|link| !link.client.is_closed()) {
        open
    } else {
        let open = hub.way.connect().await?;
        // What is written here is planned once: a plan for each transaction's few tenants would be no better, and costs as much as it saves.
        open.run("SET plan_cache_mode = force_generic_plan").await?;
        open
    };
    match Box::pin(transaction::run(hub, &open, jobs, joining)).await {
        Ok(()) => *link = Some(open),
        Err(Unknown { trouble, commit: Some(commit) }) => match took_place(&hub.way, &commit.id, &open.timeline).await {
            Ok(true) => commit.finish(hub, jobs),
            Ok(false) => {
                commit.release(hub);
                return Err(trouble);
            }
            Err(unknown) => {
                commit.release(hub);
                return Err(Trouble::InDoubt(unknown));
            }
        },
        Err(Unknown { trouble, commit: None }) => {
            if open.run("ROLLBACK").await.is_ok() {
                *link = Some(open);
            }
            return Err(trouble);
        }
    }
    Ok(())
}
