//! Connections: how one is made ready, and the few that are shared. Statements are prepared once a connection. One that is lost is thrown
//! away; whoever needs one next makes another.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Error, Row, SimpleQueryMessage, Statement};

use super::doubt::timeline;
use super::failure::Trouble;
use super::tls::Tls;
use crate::store::StoreError;

/// Connections for everything but saving and listening; more would only wait for the same cores.
pub(super) const SHARED: u32 = 6;
/// As many as it keeps in any case: one beside another.
const FEWEST: u32 = 2;
/// How long a node makes do with fewer connections when the server takes no more of them.
const FEWER: Duration = Duration::from_mins(1);
/// How long one beyond the fewest is kept that nobody needs: another node may want for it.
const UNUSED: Duration = Duration::from_mins(1);
/// How long making a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer may take: longer than a lock is waited for. After it the connection is given up, since nothing else tells of a network
/// that swallows what is sent.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same for the connection on which the node is heard of: less than the time after which the others take over.
const POST_PATIENCE: Duration = Duration::from_secs(8);
/// The same for a question that may look at everything there is.
const LONG_PATIENCE: Duration = Duration::from_mins(10);
/// What a session is told. A node that is paused in the middle of a transaction must not hold what it has locked: the server ends its
/// session then. Other limits of time are the node's own, see [`PATIENCE`]: with one of an administrator, what takes long, such as an index,
/// would never be done. A durable commit is what a save is acknowledged for, so one that is not waits for the disk here.
/// Everything that a node asks often is found by index, row by row; a plan that was made while a table was empty, and kept, would read all of it.
/// What is asked for in an order is read in that order, by the index that has all of it.
const SESSION: &str = "SET search_path = webhookc; SET default_transaction_isolation = 'read committed';
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
    SET enable_incremental_sort = off; SET jit = off; SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '10s';
    SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('statement_timeout', 'idle_session_timeout', 'transaction_timeout');
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Where the database is and how it is reached.
#[derive(Clone)]
pub(super) struct Way {
    pub config: Config,
    pub tls: Tls,
}

/// What the server tells of its own accord.
pub(super) type Notifications = tokio::sync::mpsc::UnboundedReceiver<tokio_postgres::Notification>;

impl Way {
    /// A connection that is ready for statements.
    pub(super) async fn connect(&self) -> Result<Link, Trouble> {
        let (mut link, _) = self.bare().await?;
        link.make_ready().await?;
        link.timeline = timeline(&link).await?;
        Ok(link)
    }

    /// A connection, and what the server tells over it.
    pub(super) async fn listen(&self) -> Result<(Link, Notifications), Trouble> {
        let (mut link, told) = self.bare().await?;
        link.patience = POST_PATIENCE;
        link.make_ready().await?;
        Ok((link, told))
    }

    /// A connection as the server makes it.
    pub(super) async fn bare(&self) -> Result<(Link, Notifications), Trouble> {
        let connecting = tokio::time::timeout(CONNECT_PATIENCE, self.config.connect(self.tls.clone()));
        let (client, mut connection) = connecting.await.map_err(|_| Trouble::Silent(CONNECT_PATIENCE))??;
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        // Ends with the client, or with the connection; the client then says so.
        let carrier = tokio::spawn(async move {
            while let Some(message) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notification(notification)) => drop(tell.send(notification)),
                    Ok(AsyncMessage::Notice(notice)) => tracing::debug!(notice = notice.message(), "the database says"),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(%error, "a connection to the database ended");
                        return;
                    }
                }
            }
        });
        let (carrier, patience, statements) = (carrier.abort_handle(), PATIENCE, Mutex::default());
        let (preparing, open) = (AtomicUsize::new(0), AtomicBool::new(false));
        Ok((Link { client, timeline: String::new(), carrier, patience, statements, preparing, open }, told))
    }
}

/// One connection.
pub(super) struct Link {
    pub client: Client,
    /// See [`timeline`].
    pub timeline: String,
    /// What moves its bytes.
    carrier: AbortHandle,
    patience: Duration,
    statements: Mutex<FxHashMap<Box<str>, Statement>>,
    /// Statements that are being prepared.
    preparing: AtomicUsize,
    /// Whether a transaction is open.
    open: AtomicBool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("open", &self.open).finish_non_exhaustive()
    }
}

/// A statement that is being prepared, until nobody waits for it.
struct Preparing<'a>(&'a AtomicUsize);

