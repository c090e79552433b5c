//! The queue of deliveries as `src/store` has it: leases, fences, due times, ordered deliveries that wait for those before
//! them, and endpoints that are suspended or of which trouble was told.

use webhookc::store::{Alert, Settled, Share};

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

/// The state of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub suspended: bool,
    /// Whether trouble was told that is not over.
    pub alerted: bool,
}

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub then: Settled,
    pub suspend: bool,
    /// Whether anybody is told.
    pub alarm: bool,
}

/// All deliveries, in the order of commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Queue {
    pub rows: Vec<Row>,
    pub endpoints: [Endpoint; 3],
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
        if self.endpoints[endpoint].suspended && broken != Some(Broken::SuspensionIgnored) {
            return Vec::new();
        }
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

    /// Records an attempt, if its claim still stands; then what is told of it.
    pub fn settle(&mut self, index: usize, fence: u32, verdict: &Verdict) -> Option<Vec<Alert>> {
        let row = self.rows[index];
        let stands = row.fence == fence && row.state == State::Sending;
        if !stands && self.broken != Some(Broken::NoFence) {
            return None;
        }
        let then = &verdict.then;
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
        Some(self.tell(self.rows[index].endpoint, verdict))
    }

    /// What is told of an attempt.
    fn tell(&mut self, endpoint: usize, verdict: &Verdict) -> Vec<Alert> {
        let given_up = match verdict.then {
            Settled::Pending { .. } => return Vec::new(),
            Settled::Delivered => {
                let state = &mut self.endpoints[endpoint];
                let over = state.alerted && !state.suspended;
                state.alerted &= !over;
                return if over && verdict.alarm { vec![Alert::Recovered] } else { Vec::new() };
            }
            Settled::Diverted(_) => Alert::Diverted,
            Settled::Failed(_) => Alert::Failed,
        };
        let state = &mut self.endpoints[endpoint];
        let mut alerts = Vec::new();
        if verdict.alarm && (!state.alerted || self.broken == Some(Broken::ToldAgain)) {
            state.alerted = true;
            alerts.push(given_up);
        }
        if verdict.suspend {
            alerts.extend(self.suspend(endpoint, verdict.alarm));
        }
        alerts
    }

    /// Suspends an endpoint; what is told of it.
    pub fn suspend(&mut self, endpoint: usize, alarm: bool) -> Option<Alert> {
        let state = &mut self.endpoints[endpoint];
        let news = !std::mem::replace(&mut state.suspended, true);
        state.alerted |= news && alarm;
        (news && alarm).then_some(Alert::Suspended)
    }

    /// A delivery that cannot be sent was made; what is told of it.
    pub fn unsendable(&mut self, endpoint: usize) -> Option<Alert> {
        (!std::mem::replace(&mut self.endpoints[endpoint].alerted, true)).then_some(Alert::Diverted)
    }

    /// Releases an endpoint; whether it was suspended.
    pub fn unsuspend(&mut self, endpoint: usize) -> bool {
        let was = self.endpoints[endpoint].suspended;
        self.endpoints[endpoint].suspended &= self.broken == Some(Broken::SuspendedForever);
        was
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
        let claimable = |row: &&Row| !row.is_settled() && !row.blocked && !self.endpoints[row.endpoint].suspended;
        self.rows.iter().filter(claimable).filter_map(|row| row.due).min()
    }
}
