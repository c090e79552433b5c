//! The one writer: a thread that commits whatever is queued. A batch forms while the previous commit waits for the disk, and nothing
//! in the queue lingers for company; what nobody waits for goes along with the next batch. A job that fails or aborts leaves nothing behind and the others alone: either it can be undone by itself, or the
//! transaction is begun anew and the jobs before it write again what they wrote.

use std::fmt;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};

use crate::store::agenda::Agenda;
use crate::store::sqlite::along::Along;
use crate::store::sqlite::failure::failure;
use crate::store::sqlite::open::Opened;
use crate::store::sqlite::place::Place;
use crate::store::sqlite::session::{Session, Undone};
use crate::store::{Handover, StoreError};
use crate::telemetry::numbers;

/// Jobs that may wait; beyond it callers wait to queue.
const QUEUE: usize = 4096;
/// Jobs in one commit, so that the first does not wait long for the last.
const BATCH_JOBS: usize = 512;
/// Time that one batch may gather and run before it commits.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// The way to the writer's thread.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
    along: Along,
    wake: Arc<watch::Sender<u64>>,
    taker: Taker,
    agenda: Arc<Mutex<Agenda>>,
}

/// Who takes fresh deliveries at present.
type Taker = Arc<Mutex<Option<Arc<dyn Handover>>>>;

/// What is to become of what a job has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// It stays, and nothing is due that was not before.
    Keep,
    /// It stays, and a delivery may have become due.
    Wake,
    /// It is undone.
    Undo,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn start(opened: Opened) -> Result<Self, StoreError> {
        let (queue, orders) = mpsc::channel(QUEUE);
        let wake = Arc::new(watch::Sender::new(0));
        let bell = Arc::clone(&wake);
        let taker = Taker::default();
        let takers = Arc::clone(&taker);
        let Opened { connection, path, place, lock } = opened;
        let session = Session::new(connection).map_err(|error| failure(&path, &error))?;
        let agenda = Arc::clone(&session.agenda);
        let along = Along::new();
        let queue_of_thread = Queue { orders, along: along.clone(), closing: None };
        let run = move || run(session, &place, lock, queue_of_thread, &bell, &takers);
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(run);
        match thread {
            Ok(_) => Ok(Self { queue, along, wake, taker, agenda }),
            Err(error) => Err(StoreError::Failed(format!("cannot start the writer's thread: {error}"))),
        }
    }

    pub(super) fn wake(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }

    /// When what is due, as far as it is committed.
    pub(super) fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hand_over_to(&self, taker: Option<Arc<dyn Handover>>) {
        *self.taker.lock().unwrap_or_else(PoisonError::into_inner) = taker;
    }

    /// Queues a job and waits for its commit. The job runs on `value`, which is given back. It may be run once more: the second time
    /// the database is as it was before the first, and it must write the same.
    pub(super) async fn write<T, F>(&self, value: T, run: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session, &mut T) -> rusqlite::Result<Flow> + Send + 'static,
    {
        self.write_and_tell(value, run, |_| {}).await
    }

    /// As [`Writer::write`]; `committed` is called after the commit, before anything of it is handed over to be sent. It must not wait.
    pub(super) async fn write_and_tell<T, F>(&self, value: T, run: F, committed: fn(&mut T)) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session, &mut T) -> rusqlite::Result<Flow> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work { run, value, committed, reply });
        self.queue.send(Order::Write(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// As [`Writer::write`], but with the next batch that there is for something else, or with one of its own once `hurry` is ready.
    pub(super) async fn write_along<T, F>(&self, value: T, run: F, hurry: impl Future<Output = ()>) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Session, &mut T) -> rusqlite::Result<Flow> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        if !self.along.push(Box::new(Work { run, value, committed: |_| {}, reply })) {
            return Err(StoreError::Closed);
        }
        tokio::select! {
            answer = &mut answer => return answer.unwrap_or(Err(StoreError::Closed)),
            () = hurry => {}
        }
        self.queue.send(Order::Hurry).await.map_err(|_| StoreError::Closed)?;
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
    /// What is to go along waits no longer.
    Hurry,
    Close(oneshot::Sender<()>),
}

/// What there is to do.
struct Queue {
    orders: mpsc::Receiver<Order>,
    along: Along,
    /// The order to close, once it was met; nothing more is taken then than what goes along.
    closing: Option<oneshot::Sender<()>>,
}

impl Queue {
    /// Waits for a job to begin a batch with; `None` when there will be none.
    fn first(&mut self) -> Option<Box<dyn Job>> {
        while self.closing.is_none() {
            match self.orders.blocking_recv()? {
                Order::Write(job) => return Some(job),
                Order::Close(reply) => self.closing = Some(reply),
                Order::Hurry => {
                    // It may have gone along already.
                    if let Some(job) = self.along.next() {
                        return Some(job);
                    }
                }
            }
        }
        self.along.next()
    }

    /// The next one that waits; those that go along last.
    fn next(&mut self, of_queue: bool) -> Option<Box<dyn Job>> {
        while of_queue && self.closing.is_none() {
            match self.orders.try_recv() {
                Ok(Order::Write(job)) => return Some(job),
                Ok(Order::Close(reply)) => self.closing = Some(reply),
                Ok(Order::Hurry) => {}
                Err(mpsc::error::TryRecvError::Empty | mpsc::error::TryRecvError::Disconnected) => break,
            }
        }
        self.along.next()
    }
}