impl<'a> Preparing<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Preparing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a statement is given.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Link {
    /// Waits for an answer, not for ever. A connection whose answer is overdue is no more; nor is one on which nothing may be written: another
    /// one may lead to a server where it may, and a session that began while nothing could be written stays as it was.
    async fn answer<T>(&self, patience: Duration, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
        if let Ok(answer) = tokio::time::timeout(patience, answer).await {
            if answer.as_ref().is_err_and(|error| error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)) {
                self.carrier.abort();
            }
            return Ok(answer?);
        }
        self.carrier.abort();
        Err(Trouble::Silent(patience))
    }

    async fn statement(&self, sql: &str) -> Result<Statement, Trouble> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let preparing = Preparing::begin(&self.preparing);
        let statement = self.answer(self.patience, self.client.prepare(sql)).await?;
        drop(preparing);
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.into(), statement.clone());
        Ok(statement)
    }

    /// Goes on with statements that do not wait for each other until all of them have been sent: what is asked of this connection now comes
    /// behind them. Gives what came of them if that is known already.
    pub(super) async fn sent<T>(&self, mut statements: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        std::future::poll_fn(|context| match statements.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            // A statement that is prepared is sent in the same breath.
            Poll::Pending if self.preparing.load(Ordering::Relaxed) == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Rows of a statement that is sent often.
    pub(super) async fn query(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        let statement = self.statement(sql).await?;
        self.answer(self.patience, self.client.query(&statement, values)).await
    }

    /// The first row, if there is one.
    pub(super) async fn first(&self, sql: &str, values: Values<'_>) -> Result<Option<Row>, Trouble> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Rows of a statement that is made for the occasion.
    pub(super) async fn query_once(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        self.answer(LONG_PATIENCE, self.client.query(sql, values)).await
    }

    /// The same, in an order of which an index may have only the beginning: what is equal by that is put in order piece by piece.
    pub(super) async fn query_once_in_order(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        // Whoever leaves in the middle of it does not leave the session so to the next one.
        let was_open = self.open.swap(true, Ordering::Relaxed);
        self.run("SET enable_incremental_sort = on").await?;
        let rows = self.query_once(sql, values).await;
        // What was set in a transaction that has failed is undone with it.
        if rows.is_ok() || !was_open {
            self.run("SET enable_incremental_sort = off").await?;
        }
        self.open.store(was_open, Ordering::Relaxed);
        rows
    }

    /// How many rows a statement has changed.
    pub(super) async fn execute(&self, sql: &str, values: Values<'_>) -> Result<u64, Trouble> {
        let statement = self.statement(sql).await?;
        self.answer(self.patience, self.client.execute(&statement, values)).await
    }

    /// Statements without values.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Trouble> {
        self.answer(self.patience, self.client.batch_execute(sql)).await
    }

    /// What a statement answers in its first row and column. It is not prepared, and stands for itself whatever is in between.
    pub(super) async fn ask_plainly(&self, sql: &str) -> Result<Option<String>, Trouble> {
        let said = self.answer(self.patience, self.client.simple_query(sql)).await?;
        let first = said.iter().find_map(|message| if let SimpleQueryMessage::Row(row) = message { Some(row) } else { None });
        Ok(first.map(|row| row.try_get(0)).transpose()?.flatten().map(str::to_owned))
    }

    /// Tells the session what is usual here.
    pub(super) async fn make_ready(&self) -> Result<(), Trouble> {
        self.run(SESSION).await
    }

    /// From now on what is asked is about everything there is: the server may plan it as it sees fit.
    pub(super) async fn ask_widely(&self) -> Result<(), Trouble> {
        self.run("RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_seqscan; RESET enable_incremental_sort").await
    }

    /// Statements that may take as long as they like.
    pub(super) async fn run_long(&self, sql: &str) -> Result<(), Trouble> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Begins a transaction; its number, by which it is known whether it was committed. Whoever leaves in the middle of it does not leave it to
    /// the next one: a connection with an open transaction is not lent again.
    pub(super) async fn begin(&self) -> Result<String, Trouble> {
        self.open.store(true, Ordering::Relaxed);
        let number = self.ask_plainly("BEGIN; SELECT pg_current_xact_id()::text").await?;
        number.ok_or_else(|| StoreError::Failed("the database does not number its transactions".to_owned()).into())
    }

    /// Ends a transaction: with a commit when the work in it succeeded. Whether one without an answer took place is known by [`doubt::end`], which
    /// is for everything that must not be done again.
    ///
    /// [`doubt::end`]: super::doubt::end
    pub(super) async fn end<T>(&self, done: Result<T, Trouble>) -> Result<T, Trouble> {
        let ended = match done {
            Ok(value) => self.run("COMMIT").await.map(|()| value),
            Err(error) => {
                // A session that is gone has nothing to undo.
                drop(self.run("ROLLBACK").await);
                Err(error)
            }
        };
        self.open.store(false, Ordering::Relaxed);
        ended
    }
}

/// The connections that are shared.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    way: Way,
    size: u32,
    permits: Arc<Semaphore>,
    /// Half of them, for what may take long.
    long: Arc<Semaphore>,
    /// How many of them it makes do without for a while.
    fewer: AtomicU32,
    /// Those that nobody holds, and since when: the one that was given back last is the last.
    idle: Mutex<Vec<(Instant, Arc<Link>)>>,
}

