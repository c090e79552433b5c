//! The one writer: a thread that commits whatever is queued. Each job runs in a savepoint of its own, so one that fails or aborts
//! leaves the others alone; a batch forms while the previous commit waits for the disk, and nothing lingers for company.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::store::StoreError;
use crate::store::sqlite::failure::failure;
use crate::store::sqlite::open::Opened;

/// Jobs that may wait; beyond it callers wait to queue.
const QUEUE: usize = 4096;
/// Jobs in one commit, so that the first does not wait long for the last.
const BATCH_JOBS: usize = 512;
/// Time that one batch may gather and run before it commits.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// The way to the writer's thread.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
    wake: Arc<watch::Sender<u64>>,
}

/// What a job has done.
pub(super) struct Done<T> {
    /// For the caller, after the commit.
    pub value: T,
    /// Whether what it wrote stays.
    pub keep: bool,
    /// Whether a delivery may have become due.
    pub wakes: bool,
}

impl<T> Done<T> {
    /// Written, and nothing is due that was not before.
    pub(super) fn kept(value: T) -> Self {
        Self { value, keep: true, wakes: false }
    }
}

impl Writer {
    pub(super) fn start(opened: Opened) -> Result<Self, StoreError> {
        let (queue, orders) = mpsc::channel(QUEUE);
        let wake = Arc::new(watch::Sender::new(0));
        let bell = Arc::clone(&wake);
        let run = move || run(opened, orders, &bell);
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(run);
        match thread {
            Ok(_) => Ok(Self { queue, wake }),
            Err(error) => Err(StoreError::Failed(format!("cannot start the writer's thread: {error}"))),
        }
    }

    pub(super) fn wake(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }

    /// Queues a job and waits for its commit.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<Done<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work { run: Some(work), value: None, reply });
        self.queue.send(Order::Write(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until what is queued is committed and the files are closed.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Order::Close(reply)).await.is_ok() {
            // An error means that another close came first; the thread is gone then too.
            drop(answer.await);
        }
    }
}

enum Order {
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// A job of any type in the queue.
trait Job: Send {
    /// Runs once, inside its savepoint.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<Flow>;
    /// Answers the caller.
    fn reply(self: Box<Self>, committed: Result<(), StoreError>);
}

#[derive(Clone, Copy)]
struct Flow {
    keep: bool,
    wakes: bool,
}

struct Work<T, F> {
    run: Option<F>,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<Done<T>> + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<Flow> {
        let Some(work) = self.run.take() else { return Ok(Flow { keep: false, wakes: false }) };
        let done = work(connection)?;
        self.value = Some(done.value);
        Ok(Flow { keep: done.keep, wakes: done.keep && done.wakes })
    }

    fn reply(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { value, reply, .. } = *self;
        let nothing = || StoreError::Failed("a job ended without an answer".to_owned());
        let answer = committed.and_then(|()| value.ok_or_else(nothing));
        // The caller may have gone away; what is committed stays.
        drop(reply.send(answer));
    }
}

fn run(opened: Opened, mut orders: mpsc::Receiver<Order>, wake: &watch::Sender<u64>) {
    let mut closing = None;
    while closing.is_none()
        && let Some(order) = orders.blocking_recv()
    {
        match order {
            Order::Write(job) => closing = batch(&opened.connection, job, &mut orders, wake),
            Order::Close(reply) => closing = Some(reply),
        }
    }
    // Callers that are still queued are answered with `Closed`, and the lock is free before the one who closes goes on.
    drop(orders);
    drop(opened.connection);
    drop(opened.lock);
    if let Some(reply) = closing {
        // Nobody may be waiting any more.
        let _ = reply.send(());
    }
}

/// Runs and commits `first` and what is queued behind it. Gives back the order to close, if one was met.
fn batch(
    connection: &Connection,
    first: Box<dyn Job>,
    orders: &mut mpsc::Receiver<Order>,
    wake: &watch::Sender<u64>,
) -> Option<oneshot::Sender<()>> {
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        first.reply(Err(failed(connection, &error)));
        return None;
    }
    let began = Instant::now();
    let mut written: Vec<Box<dyn Job>> = Vec::new();
    let mut wakes = false;
    let mut closing = None;
    let mut next = Some(first);
    while let Some(mut job) = next {
        match savepoint(connection, job.as_mut()) {
            Ok(flow) => {
                wakes |= flow.wakes;
                written.push(job);
            }
            Err(error) => {
                job.reply(Err(error.clone()));
                // A full disk or a failed read may have undone the whole transaction, not only the savepoint.
                if connection.is_autocommit() {
                    reply_all(written, &Err(error));
                    return None;
                }
            }
        }
        next = None;
        if written.len() < BATCH_JOBS && began.elapsed() < BATCH_TIME {
            match orders.try_recv() {
                Ok(Order::Write(job)) => next = Some(job),
                Ok(Order::Close(reply)) => closing = Some(reply),
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => {}
            }
        }
    }
    let committed = execute(connection, "COMMIT").map_err(|error| {
        if !connection.is_autocommit() {
            // Nothing more can be done about a rollback that fails: the next BEGIN says so.
            drop(execute(connection, "ROLLBACK"));
        }
        failed(connection, &error)
    });
    if wakes && committed.is_ok() {
        wake.send_modify(|count| *count += 1);
    }
    reply_all(written, &committed);
    closing
}

/// Runs one job; what it wrote is undone when it fails, panics or does not want to keep it.
fn savepoint(connection: &Connection, job: &mut dyn Job) -> Result<Flow, StoreError> {
    execute(connection, "SAVEPOINT job").map_err(|error| failed(connection, &error))?;
    let ran = match catch_unwind(AssertUnwindSafe(|| job.run(connection))) {
        Ok(ran) => ran.map_err(|error| failed(connection, &error)),
        Err(_) => Err(StoreError::Failed("a job panicked".to_owned())),
    };
    if connection.is_autocommit() {
        return ran.and(Err(StoreError::Failed("the transaction was undone by the database".to_owned())));
    }
    if !ran.as_ref().is_ok_and(|flow| flow.keep) {
        execute(connection, "ROLLBACK TO job").map_err(|error| failed(connection, &error))?;
    }
    execute(connection, "RELEASE job").map_err(|error| failed(connection, &error))?;
    ran
}

/// The error in the store's words.
fn failed(connection: &Connection, error: &rusqlite::Error) -> StoreError {
    failure(Path::new(connection.path().unwrap_or_default()), error)
}

fn reply_all(jobs: Vec<Box<dyn Job>>, committed: &Result<(), StoreError>) {
    for job in jobs {
        job.reply(committed.clone());
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
