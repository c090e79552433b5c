//! The nodes of one database: each has a row, which it renews every second over the connection on which it also hears what the others tell.
//! One that has not renewed it for ten seconds, or whose connection the server has seen end, has lost what it held: whoever notices makes
//! that due again. A node that was paused asks the database before it sends anything more, see [`Hub::holds`].

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::failure::Trouble;
use super::hub::{CHANNEL, Hub, Seen};
use super::link::{Link, Notifications};
use super::open;
use super::values::get;
use crate::ids::LaneId;
use crate::store::Crew;
use crate::store::agenda::Note;

/// How often a node renews its row.
const BEAT: Duration = Duration::from_secs(1);
/// Seconds without a renewal after which the others take over.
const DEAD_AFTER_S: f64 = 10.0;
/// How long a node that joins others takes no part, until each of them has counted it in.
const JOINING: Duration = Duration::from_secs(2);
/// The wait before the connection is made anew.
const PAUSE: Duration = Duration::from_millis(200);
/// How often everything that is due is looked up, in case something was told that nobody heard.
const ROUND: Duration = Duration::from_mins(1);

/// Registers the node and works for it until the store is closed or gone.
pub(super) async fn start(hub: &Arc<Hub>) -> Result<(), Trouble> {
    let post = Post::open(hub, Instant::now()).await?;
    tokio::spawn(keep(Arc::downgrade(hub), post));
    Ok(())
}

async fn keep(hub: Weak<Hub>, first: Post) {
    let mut began = first.began;
    let mut post = Some(first);
    loop {
        let Some(strong) = hub.upgrade() else { return };
        let mut stop = strong.stop.subscribe();
        if *stop.borrow_and_update() {
            return;
        }
        if let Some(open) = post.take() {
            began = open.began;
            drop(strong);
            match open.work(&hub, &mut stop).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(error = %error.into_store(), "the way to the database is cut; connecting again"),
            }
            if let Some(strong) = hub.upgrade() {
                strong.lost_sight();
            }
        } else {
            match Post::open(&strong, began).await {
                Ok(open) => {
                    // Whatever was told meanwhile was not heard.
                    strong.elsewhere.send_modify(|count| *count = count.wrapping_add(1));
                    post = Some(open);
                    continue;
                }
                Err(error) => {
                    if error.is_crowded() {
                        strong.pool.make_room();
                    }
                    tracing::debug!(error = %error.into_store(), "the database cannot be reached");
                }
            }
            drop(strong);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The node's own connection.
struct Post {
    link: Link,
    told: Notifications,
    /// Since when the node has its row.
    began: Instant,
}

impl Post {
    /// Connects and takes up the node's row, or makes one.
    async fn open(hub: &Hub, began: Instant) -> Result<Self, Trouble> {
        let (link, told) = hub.way.listen().await?;
        link.run(&format!("LISTEN {CHANNEL}")).await?;
        let mut post = Self { link, told, began };
        let renewed = "UPDATE nodes SET seen_at = clock_timestamp(), pid = pg_backend_pid() WHERE row = $1";
        if hub.node() == 0 || post.link.execute(renewed, &[&hub.node()]).await? == 0 {
            post.join(hub).await?;
        }
        post.beat(hub).await?;
        hub.reload(&post.link, None).await?;
        Ok(post)
    }

    /// Makes a row: what was held under another one is lost.
    async fn join(&mut self, hub: &Hub) -> Result<(), Trouble> {
        let sql = "INSERT INTO nodes (version, pid, key_ids) VALUES ($1, pg_backend_pid(), $2) RETURNING row";
        let made = self.link.first(sql, &[&env!("CARGO_PKG_VERSION"), &hub.vault.ids()]).await?;
        let Some(row) = made.map(|row| get::<i64>(&row, 0)).transpose()? else { return Ok(()) };
        if hub.node() != 0 {
            tracing::warn!("this node was away for so long that others have taken over what it held");
        }
        self.began = Instant::now();
        hub.set_node(row);
        Ok(())
    }

    /// Renews the row, takes over from nodes that are gone, and hears who is there.
    async fn beat(&mut self, hub: &Hub) -> Result<(), Trouble> {
        let at = Instant::now();
        if self.link.execute("UPDATE nodes SET seen_at = clock_timestamp() WHERE row = $1", &[&hub.node()]).await? == 0 {
            self.join(hub).await?;
        }
        take_over(hub, &self.link).await?;
        let sql = "SELECT count(*), count(*) FILTER (WHERE row < $1), (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
            coalesce((SELECT max(number) FROM generations), 0), coalesce((SELECT max(oldest) FROM format), 0) FROM nodes";
        let Some(row) = self.link.first(sql, &[&hub.node()]).await? else { return Ok(()) };
        let (size, rank, clock): (i64, i64, i64) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
        if let Some(why) = open::outgrown(&hub.url, get(&row, 4)?) {
            hub.outgrow(&why);
            return Err(why.into());
        }
        hub.heard_of_program(get(&row, 3)?);
        let mut crew = Crew { size: usize::try_from(size).unwrap_or(1).max(1), rank: usize::try_from(rank).unwrap_or_default() };
        if crew.size > 1 && self.began.elapsed() < JOINING {
            crew = Crew::NOBODY;
        }
        let before = hub.crew();
        hub.saw(Seen { at: Some(at), clock, crew });
        if before != crew {
            hub.ring();
        }
        Ok(())
    }

    async fn work(mut self, hub: &Weak<Hub>, stop: &mut tokio::sync::watch::Receiver<bool>) -> Result<(), Trouble> {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looked = Instant::now();
        loop {
            tokio::select! {
                stopped = stop.changed() => {
                    if stopped.is_err() || *stop.borrow() {
                        return Ok(());
                    }
                }
                told = self.told.recv() => {
                    let Some(hub) = hub.upgrade() else { return Ok(()) };
                    if let Some(told) = told {
                        hear(&hub, &self.link, told.payload()).await?;
                    } else {
                        // The connection has ended: the next statement says why.
                        hub.lost_sight();
                        self.link.run("SELECT 1").await?;
                    }
                }
                _ = beat.tick() => {
                    let Some(hub) = hub.upgrade() else { return Ok(()) };
                    self.beat(&hub).await?;
                    if looked.elapsed() > ROUND {
                        looked = Instant::now();
                        hub.reload(&self.link, None).await?;
                    }
                }
            }
        }
    }
}

/// Makes due what nodes held that are gone.
async fn take_over(hub: &Hub, link: &Link) -> Result<(), Trouble> {
    let gone = "DELETE FROM nodes n WHERE n.row <> $1 AND (n.seen_at < clock_timestamp() - make_interval(secs => $2)
            OR NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = n.pid AND a.datname = current_database()))
        RETURNING n.row";
    link.begin().await?;
    let taken = async {
        let rows = link.query(gone, &[&hub.node(), &DEAD_AFTER_S]).await?;
        let nodes = rows.iter().map(|row| get::<i64>(row, 0)).collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() { Ok(None) } else { release(link, &nodes).await.map(Some) }
    };
    let taken = taken.await;
    if let Some(deliveries) = link.end(taken).await? {
        hub.reload(link, None).await?;
        tracing::info!(deliveries, "a node is gone; what it was about to send is taken over");
    }
    Ok(())
}

