//! What everything in an open store shares: the connections, what is known of the database, and who this node is.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, watch};

use super::failure::Trouble;
use super::keys::Safe;
use super::link::{Held, Link, Pool, SHARED, Way};
use super::lost::Claims;
use super::roster::Roster;
use super::saver::Job;
use super::seen::Seen;
use super::tables::Tables;
use super::values::{get, text};
use crate::ids::{EndpointId, LaneId, Tenant};
use crate::store::agenda::{Agenda, Note};
use crate::store::{Crew, Handover, Lane, Quota, StoreError};

/// Tenants and lanes that are remembered; beyond it all are looked up anew.
const REMEMBERED: usize = 16 * 1024;
/// How long a verb goes on trying while the database is away or in its way.
const PATIENCE: Duration = Duration::from_secs(15);
/// The first wait before it tries again; twice as long each further time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What nodes tell each other by.
pub(super) const CHANNEL: &str = "webhookc";
/// Bytes of what is told at once; the server takes fewer than 8,000.
const LONGEST_TALE: usize = 7_000;
pub(super) struct Hub {
    pub url: Arc<str>,
    pub way: Way,
    pub pool: Pool,
    /// For what is done beside an open transaction, which must not wait for others that wait for that transaction.
    pub beside: Pool,
    pub saves: mpsc::Sender<Box<dyn Job>>,
    agenda: Mutex<Agenda>,
    pub wake: watch::Sender<u64>,
    taker: Mutex<Option<Arc<dyn Handover>>>,
    pub vault: Safe,
    pub tables: Tables,
    tenants: Mutex<FxHashMap<Tenant, i64>>,
    lanes: Mutex<FxHashMap<(i64, EndpointId), LaneId>>,
    /// The node's row, under which it holds what it has claimed.
    node: AtomicI64,
    pub seen: watch::Sender<Seen>,
    /// Whom it counts as a node, and how much is its own by that.
    roster: Mutex<Roster>,
    /// Whether it sends.
    pub sends: watch::Sender<bool>,
    pub quota: Mutex<Arc<Quota>>,
    /// Changes when another node has changed keys or endpoints of tenants.
    pub elsewhere: watch::Sender<u64>,
    /// The number of the newest program that a node has handed on.
    pub programs: watch::Sender<i64>,
    pub claims: Claims,
    /// Why the tables are not those that this program knows any more.
    outgrown: OnceLock<StoreError>,
    /// Ends what runs beside the verbs.
    pub stop: watch::Sender<bool>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Hub {
    pub(super) fn new(url: &str, way: Way, vault: Safe, saves: mpsc::Sender<Box<dyn Job>>) -> Self {
        Self {
            url: url.into(),
            pool: Pool::new(way.clone(), SHARED),
            beside: Pool::new(way.clone(), 1),
            way,
            saves,
            agenda: Mutex::default(),
            wake: watch::Sender::new(0),
            taker: Mutex::default(),
            vault,
            tables: Tables::default(),
            tenants: Mutex::default(),
            lanes: Mutex::default(),
            node: AtomicI64::new(0),
            seen: watch::Sender::new(Seen { at: None, clock: 0, crew: Crew::ALONE }),
            roster: Mutex::new(Roster::new(0)),
            sends: watch::Sender::new(false),
            quota: Mutex::new(Arc::new(Quota::nothing())),
            elsewhere: watch::Sender::new(0),
            programs: watch::Sender::new(0),
            claims: Claims::default(),
            outgrown: OnceLock::new(),
            stop: watch::Sender::new(false),
        }
    }

    pub(super) async fn link(&self) -> Result<Held, Trouble> {
        self.is_up_to_date()?;
        self.pool.link().await
    }

    /// A connection for what may take long, such as a list.
    pub(super) async fn long_link(&self) -> Result<Held, Trouble> {
        self.is_up_to_date()?;
        self.pool.long_link().await
    }

    /// The tables have been changed so that this program cannot work with them.
    pub(super) fn outgrow(&self, why: &StoreError) {
        if self.outgrown.set(why.clone()).is_ok() {
            tracing::error!(error = %why, "this node does nothing any more");
        }
        self.lost_sight();
    }

    /// Whether this program can work with the tables as they are.
    pub(super) fn is_up_to_date(&self) -> Result<(), Trouble> {
        self.outgrown.get().map_or(Ok(()), |why| Err(why.clone().into()))
    }

    /// A node has handed on the program with this number.
    pub(super) fn heard_of_program(&self, number: i64) {
        self.programs.send_if_modified(|newest| {
            let is_newer = number > *newest;
            *newest = number.max(*newest);
            is_newer
        });
    }

    pub(super) fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn taker(&self) -> Option<Arc<dyn Handover>> {
        self.taker.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn hand_over_to(&self, taker: Option<Arc<dyn Handover>>) {
        let sends = taker.is_some();
        self.taker.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&taker);
        // It may be another one than when the taker looked.
        if let Some(taker) = taker {
            taker.keep_within(self.quota());
        }
        self.sends.send_replace(sends);
    }

    pub(super) fn node(&self) -> i64 {
        self.node.load(Ordering::SeqCst)
    }

    pub(super) fn set_node(&self, row: i64) {
        self.node.store(row, Ordering::SeqCst);
    }

    /// The row of a tenant that is known to the database.
    pub(super) async fn tenant(&self, link: &Link, tenant: &Tenant) -> Result<Option<i64>, Trouble> {
        let known = self.tenants.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).copied();
        if known.is_some() {
            return Ok(known);
        }
        let found = link.first("SELECT row FROM tenants WHERE name = $1", &[&tenant.as_str()]).await?;
        let Some(row) = found.map(|row| get::<i64>(&row, 0)).transpose()? else { return Ok(None) };
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= REMEMBERED {
            tenants.clear();
        }
        tenants.insert(tenant.clone(), row);
        Ok(Some(row))
    }

