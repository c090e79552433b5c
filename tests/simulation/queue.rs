//! The queue of deliveries as `src/store` has it: leases, fences, due times, and ordered deliveries that wait for those before them.

use webhookc::store::{Settled, Share};

use crate::broken::Broken;

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Pending,
    Sending,
    Delivered,
    Diverted,
    Failed,
}

/// A delivery. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub endpoint: usize,
    /// What it is about.
    pub object: usize,
    pub ordered: bool,
    pub blocked: bool,
    pub state: State,
    /// Not before; of one that is sending, the end of its lease.
    pub due: Option<i64>,
    pub created: i64,
    pub fence: u32,
    pub spent: u32,
}

impl Row {
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::Delivered | State::Diverted | State::Failed)
    }

    fn shares_lane(&self, other: &Self) -> bool {
        self.endpoint == other.endpoint && self.object == other.object
    }
}

/// All deliveries, in the order of commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Queue {
    pub rows: Vec<Row>,
    pub broken: Option<Broken>,
}

impl Queue {
    /// Adds a delivery; one without a due time could not be rendered and is diverted.
    pub fn insert(&mut self, endpoint: usize, object: usize, ordered: bool, due: Option<i64>, now: i64) {
        let state = if due.is_some() { State::Pending } else { State::Diverted };
        let row = Row { endpoint, object, ordered, blocked: false, state, due, created: now, fence: 0, spent: 0 };
        let blocked = ordered && self.broken != Some(Broken::OrderIgnored) && self.waits(self.rows.len(), &row);
        self.rows.push(Row { blocked, ..row });
    }

    /// Whether something ordered and unsettled stands before this row in its lane.
    fn waits(&self, index: usize, row: &Row) -> bool {
        self.rows[..index].iter().any(|earlier| earlier.ordered && earlier.shares_lane(row) && !earlier.is_settled())
    }

    /// Takes what is due of an endpoint: those that have been due the longest, then those that came due last.
    pub fn claim(&mut self, endpoint: usize, now: i64, until: i64, share: Share) -> Vec<usize> {
        let broken = self.broken;
        let claimable = |row: &Row| match row.state {
            State::Pending => row.due.is_some_and(|due| due <= now),
            State::Sending if broken == Some(Broken::LeasesForever) => false,
            State::Sending => broken == Some(Broken::LeasesIgnored) || row.due.is_some_and(|due| due <= now),
            State::Delivered | State::Diverted | State::Failed => false,
        };
        let due = |(index, row): (usize, &Row)| (row.endpoint == endpoint && !row.blocked && claimable(row)).then_some((row.due, index));
        let mut found: Vec<_> = self.rows.iter().enumerate().filter_map(due).collect();
        found.sort_unstable();
        let rest = found.split_off(share.oldest.min(found.len()));
        found.extend(rest.into_iter().rev().take(share.newest));
        for &(_, index) in &found {
            let row = &mut self.rows[index];
            (row.state, row.due, row.fence) = (State::Sending, Some(until), row.fence + 1);
        }
        found.into_iter().map(|(_, index)| index).collect()
    }

    /// Records an attempt, if its claim still stands; whether it did.
    pub fn settle(&mut self, index: usize, fence: u32, then: &Settled) -> bool {
        let row = self.rows[index];
        let stands = row.fence == fence && row.state == State::Sending;
        if !stands && self.broken != Some(Broken::NoFence) {
            return false;
        }
        let waits = row.ordered && self.waits(index, &row);
        let broken = self.broken;
        let row = &mut self.rows[index];
        let counts = match then {
            Settled::Pending { at, counts } => {
                let due = (broken != Some(Broken::DueDropped)).then(|| at.as_millisecond());
                (row.state, row.due, row.blocked) = (State::Pending, due, waits);
                *counts
            }
            Settled::Delivered if broken == Some(Broken::DeliveredAgain) => {
                (row.state, row.blocked) = (State::Pending, false);
                true
            }
            Settled::Delivered => {
                (row.state, row.blocked) = (State::Delivered, false);
                true
            }
            Settled::Diverted(_) => {
                (row.state, row.blocked) = (State::Diverted, false);
                true
            }
            Settled::Failed(_) => {
                (row.state, row.blocked) = (State::Failed, false);
                true
            }
        };
        row.spent += u32::from(counts && broken != Some(Broken::SpentForgotten));
        if row.is_settled() {
            self.unblock(index);
        }
        true
    }

    /// Lets the next blocked delivery of a lane go when nothing unsettled is before it.
    fn unblock(&mut self, settled: usize) {
        let lane = self.rows[settled];
        let next = self.rows.iter().position(|row| row.shares_lane(&lane) && row.blocked && !row.is_settled());
        if let Some(next) = next
            && !self.waits(next, &lane)
        {
            self.rows[next].blocked = false;
        }
    }

    /// Makes a delivery due now; `false` when it is under way. What is ordered behind it waits again.
    pub fn resend(&mut self, index: usize, now: i64) -> bool {
        let row = self.rows[index];
        if row.state == State::Sending {
            return false;
        }
        let blocked = row.ordered && self.waits(index, &row);
        self.rows[index] = Row { state: State::Pending, due: Some(now), blocked, ..row };
        let behind = self.rows[index + 1..].iter_mut();
        for later in behind.filter(|later| row.ordered && later.ordered && later.shares_lane(&row) && !later.is_settled()) {
            later.blocked = true;
        }
        true
    }

    /// What opening the store of a process that died does: nobody is sending.
    pub fn reopen(&mut self) {
        for row in self.rows.iter_mut().filter(|row| row.state == State::Sending) {
            (row.state, row.due) = (State::Pending, Some(row.created));
        }
    }

    /// The next time at which something may be claimed.
    pub fn next_due(&self) -> Option<i64> {
        self.rows.iter().filter(|row| !row.is_settled() && !row.blocked).filter_map(|row| row.due).min()
    }
}