/// Makes due what these nodes held, and tells the others; how much it was.
async fn release(link: &Link, nodes: &[i64]) -> Result<u64, Trouble> {
    let due = "UPDATE deliveries d SET state = 0, due_at = d.created_at, node = NULL
        FROM endpoints e WHERE d.tenant = e.tenant AND d.endpoint = e.row AND d.state < 2 AND NOT d.blocked AND d.state = 1
        AND d.node = ANY ($1)";
    let released = link.execute(due, &[&nodes]).await?;
    link.execute("DELETE FROM receipts WHERE status IS NULL AND node = ANY ($1)", &[&nodes]).await?;
    link.query("SELECT pg_notify($1, '0 *')", &[&CHANNEL]).await?;
    Ok(released)
}

/// The store is closed: what the node still holds is due for the others, and for whoever opens the store next.
pub(super) async fn leave(hub: &Hub, link: &Link) -> Result<(), Trouble> {
    link.begin().await?;
    let left = async {
        link.execute("DELETE FROM nodes WHERE row = $1", &[&hub.node()]).await?;
        release(link, &[hub.node()]).await
    };
    let left = left.await;
    link.end(left).await.map(drop)
}

/// Notes what another node tells.
async fn hear(hub: &Hub, link: &Link, tale: &str) -> Result<(), Trouble> {
    let mut words = tale.split(' ');
    if words.next().and_then(|node| node.parse::<i64>().ok()) == Some(hub.node()) {
        return Ok(());
    }
    let (mut notes, mut unknown, mut everything) = (Vec::new(), Vec::new(), false);
    for word in words {
        if word == "o" {
            hub.elsewhere.send_modify(|count| *count = count.wrapping_add(1));
            continue;
        }
        if let Some(number) = word.strip_prefix('g').and_then(|number| number.parse().ok()) {
            hub.heard_of_program(number);
            continue;
        }
        let Some(note) = note_of(word) else {
            everything = true;
            continue;
        };
        match &note {
            Note::Due(lane, _) | Note::Suspended(lane) | Note::Released(lane, _) if !hub.agenda().knows(*lane) => unknown.push(lane.0),
            Note::Made(_) | Note::Due(..) | Note::First(..) | Note::Suspended(_) | Note::Released(..) => notes.push(note),
        }
    }
    hub.note(notes);
    if everything {
        hub.reload(link, None).await?;
    } else if !unknown.is_empty() {
        hub.reload(link, Some(&unknown)).await?;
    }
    hub.ring();
    Ok(())
}

fn note_of(word: &str) -> Option<Note> {
    let (kind, rest) = word.split_at_checked(1)?;
    let (lane, at) = match rest.split_once(':') {
        Some((lane, at)) => (lane, Some(at.parse::<i64>().ok()?)),
        None => (rest, None),
    };
    let lane = LaneId(lane.parse().ok()?);
    match (kind, at) {
        ("d", Some(at)) => Some(Note::Due(lane, at)),
        ("s", None) => Some(Note::Suspended(lane)),
        ("r", Some(at)) => Some(Note::Released(lane, (at != i64::MAX).then_some(at))),
        _ => None,
    }
}