impl Pool {
    /// So many of them, each made when it is first needed.
    pub(super) fn new(way: Way, size: u32) -> Self {
        Self(Arc::new(Shared {
            way,
            size,
            permits: Arc::new(Semaphore::new(size as usize)),
            long: Arc::new(Semaphore::new(size as usize / 2)),
            fewer: AtomicU32::new(0),
            idle: Mutex::default(),
        }))
    }

    /// One of them, for the time that it is held.
    pub(super) async fn link(&self) -> Result<Held, Trouble> {
        self.link_with(None).await
    }

    /// One of them for what may take long, such as a list: of these no more than half are lent, so that nothing else waits for them.
    pub(super) async fn long_link(&self) -> Result<Held, Trouble> {
        let long = one_of(&self.0.long).await?;
        self.link_with(Some(long)).await
    }

    async fn link_with(&self, long: Option<OwnedSemaphorePermit>) -> Result<Held, Trouble> {
        let permit = one_of(&self.0.permits).await?;
        loop {
            let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some((_, link)) if link.client.is_closed() => {}
                Some((_, link)) => return Ok(Held { link, pool: self.clone(), _permit: permit, _long: long }),
                None => break,
            }
        }
        let link = Arc::new(self.0.way.connect().await?);
        Ok(Held { link, pool: self.clone(), _permit: permit, _long: long })
    }

    /// Closes one that nobody holds, because the server takes no more of them. Fewer are made for a while.
    pub(super) fn make_room(&self) {
        drop(self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop());
        let Ok(permit) = Arc::clone(&self.0.permits).try_acquire_owned() else { return };
        let fewer = self.0.fewer.fetch_add(1, Ordering::SeqCst);
        // For what may take long it is half of what is left.
        let long = (fewer % 2 == 1).then(|| Arc::clone(&self.0.long).try_acquire_owned()).transpose();
        let (true, Ok(long)) = (fewer + FEWEST < self.0.size, long) else {
            self.0.fewer.fetch_sub(1, Ordering::SeqCst);
            return;
        };
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            tokio::time::sleep(FEWER).await;
            shared.fewer.fetch_sub(1, Ordering::SeqCst);
            drop((permit, long));
        });
    }

    /// Closes those beyond the fewest that nobody has needed for a while.
    pub(super) fn let_go(&self) {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = idle.iter().take_while(|(since, _)| since.elapsed() > UNUSED).count();
        let more = idle.len().saturating_sub(FEWEST as usize);
        idle.drain(..unused.min(more));
    }

    /// Waits for what is under way, and lends none any more.
    pub(super) async fn close(&self) {
        let all = tokio::time::timeout(PATIENCE, self.0.permits.acquire_many(self.0.size)).await;
        self.0.permits.close();
        self.0.long.close();
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        drop(all);
    }
}

/// A shared connection in somebody's hands.
pub(super) struct Held {
    link: Arc<Link>,
    pool: Pool,
    _permit: OwnedSemaphorePermit,
    _long: Option<OwnedSemaphorePermit>,
}

/// A permit. None is waited for longer than for an answer: whoever has them all waits for the database.
async fn one_of(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Trouble> {
    let permit = tokio::time::timeout(PATIENCE, Arc::clone(permits).acquire_owned()).await;
    permit.map_err(|_| Trouble::Silent(PATIENCE))?.map_err(|_| Trouble::Store(StoreError::Closed))
}

impl std::ops::Deref for Held {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.link.client.is_closed() && !self.link.open.load(Ordering::Relaxed) {
            self.pool.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), Arc::clone(&self.link)));
        }
    }
}