    /// The row of a tenant, made if need be.
    pub(super) async fn make_tenant(&self, link: &Link, tenant: &Tenant) -> Result<i64, Trouble> {
        if let Some(row) = self.tenant(link, tenant).await? {
            return Ok(row);
        }
        link.execute("INSERT INTO tenants (name) VALUES ($1) ON CONFLICT DO NOTHING", &[&tenant.as_str()]).await?;
        let found = self.tenant(link, tenant).await?;
        found.ok_or_else(|| Trouble::Store(StoreError::Failed(format!("the tenant `{tenant}` could not be made"))))
    }

    pub(super) fn known_lane(&self, tenant: i64, endpoint: &EndpointId) -> Option<LaneId> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).get(&(tenant, endpoint.clone())).copied()
    }

    /// The lane of a tenant, which has this row, to an endpoint; made when it is first needed, outside any transaction.
    pub(super) async fn lane(&self, link: &Link, (row, tenant): (i64, &Tenant), endpoint: &EndpointId) -> Result<LaneId, Trouble> {
        if let Some(known) = self.known_lane(row, endpoint) {
            return Ok(known);
        }
        let name = endpoint.as_str();
        link.execute("INSERT INTO endpoints (tenant, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", &[&row, &name]).await?;
        let found = link.first("SELECT row FROM endpoints WHERE tenant = $1 AND name = $2", &[&row, &name]).await?;
        let found = found.map(|found| get::<i64>(&found, 0)).transpose()?;
        let id = LaneId(found.ok_or_else(|| Trouble::Store(StoreError::Failed(format!("the lane of `{endpoint}` could not be made"))))?);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= REMEMBERED {
            lanes.clear();
        }
        lanes.insert((row, endpoint.clone()), id);
        drop(lanes);
        self.agenda().apply([Note::Made(Lane { id, tenant: tenant.clone(), endpoint: endpoint.clone() })].into_iter());
        Ok(id)
    }

    /// Puts the agenda right by what the database says, of all lanes or of some.
    pub(super) async fn reload(&self, link: &Link, only: Option<&[i64]>) -> Result<(), Trouble> {
        // The first of each lane as in `FIRST`.
        let sql = "SELECT e.row, t.name, e.name, e.suspended_at IS NOT NULL,
                (SELECT due_at FROM deliveries
                    WHERE (tenant, endpoint) >= (e.tenant, e.row) AND (tenant, endpoint) <= (e.tenant, e.row) AND state < 2 AND NOT blocked
                    ORDER BY tenant, endpoint, due_at, row LIMIT 1)
            FROM endpoints e JOIN tenants t ON t.row = e.tenant
            WHERE $1::bigint[] IS NULL OR e.row = ANY ($1)";
        let heard = self.agenda().heard();
        let rows = link.query(sql, &[&only]).await?;
        let lane = |row: &tokio_postgres::Row| {
            let (tenant, endpoint) = (Tenant::new(text(row, 1)?), EndpointId::new(text(row, 2)?));
            Ok((Lane { id: LaneId(get(row, 0)?), tenant, endpoint }, get(row, 4)?, get(row, 3)?))
        };
        let lanes = rows.iter().map(lane).collect::<Result<Vec<_>, Trouble>>()?;
        self.agenda().reload(lanes, heard);
        self.ring();
        Ok(())
    }

    /// Tells the other nodes that keys or endpoints of tenants are not what they were.
    pub(super) async fn tell_of_change(&self, link: &Link) -> Result<(), Trouble> {
        link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &format!("{} o", self.node())]).await.map(drop)
    }

    /// Something may be due that was not before.
    pub(super) fn ring(&self) {
        self.wake.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// What is committed is noted here, as it is told to the other nodes.
    pub(super) fn note(&self, notes: Vec<Note>) {
        if notes.is_empty() {
            return;
        }
        let suspended: Vec<LaneId> = notes.iter().filter_map(Note::suspended).collect();
        self.agenda().apply(notes.into_iter());
        if let Some(taker) = self.taker() {
            for lane in suspended {
                taker.suspended(lane);
            }
        }
    }

    /// What the other nodes are told of these, in the transaction in which it happens.
    pub(super) fn tale(&self, notes: &[Note]) -> Option<String> {
        use std::fmt::Write as _;
        let mut first: Vec<(LaneId, i64)> = Vec::new();
        let mut tale = self.node().to_string();
        let mut any = false;
        for note in notes {
            let _infallible = match note {
                Note::Due(lane, at) => {
                    match first.iter_mut().find(|(known, _)| known == lane) {
                        Some((_, known)) => *known = (*known).min(*at),
                        None => first.push((*lane, *at)),
                    }
                    Ok(())
                }
                Note::Suspended(lane) => write!(tale, " s{}", lane.0),
                Note::Released(lane, at) => write!(tale, " r{}:{}", lane.0, at.unwrap_or(i64::MAX)),
                // Lanes are made outside the transaction; a claim is nobody else's.
                Note::Made(_) | Note::First(..) => continue,
            };
            any = true;
        }
        for (lane, at) in first {
            let _infallible = write!(tale, " d{}:{at}", lane.0);
        }
        if tale.len() > LONGEST_TALE {
            tale = format!("{} *", self.node());
        }
        any.then_some(tale)
    }

    /// Whether to try again after this, and if so not before a while.
    pub(super) async fn again(&self, trouble: Trouble, tries: &mut Tries) -> Result<(), StoreError> {
        if *self.stop.borrow() {
            return Err(StoreError::Closed);
        }
        if !trouble.is_passing() || tries.began.elapsed() > PATIENCE {
            return Err(trouble.into_store());
        }
        if trouble.is_crowded() {
            self.pool.make_room();
        }
        tokio::time::sleep(tries.pause).await;
        tries.pause = (tries.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// How long something has been tried.
pub(super) struct Tries {
    began: Instant,
    pause: Duration,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), pause: FIRST_PAUSE }
    }
}

