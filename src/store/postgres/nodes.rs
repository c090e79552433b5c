//! The nodes of one database: each has a row, which it renews every second over the connection on which it also hears what the others tell.
//! One that has not renewed it for ten seconds, or whose connection the server has seen end, has lost what it held: whoever notices makes
//! that due again, see [`gone`]. A node that was paused asks the database before it sends anything more, see [`Hub::holds`].

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::failure::Trouble;
use super::gone::{self, IS_GONE};
use super::hub::{CHANNEL, Hub};
use super::link::{Link, Notifications};
use super::open;
use super::roster::{Peer, Roster, SENDS_NOTHING, crew_of};
use super::seen::{Reading, Seen, TRUSTED};
use super::values::get;
use crate::ids::LaneId;
use crate::store::Quota;
use crate::store::agenda::Note;

/// How often a node renews its row.
const BEAT: Duration = Duration::from_secs(1);
/// How long a node that joins others of a version that does not say whom it counts takes no part, until each of them has counted it in.
const JOINING: Duration = Duration::from_secs(2);
/// How long a node may be without a connection, which the server may have ended, before it counts as gone.
const LOST: Duration = Duration::from_secs(3);
/// How long a node takes over from nobody after it was away, has heard nothing for a time, or the database's clock was set: the others may have
/// been heard of as little, and need a moment to be heard of again.
const GRACE: Duration = TRUSTED;
/// The wait before the connection is made anew.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a node that starts waits for a connection where the server has no more.
const CROWDED: Duration = Duration::from_secs(2);
/// How often everything that is due is looked up, in case something was told that nobody heard.
const ROUND: Duration = Duration::from_mins(1);
/// The same where nothing that is told is ever heard.
const DEAF_ROUND: Duration = Duration::from_secs(5);
/// How long a node waits to hear itself: the server tells it before it answers.
const ECHO: Duration = Duration::from_secs(1);

/// The word by which nodes are told that one has come or gone, or counts others than before. One of an older version takes it for a word that it
/// does not know, and looks up everything that is due.
pub(super) const LOOK: &str = "n";

/// Registers the node and works for it until the store is closed or gone.
pub(super) async fn start(hub: &Arc<Hub>) -> Result<(), Trouble> {
    let began = Instant::now();
    let post = loop {
        match Post::open(hub, Instant::now()).await {
            // Those by which the database was looked at may be counted for a moment more.
            Err(trouble) if trouble.is_crowded() && began.elapsed() < CROWDED => tokio::time::sleep(PAUSE).await,
            opened => break opened?,
        }
    };
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
    /// What the database's clock showed when it last looked at the others.
    looked: Option<Reading>,
    /// Since when it takes over from nobody for a while.
    unsure: Option<Instant>,
    /// How often it looks up everything that is due.
    round: Duration,
}

/// What the database says of the nodes.
struct Look {
    /// All of them.
    rows: Vec<i64>,
    /// Those that send.
    peers: Vec<Peer>,
    /// Those that are gone.
    gone: Vec<i64>,
    /// Its clock, in milliseconds since 1970.
    clock: i64,
    /// The newest program that was handed on.
    program: i64,
}

impl Post {
    /// Connects and takes up the node's row, or makes one.
    async fn open(hub: &Hub, began: Instant) -> Result<Self, Trouble> {
        let (link, told) = hub.way.listen().await?;
        link.run(&format!("LISTEN {CHANNEL}")).await?;
        // Of one that is new here nobody knows what happened before.
        let is_new = hub.node() == 0;
        let patience = is_new.then_some(Duration::ZERO);
        let unsure = (!is_new).then(Instant::now);
        let mut post = Self { link, told, began, looked: None, unsure, round: ROUND };
        let renewed = "UPDATE nodes SET seen_at = clock_timestamp(), pid = pg_backend_pid() WHERE row = $1";
        if is_new || post.link.execute(renewed, &[&hub.node()]).await? == 0 {
            post.join(hub).await?;
        }
        post.beat(hub, patience).await?;
        if !post.hears_itself(hub).await? {
            tracing::warn!(
                "nothing is heard of what nodes tell each other, as behind a pooler in transaction mode: what others make due may be late"
            );
            post.round = DEAF_ROUND;
        }
        // Also of what has been told until here.
        hub.reload(&post.link, None).await?;
        Ok(post)
    }