/// A job of any type in the queue.
pub(super) trait Job: Send {
    /// Runs in the open transaction.
    fn run(&mut self, session: &mut Session) -> rusqlite::Result<Flow>;
    /// What it wrote is there to stay.
    fn committed(&mut self);
    /// Answers the caller.
    fn reply(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Work<T, F> {
    run: F,
    value: T,
    committed: fn(&mut T),
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnMut(&mut Session, &mut T) -> rusqlite::Result<Flow> + Send,
{
    fn run(&mut self, session: &mut Session) -> rusqlite::Result<Flow> {
        (self.run)(session, &mut self.value)
    }

    fn committed(&mut self) {
        (self.committed)(&mut self.value);
    }

    fn reply(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { value, reply, .. } = *self;
        // The caller may have gone away; what is committed stays.
        drop(reply.send(committed.map(|()| value)));
    }
}

fn run(mut session: Session, place: &Place, lock: File, mut queue: Queue, wake: &watch::Sender<u64>, taker: &Taker) {
    while let Some(job) = queue.first() {
        if let Err(error) = place.check() {
            job.reply(Err(error));
            continue;
        }
        session.taker.clone_from(&taker.lock().unwrap_or_else(PoisonError::into_inner));
        batch(&mut session, job, &mut queue, wake);
    }
    // Callers that are still queued are answered with `Closed`, and the lock is free before the one who closes goes on.
    let Queue { orders, along, closing } = queue;
    along.close();
    drop(orders);
    drop(session);
    drop(lock);
    if let Some(reply) = closing {
        // Nobody may be waiting any more.
        let _ = reply.send(());
    }
}

/// Runs and commits `first` and what is queued behind it.
fn batch(session: &mut Session, first: Box<dyn Job>, queue: &mut Queue, wake: &watch::Sender<u64>) {
    let began = Instant::now();
    if let Err(error) = session.begin() {
        let error = failed(session, &error);
        // What came meanwhile has no better prospect, and if each waited for itself, as for the lock of another program, the last one
        // would wait for hours.
        let all: Vec<_> = std::iter::once(first).chain(std::iter::from_fn(|| queue.next(true))).collect();
        numbers().commit(all.len(), began.elapsed(), Err(()));
        return reply_all(all, &Err(error));
    }
    let mut written: Vec<Box<dyn Job>> = Vec::new();
    let mut wakes = false;
    let mut next = Some(first);
    while let Some(mut job) = next {
        match one(session, job.as_mut(), &mut written) {
            Ran::Kept { wake } => {
                wakes |= wake;
                written.push(job);
            }
            Ran::Undone(answer) => job.reply(answer),
            Ran::Over(error) => {
                numbers().commit(written.len() + 1, began.elapsed(), Err(()));
                job.reply(Err(error.clone()));
                reply_all(written, &Err(error));
                return;
            }
        }
        next = queue.next(written.len() < BATCH_JOBS && began.elapsed() < BATCH_TIME);
    }
    let committed = session.commit().map_err(|error| failed(session, &error));
    numbers().commit(written.len(), began.elapsed(), committed.as_ref().map(drop).map_err(drop));
    let committed = committed.map(|suspended| {
        for job in &mut written {
            job.committed();
        }
        session.send_off(suspended);
    });
    if wakes && committed.is_ok() {
        wake.send_modify(|count| *count += 1);
    }
    reply_all(written, &committed);
}

/// What became of a job in a batch.
enum Ran {
    /// It waits for the commit.
    Kept { wake: bool },
    /// Nothing of it is left; the answer for its caller.
    Undone(Result<(), StoreError>),
    /// The transaction is lost, and all in it.
    Over(StoreError),
}

/// Runs one job; what it wrote is undone when it fails, panics or does not want to keep it. `written` are those before it.
fn one(session: &mut Session, job: &mut dyn Job, written: &mut [Box<dyn Job>]) -> Ran {
    session.job();
    let ran = attempt(session, job);
    let answer = match ran {
        Ok(flow @ (Flow::Keep | Flow::Wake)) if !session.connection.is_autocommit() => match session.keep() {
            Ok(()) => return Ran::Kept { wake: flow == Flow::Wake },
            Err(error) => Err(failed(session, &error)),
        },
        Ok(Flow::Keep | Flow::Wake) => Err(StoreError::Failed("the transaction was undone by the database".to_owned())),
        Ok(Flow::Undo) => Ok(()),
        Err(error) => Err(error),
    };
    let undone = session.undo().and_then(|undone| match undone {
        Undone::Job => Ok(Ok(())),
        Undone::All => session.begin().map(|()| again(session, written)),
    });
    match undone {
        Ok(Ok(())) => Ran::Undone(answer),
        // What went wrong first says more than what it led to.
        Ok(Err(error)) => over(session, answer.err().unwrap_or(error)),
        Err(error) => {
            let error = failed(session, &error);
            over(session, answer.err().unwrap_or(error))
        }
    }
}

fn over(session: &mut Session, error: StoreError) -> Ran {
    session.rollback();
    Ran::Over(error)
}

/// Runs the jobs once more in a new transaction.
fn again(session: &mut Session, written: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    for job in written {
        session.job();
        attempt(session, job.as_mut())?;
        session.keep().map_err(|error| failed(session, &error))?;
    }
    Ok(())
}

fn attempt(session: &mut Session, job: &mut dyn Job) -> Result<Flow, StoreError> {
    match catch_unwind(AssertUnwindSafe(|| job.run(session))) {
        Ok(ran) => ran.map_err(|error| failed(session, &error)),
        Err(_) => Err(StoreError::Failed("a job panicked".to_owned())),
    }
}

/// The error in the store's words.
fn failed(session: &Session, error: &rusqlite::Error) -> StoreError {
    failure(Path::new(session.connection.path().unwrap_or_default()), error)
}

fn reply_all(jobs: Vec<Box<dyn Job>>, committed: &Result<(), StoreError>) {
    for job in jobs {
        job.reply(committed.clone());
    }
}
