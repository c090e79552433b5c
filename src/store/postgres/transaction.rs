//! One transaction of saves. The rows of their tenants are locked in order, which puts the saves of a tenant one after the other on all nodes
//! and makes their sequence the order of commit. What they ask first is fetched at once; then each is decided in its turn; then what all of
//! them write goes out together with the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::ask::ask;
use super::effects::{self, Outgoing, Writes};
use super::failure::Trouble;
use super::hub::{CHANNEL, Hub};
use super::link::{Link, Values};
use super::overlay::Overlay;
use super::running::{Commit, Running, Unknown};
use super::saver::Queue;
use super::sources;
use super::values::get;
use crate::ids::{Sequence, Tenant};
use crate::store::{Answer, Effects, JobStep, Query, StoreError};

/// Questions that are fetched before the first save is decided.
const FORESEEN: usize = 20_000;

/// How long it takes to begin when no other node has one of the tenants in hand. Whoever had to wait for longer takes along what has come
/// meanwhile: one node after the other writes for the tenant, and each should have much to write when it is its turn.
const ALONE: Duration = Duration::from_millis(2);

/// A tenant in the transaction.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub tenant: Tenant,
    pub row: i64,
    /// The last sequence and the last row that were given.
    pub sequence: i64,
    pub counter: i64,
    /// Which decision tables may be remembered.
    pub tables: i64,
}

/// Runs the jobs, with those of their tenants that join them meanwhile, and commits what they keep.
pub(super) async fn run(hub: &Hub, link: &Link, jobs: &mut Vec<Running>, joining: Option<&mut Queue>) -> Result<(), Unknown> {
    let (mut places, rows) = tenants(hub, link, jobs).await?;
    let mut batch = Batch { hub, link, ledgers: Vec::new(), overlay: Overlay::default(), id: String::new() };
    let foreseen = foreseen(jobs, &places);
    let queries = of_tenants(&foreseen, &rows);
    let asked_at = Instant::now();
    let locked = batch.lock(&rows);
    // Held until the end: whoever takes over from this node waits for what it leases here, or has been there before.
    let node = hub.node();
    let row: Values<'_> = &[&node];
    let standing = link.first("SELECT FROM nodes WHERE row = $1 FOR KEY SHARE", row);
    let (begun, locked, standing, answers) = futures_util::future::join4(link.run("BEGIN"), locked, standing, ask(link, &queries)).await;
    begun?;
    let (ledgers, id) = locked?;
    let standing = standing?;
    for ((place, query), answer) in foreseen.iter().zip(answers?) {
        batch.overlay.fetched(*place, query.clone(), answer);
    }
    (batch.ledgers, batch.id) = (ledgers, id);
    if let Some(queue) = joining.filter(|_| asked_at.elapsed() > ALONE) {
        batch.join(queue, (jobs, &mut places), &rows).await?;
    }
    let mut outgoing = if standing.is_some() { Outgoing::leased_by(node) } else { Outgoing::to_claim() };
    let ended = Box::pin(batch.decide_and_commit(&mut outgoing, jobs, &places)).await;
    let commit = Commit {
        id: batch.id,
        wakes: outgoing.wakes,
        notes: std::mem::take(&mut outgoing.notes),
        fresh: std::mem::take(&mut outgoing.fresh),
    };
    match ended {
        Ended::Committed => {
            outgoing.remember(hub);
            commit.finish(hub, jobs);
            Ok(())
        }
        Ended::Undone(trouble) => {
            commit.release(hub);
            Err(trouble.into())
        }
        Ended::InDoubt(trouble) => Err(Unknown { trouble, commit: Some(commit) }),
    }
}

/// How a transaction ended.
enum Ended {
    Committed,
    /// Nothing of it is in the database.
    Undone(Trouble),
    /// No answer came to what was written, or to `COMMIT`.
    InDoubt(Trouble),
}

/// The tenant of each job, as a place among the tenants in order of their rows.
async fn tenants(hub: &Hub, link: &Link, jobs: &mut [Running]) -> Result<(Vec<usize>, Vec<(i64, Tenant)>), Trouble> {
    let mut of_jobs = Vec::with_capacity(jobs.len());
    let mut known: FxHashMap<Tenant, i64> = FxHashMap::default();
    for job in jobs.iter_mut() {
        let tenant = job.job.job().tenant();
        let row = match known.get(tenant) {
            Some(row) => *row,
            None => hub.make_tenant(link, tenant).await?,
        };
        known.insert(tenant.clone(), row);
        of_jobs.push(row);
    }
    let mut rows: Vec<(i64, Tenant)> = known.into_iter().map(|(tenant, row)| (row, tenant)).collect();
    rows.sort_unstable_by_key(|(row, _)| *row);
    let places = of_jobs.iter().map(|row| rows.partition_point(|(other, _)| other < row)).collect();
    Ok((places, rows))
}