/// Does something on a shared connection, as often as need be; `long`: something that may take long.
macro_rules! on {
    ($hub:expr, |$link:ident| $work:expr) => {
        $crate::store::postgres::hub::on!($hub, link, |$link| $work)
    };
    ($hub:expr, long, |$link:ident| $work:expr) => {
        $crate::store::postgres::hub::on!($hub, long_link, |$link| $work)
    };
    ($hub:expr, $lent:ident, |$link:ident| $work:expr) => {{
        let mut tries = $crate::store::postgres::hub::Tries::new();
        loop {
            let done = async {
                let $link = $hub.$lent().await?;
                $work
            };
            match done.await {
                Ok(done) => break Ok(done),
                Err(trouble) => {
                    if let Err(error) = $hub.again(trouble, &mut tries).await {
                        break Err(error);
                    }
                }
            }
        }
    }};
}
pub(super) use on;

/// Does something in a transaction on a shared connection, as often as need be; `long`: something that may take long.
macro_rules! within {
    ($hub:expr, |$link:ident| $work:expr) => {
        $crate::store::postgres::hub::within!($hub, link, |$link| $work)
    };
    ($hub:expr, $lent:ident, |$link:ident| $work:expr) => {
        $crate::store::postgres::hub::on!($hub, $lent, |$link| {
            let transaction = $link.begin().await?;
            let done: Result<_, $crate::store::postgres::failure::Trouble> = async { $work }.await;
            $crate::store::postgres::doubt::end(&$hub.way, &$link, &transaction, done).await
        })
    };
}
pub(super) use within;