    /// Whether what is told arrives.
    async fn hears_itself(&mut self, hub: &Hub) -> Result<bool, Trouble> {
        let tale = format!("{} {LOOK}", hub.node());
        self.link.query("SELECT pg_notify($1, $2)", &[&CHANNEL, &tale]).await?;
        let heard = async {
            while let Some(told) = self.told.recv().await {
                if told.payload() == tale {
                    return;
                }
            }
        };
        Ok(tokio::time::timeout(ECHO, heard).await.is_ok())
    }

    /// Makes a row: what was held under another one is lost.
    async fn join(&mut self, hub: &Hub) -> Result<(), Trouble> {
        if *hub.stop.borrow() {
            // It has taken its leave.
            return Ok(());
        }
        let sql = "INSERT INTO nodes (version, pid, key_ids, crew) VALUES ($1, pg_backend_pid(), $2, $3) RETURNING row";
        let made = self.link.first(sql, &[&env!("CARGO_PKG_VERSION"), &hub.vault.ids(), &SENDS_NOTHING]).await?;
        let Some(row) = made.map(|row| get::<i64>(&row, 0)).transpose()? else { return Ok(()) };
        if hub.node() != 0 {
            tracing::warn!("this node was away for so long that others have taken over what it held");
        }
        self.began = Instant::now();
        hub.keep_within(Quota::nothing());
        *hub.roster() = Roster::new(row);
        hub.set_node(row);
        Ok(())
    }

    /// Renews the row, hears who is there, and takes over from nodes that are gone: from those without a connection after `patience`; `None`:
    /// from none.
    async fn beat(&mut self, hub: &Hub, patience: Option<Duration>) -> Result<(), Trouble> {
        let at = Instant::now();
        if self.link.execute("UPDATE nodes SET seen_at = clock_timestamp() WHERE row = $1", &[&hub.node()]).await? == 0 {
            self.join(hub).await?;
        }
        let lost_for_s = patience.unwrap_or(LOST).as_secs_f64();
        let from = Instant::now();
        let mut look = look(hub, &self.link, lost_for_s).await?;
        let reading = Reading { from, to: Instant::now(), clock: look.clock };
        let before = self.looked.replace(reading);
        if before.is_some_and(|before| at.duration_since(before.from) > LOST || reading.was_set_since(&before)) {
            self.unsure = Some(at);
        }
        let is_sure = self.unsure.is_none_or(|since| since.elapsed() > GRACE);
        if patience.is_some() && is_sure && !look.gone.is_empty() && gone::take_over(hub, &self.link, &look.gone, lost_for_s).await? {
            look = self::look(hub, &self.link, lost_for_s).await?;
        }
        hub.heard_of_program(look.program);
        let before = hub.crew();
        let crew = crew_of(&look.rows, hub.node());
        hub.saw(Seen { at: Some(at), clock: look.clock, crew });
        if before != crew {
            hub.ring();
        }
        self.count(hub, &look, at).await
    }

    /// Counts the nodes anew, and keeps within what is its own by that.
    async fn count(&self, hub: &Hub, look: &Look, at: Instant) -> Result<(), Trouble> {
        if hub.taker().is_none() {
            // Such as a command line beside the nodes: nothing is kept free for it.
            let had_part = hub.roster().leave();
            hub.keep_within(Quota::nothing());
            if had_part {
                self.say(hub, SENDS_NOTHING, &[]).await?;
            }
            return Ok(());
        }
        let gone = gone::remembered(&self.link, look.clock, at).await?;
        hub.roster().see(&look.peers);
        let quota = hub.roster().quota(gone.clone());
        let late = hub.keep_within(quota);
        let says = hub.roster().says(late);
        if let Some((crew, late)) = says {
            let late: Vec<i64> = late.iter().map(|lane| lane.0).collect();
            if !self.say(hub, &crew, &late).await? {
                // The next look finds that the row is gone.
                return Ok(());
            }
        }
        hub.roster().settle(&look.peers, self.began.elapsed() > JOINING, Instant::now());
        let quota = hub.roster().quota(gone);
        hub.keep_within(quota);
        Ok(())
    }