/// These questions with the rows of their tenants.
fn of_tenants<'a>(questions: &'a [(usize, Query)], rows: &[(i64, Tenant)]) -> Vec<(i64, &'a Query)> {
    questions.iter().map(|(place, query)| (rows.get(*place).map_or(0, |(row, _)| *row), query)).collect()
}

/// What the jobs will ask first, each question once.
fn foreseen(jobs: &mut [Running], places: &[usize]) -> Vec<(usize, Query)> {
    let mut seen = rustc_hash::FxHashSet::default();
    for (job, place) in jobs.iter_mut().zip(places).filter(|(job, _)| job.ended.is_none()) {
        let left = FORESEEN.saturating_sub(seen.len());
        // A job that cannot be asked will say so when it is stepped.
        let queries = catch_unwind(AssertUnwindSafe(|| job.job.job().foresee(left))).unwrap_or_default();
        seen.extend(queries.into_iter().take(left).map(|query| (*place, query)));
    }
    let mut foreseen: Vec<_> = seen.into_iter().collect();
    foreseen.sort_unstable_by_key(|(place, _)| *place);
    foreseen
}

/// What these jobs have decided and is not in the database.
fn unwritten<'a>(jobs: &'a [Running], places: &[usize]) -> Vec<(usize, Sequence, &'a Effects)> {
    let of_job = |(job, place): (&'a Running, &usize)| {
        let place = *place;
        job.writes.get(job.written..).unwrap_or_default().iter().map(move |(sequence, effects)| (place, *sequence, &**effects))
    };
    jobs.iter().zip(places).flat_map(of_job).collect()
}

/// The transaction with what it knows.
pub(super) struct Batch<'a> {
    pub hub: &'a Hub,
    pub link: &'a Link,
    pub ledgers: Vec<Ledger>,
    overlay: Overlay,
    id: String,
}

impl<'a> Batch<'a> {
    /// For work that is no save and may have something to tell: with the tenants, which have these rows, locked in order.
    pub(super) async fn over(hub: &'a Hub, link: &'a Link, rows: &[(i64, Tenant)]) -> Result<Self, Trouble> {
        let mut batch = Self { hub, link, ledgers: Vec::new(), overlay: Overlay::default(), id: String::new() };
        if !rows.is_empty() {
            (batch.ledgers, batch.id) = batch.lock(rows).await?;
        }
        Ok(batch)
    }

    /// The place of a tenant that is part of it.
    pub(super) fn place(&self, tenant: i64) -> Option<usize> {
        self.ledgers.iter().position(|ledger| ledger.row == tenant)
    }

    async fn lock(&self, rows: &[(i64, Tenant)]) -> Result<(Vec<Ledger>, String), Trouble> {
        let sql = "SELECT row, sequence, counter, tables_version, pg_current_xact_id()::text FROM tenants WHERE row = ANY ($1)
            ORDER BY row FOR UPDATE";
        let wanted: Vec<i64> = rows.iter().map(|(row, _)| *row).collect();
        let found = self.link.query(sql, &[&wanted]).await?;
        if found.len() != rows.len() {
            return Err(StoreError::Failed("a tenant was removed from the database".to_owned()).into());
        }
        let mut id = String::new();
        let mut ledgers = Vec::with_capacity(rows.len());
        for (row, (_, tenant)) in found.iter().zip(rows) {
            let (number, sequence, counter, tables) = (get(row, 0)?, get(row, 1)?, get(row, 2)?, get(row, 3)?);
            ledgers.push(Ledger { tenant: tenant.clone(), row: number, sequence, counter, tables });
            id = get(row, 4)?;
        }
        Ok((ledgers, id))
    }

    /// Lets those jobs in that have come meanwhile for these tenants, and fetches what they will ask first.
    async fn join(
        &mut self,
        queue: &mut Queue,
        (jobs, places): (&mut Vec<Running>, &mut Vec<usize>),
        rows: &[(i64, Tenant)],
    ) -> Result<(), Trouble> {
        let place = |job: &mut Running| rows.iter().position(|(_, tenant)| tenant == job.job.job().tenant());
        let mut joined = queue.since(jobs.len(), |job| place(job).is_some());
        let of_joined: Vec<usize> = joined.iter_mut().filter_map(place).collect();
        let mut foreseen = foreseen(&mut joined, &of_joined);
        // From here on they are part of it, whatever becomes of it.
        jobs.append(&mut joined);
        places.extend(of_joined);
        foreseen.retain(|(place, query)| self.overlay.answer(*place, query).is_none());
        let answers = ask(self.link, &of_tenants(&foreseen, rows)).await?;
        for ((place, query), answer) in foreseen.into_iter().zip(answers) {
            self.overlay.fetched(place, query, answer);
        }
        Ok(())
    }

    /// Runs the jobs and commits what they keep. The commit goes out right behind what they write, which is not waited for: had any of it
    /// failed, the server would undo the transaction, and say so of what failed.
    async fn decide_and_commit(&mut self, outgoing: &mut Outgoing, jobs: &mut [Running], places: &[usize]) -> Ended {
        let decided = async {
            for (index, place) in (0..).zip(places) {
                self.job(outgoing, (jobs, index), places, *place).await?;
            }
            let writes = effects::gather(self, outgoing, &unwritten(jobs, places)).await?;
            // What else there is to write depends on the answers.
            if writes.are_all() { Ok(writes) } else { writes.write_and_tell(self, outgoing).await.map(|()| Writes::default()) }
        };
        let writes = match decided.await {
            Ok(writes) => writes,
            Err(trouble) => return Ended::Undone(trouble),
        };
        let link = self.link;
        let mut writing = std::pin::pin!(futures_util::future::try_join(writes.write(link), self.close(outgoing)));
        let (written, ended) = match link.sent(writing.as_mut()).await {
            Some(Ok(_)) => (Ok(()), link.run("COMMIT").await),
            Some(Err(trouble)) => return Ended::Undone(trouble),
            None => {
                let (written, ended) = futures_util::future::join(writing, link.run("COMMIT")).await;
                (written.map(drop), ended)
            }
        };
        match (written, ended) {
            (Ok(()), Ok(())) => Ended::Committed,
            (Err(trouble), _) | (_, Err(trouble)) if trouble.is_refusal() => Ended::Undone(trouble),
            (Err(trouble), _) | (_, Err(trouble)) => Ended::InDoubt(trouble),
        }
    }

    /// Runs one job to its end.
    async fn job(
        &mut self,
        outgoing: &mut Outgoing,
        (jobs, index): (&mut [Running], usize),
        places: &[usize],
        place: usize,
    ) -> Result<(), Trouble> {
        let Some(begun) = self.ledgers.get(place).map(|ledger| ledger.sequence) else { return Ok(()) };
        let Some(running) = jobs.get_mut(index) else { return Ok(()) };
        if let Some(from) = running.ended {
            return self.as_decided(running, (place, from));
        }
        self.overlay.job();
        let mut last = begun;
        let mut answers = Vec::new();
        // Set when something of the job itself had to be written before its end.
        let mut savepoint = None;
        let ended = loop {
            let Some(running) = jobs.get_mut(index) else { return Ok(()) };
            let job = running.job.job();
            let sequence = Sequence::after(last, job.at().as_second());
            match catch_unwind(AssertUnwindSafe(|| job.step(sequence, std::mem::take(&mut answers)))) {
                Ok(JobStep::Read(queries)) => {
                    if queries.iter().any(|query| self.overlay.is_ahead(place, query) && self.overlay.answer(place, query).is_none()) {
                        if savepoint.is_none() {
                            // Those before it stay, whatever becomes of it.
                            self.write(outgoing, jobs.get_mut(..index).unwrap_or_default(), places).await?;
                            self.link.run("SAVEPOINT job").await?;
                            savepoint = Some(outgoing.mark());
                        }
                        let own = jobs.get_mut(index..=index).unwrap_or_default();
                        self.write_all(outgoing, own, places.get(index..).unwrap_or_default()).await?;
                        self.overlay.written();
                    }
                    answers = self.answers(place, &queries).await?;
                }
                Ok(JobStep::Write(effects)) => {
                    self.overlay.decided(place, sequence, &effects);
                    running.writes.push((sequence, effects));
                    last = sequence.0;
                    if let Some(ledger) = self.ledgers.get_mut(place) {
                        ledger.sequence = last;
                    }
                }
                Ok(JobStep::Done) => match job.advance() {
                    Some(advance) if !sources::advance(self.link, &advance).await? => {
                        running.job.job().overtaken();
                        break Err(Ok(()));
                    }
                    Some(_) | None => break Ok(()),
                },
                Ok(JobStep::Abort) => break Err(Ok(())),
                Err(_) => break Err(Err(StoreError::Failed("a job panicked".to_owned()))),
            }
        };
        let Some(running) = jobs.get_mut(index) else { return Ok(()) };
        running.ended = Some(begun);
        if let Err(answer) = ended {
            running.answer = answer;
            running.writes.clear();
            self.overlay.undo();
            if let Some(ledger) = self.ledgers.get_mut(place) {
                ledger.sequence = begun;
            }
            if let Some(mark) = savepoint {
                self.link.run("ROLLBACK TO SAVEPOINT job").await?;
                effects::release(self.hub, outgoing.undo(mark));
                // What was asked after something of the job had been written is not true any more.
                self.overlay = Overlay::default();
            }
            return Ok(());
        }
        running.kept = true;
        Ok(())
    }