    /// Writes into the row whom the node counts, and has the others look at once, so that all agree within a moment and not some looks later;
    /// `false` when the row is gone.
    async fn say(&self, hub: &Hub, crew: &[i64], late: &[i64]) -> Result<bool, Trouble> {
        let say = "WITH said AS (UPDATE nodes SET crew = $2, late = $3 WHERE row = $1 RETURNING row) SELECT pg_notify($4, $5) FROM said";
        let tale = format!("{} {LOOK}", hub.node());
        Ok(!self.link.query(say, &[&hub.node(), &crew, &late, &CHANNEL, &tale]).await?.is_empty())
    }

    async fn work(mut self, hub: &Weak<Hub>, stop: &mut tokio::sync::watch::Receiver<bool>) -> Result<(), Trouble> {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looked = Instant::now();
        let Some(mut sends) = hub.upgrade().map(|hub| hub.sends.subscribe()) else { return Ok(()) };
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
                        if hear(&hub, &self.link, told.payload()).await? {
                            self.beat(&hub, None).await?;
                        }
                    } else {
                        // The connection has ended: the next statement says why.
                        hub.lost_sight();
                        self.link.run("SELECT 1").await?;
                    }
                }
                changed = sends.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let Some(hub) = hub.upgrade() else { return Ok(()) };
                    self.beat(&hub, None).await?;
                }
                _ = beat.tick() => {
                    let Some(hub) = hub.upgrade() else { return Ok(()) };
                    hub.pool.let_go();
                    self.beat(&hub, Some(LOST)).await?;
                    if looked.elapsed() > self.round {
                        looked = Instant::now();
                        hub.reload(&self.link, None).await?;
                        if self.round == DEAF_ROUND {
                            hub.elsewhere.send_modify(|count| *count = count.wrapping_add(1));
                        }
                    }
                }
            }
        }
    }
}

async fn look(hub: &Hub, link: &Link, lost_for_s: f64) -> Result<Look, Trouble> {
    let sql = format!(
        "SELECT n.row, n.crew, n.late, {IS_GONE}, (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
             coalesce((SELECT max(number) FROM generations), 0), coalesce((SELECT max(oldest) FROM format), 0) FROM nodes n ORDER BY n.row"
    );
    let mut look = Look { rows: Vec::new(), peers: Vec::new(), gone: Vec::new(), clock: 0, program: 0 };
    for row in &link.query(&sql, &[&lost_for_s]).await? {
        let peer = Peer {
            row: get(row, 0)?,
            crew: get(row, 1)?,
            late: get::<Option<Vec<i64>>>(row, 2)?.into_iter().flatten().map(LaneId).collect(),
        };
        if get(row, 3)? && peer.row != hub.node() {
            look.gone.push(peer.row);
        }
        look.rows.push(peer.row);
        // Its own row says so only after it has counted.
        if peer.sends() || (peer.row == hub.node() && hub.taker().is_some()) {
            look.peers.push(peer);
        }
        (look.clock, look.program) = (get(row, 4)?, get(row, 5)?);
        if let Some(why) = open::outgrown(&hub.url, get(row, 6)?) {
            hub.outgrow(&why);
            return Err(why.into());
        }
    }
    Ok(look)
}

/// Notes what another node tells; whether something has changed about the nodes themselves.
async fn hear(hub: &Hub, link: &Link, tale: &str) -> Result<bool, Trouble> {
    let mut words = tale.split(' ');
    if words.next().and_then(|node| node.parse::<i64>().ok()) == Some(hub.node()) {
        return Ok(false);
    }
    let (mut notes, mut unknown, mut everything, mut of_nodes) = (Vec::new(), Vec::new(), false, false);
    for word in words {
        if word == LOOK {
            of_nodes = true;
            continue;
        }
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
    Ok(of_nodes)
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