    /// Writes what these jobs keep.
    async fn write(&mut self, outgoing: &mut Outgoing, jobs: &mut [Running], places: &[usize]) -> Result<(), Trouble> {
        self.write_all(outgoing, jobs, places).await?;
        self.overlay.written();
        Ok(())
    }

    async fn write_all(&mut self, outgoing: &mut Outgoing, jobs: &mut [Running], places: &[usize]) -> Result<(), Trouble> {
        effects::gather(self, outgoing, &unwritten(jobs, places)).await?.write_and_tell(self, outgoing).await?;
        for job in jobs {
            job.written = job.writes.len();
        }
        Ok(())
    }

    /// Writes what is written once a transaction, and tells the other nodes.
    pub(super) async fn close(&self, outgoing: &Outgoing) -> Result<(), Trouble> {
        let (mut rows, mut sequences, mut counters) = (Vec::new(), Vec::new(), Vec::new());
        for ledger in &self.ledgers {
            rows.push(ledger.row);
            sequences.push(ledger.sequence);
            counters.push(ledger.counter);
        }
        let sql = "UPDATE tenants t SET sequence = l.sequence, counter = l.counter
            FROM (SELECT unnest($1::bigint[]) AS row, unnest($2::bigint[]) AS sequence, unnest($3::bigint[]) AS counter) l
            WHERE t.row = l.row AND (t.sequence, t.counter) <> (l.sequence, l.counter)";
        let counted = async { if rows.is_empty() { Ok(0) } else { self.link.execute(sql, &[&rows, &sequences, &counters]).await } };
        let told = async {
            match self.hub.tale(&outgoing.notes) {
                Some(tale) => self.link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &tale]).await.map(drop),
                None => Ok(()),
            }
        };
        futures_util::future::try_join(counted, told).await.map(drop)
    }

    /// Takes over what a job has decided before, which is right as long as nobody else has saved since.
    fn as_decided(&mut self, running: &mut Running, (place, from): (usize, i64)) -> Result<(), Trouble> {
        if running.answer.is_err() || running.writes.is_empty() {
            return Ok(());
        }
        let Some(ledger) = self.ledgers.get_mut(place) else { return Ok(()) };
        let last = running.writes.last().map_or(from, |(sequence, _)| sequence.0);
        if ledger.sequence > from {
            return Err(StoreError::Failed("the saves could not be decided anew".to_owned()).into());
        }
        ledger.sequence = last;
        for (sequence, effects) in &running.writes {
            self.overlay.decided(place, *sequence, effects);
        }
        running.kept = true;
        Ok(())
    }

    /// Answers from what is known, and from the database where need be.
    async fn answers(&mut self, place: usize, queries: &[Query]) -> Result<Vec<Answer>, Trouble> {
        let row = self.ledgers.get(place).map_or(0, |ledger| ledger.row);
        let unknown: Vec<(i64, &Query)> =
            queries.iter().filter(|query| self.overlay.answer(place, query).is_none()).map(|query| (row, query)).collect();
        if !unknown.is_empty() {
            let answers = ask(self.link, &unknown).await?;
            let fetched: Vec<Query> = unknown.into_iter().map(|(_, query)| query.clone()).collect();
            for (query, answer) in fetched.into_iter().zip(answers) {
                self.overlay.fetched(place, query, answer);
            }
        }
        let known = |query: &Query| {
            let missing = || Trouble::Store(StoreError::Failed("a question was not answered".to_owned()));
            self.overlay.answer(place, query).ok_or_else(missing)
        };
        queries.iter().map(known).collect()
    }
}
