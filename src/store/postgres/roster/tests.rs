use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::{any, proptest};

use super::*;
use crate::store::Whole;

const LANE: LaneId = LaneId(5);

/// What stands in a row: whom it counts, and the lanes in which it has too much under way.
type Row = (Option<Members>, Vec<LaneId>);

/// A node that has looked, and has not finished with what it saw.
enum Step {
    Idle,
    Looked(Vec<Peer>, Vec<Gone>),
    Said(Vec<Peer>, Vec<Gone>),
}

struct Node {
    row: i64,
    /// Whether the process runs.
    runs: bool,
    roster: Roster,
    quota: Quota,
    under_way: usize,
    /// Of those, what it started under a row that it has lost.
    from_before: usize,
    /// Deliveries that it holds and has not sent.
    line: usize,
    step: Step,
}

/// The nodes and their rows.
#[derive(Default)]
struct World {
    places: usize,
    next: i64,
    nodes: Vec<Node>,
    rows: BTreeMap<i64, Row>,
    gone: BTreeMap<i64, Gone>,
    now: Option<Instant>,
}

impl World {
    fn whole(&self) -> Whole {
        Whole { places: self.places, timeout: Duration::from_hours(1) }
    }

    fn row(&mut self) -> i64 {
        self.next += 1;
        self.rows.insert(self.next, (None, Vec::new()));
        self.next
    }

    fn begin(&mut self) {
        let row = self.row();
        self.rows.insert(row, (Some(Vec::new()), Vec::new()));
        let (roster, quota) = (Roster::new(row), Quota::nothing());
        self.nodes.push(Node { row, runs: true, roster, quota, under_way: 0, from_before: 0, line: 2, step: Step::Idle });
    }

    fn part(&self, node: &Node) -> usize {
        node.quota.part(LANE, self.whole(), self.now.unwrap()).mine
    }

    /// One more step of a node's look at the others.
    fn step(&mut self, index: usize) {
        let (now, whole) = (self.now.unwrap(), self.whole());
        let row = self.nodes[index].row;
        match std::mem::replace(&mut self.nodes[index].step, Step::Idle) {
            Step::Idle if self.rows.contains_key(&row) => {
                let peers = self.rows.iter().map(|(row, (crew, late))| Peer { row: *row, crew: crew.clone(), late: late.clone() });
                self.nodes[index].step = Step::Looked(peers.collect(), self.gone.values().cloned().collect());
            }
            Step::Idle => {
                let row = self.row();
                self.rows.insert(row, (Some(Vec::new()), Vec::new()));
                let node = &mut self.nodes[index];
                (node.row, node.roster, node.quota) = (row, Roster::new(row), Quota::nothing());
                (node.from_before, node.line) = (node.under_way, 2);
            }
            Step::Looked(peers, gone) => {
                let node = &mut self.nodes[index];
                node.roster.see(&peers);
                node.quota = node.roster.quota(gone.clone());
                let late = if node.under_way > node.quota.part(LANE, whole, now).mine { vec![LANE] } else { Vec::new() };
                let is_there = self.rows.contains_key(&row);
                if let Some((crew, late)) = node.roster.says(late)
                    && is_there
                {
                    self.rows.insert(row, (Some(crew), late));
                }
                if is_there {
                    node.step = Step::Said(peers, gone);
                }
            }
            Step::Said(peers, gone) => {
                let node = &mut self.nodes[index];
                node.roster.settle(&peers, false, now);
                node.quota = node.roster.quota(gone);
            }
        }
    }

    /// Its row is gone, whether it runs or not: the others have not heard of it.
    fn miss(&mut self, index: usize) {
        let node = &self.nodes[index];
        let Some((crew, late)) = self.rows.remove(&node.row) else { return };
        let crew = crew.map(|members| crew_of(&members, node.row));
        let held = [(LANE, node.under_way - node.from_before + node.line)].into_iter().collect();
        self.gone.insert(node.row, Gone { quiet: self.now.unwrap(), crew, late: late.into_iter().collect(), held });
    }

    /// The time is over that what a node that is gone had under way could take.
    fn forget(&mut self, row: i64) {
        if self.nodes.iter().any(|node| node.runs && node.row == row) {
            return;
        }
        self.gone.remove(&row);
        for node in &mut self.nodes {
            node.under_way -= node.from_before;
            node.from_before = 0;
            if !node.runs && node.row == row {
                node.under_way = 0;
            }
        }
    }

    fn act(&mut self, (who, what): (u8, u8)) {
        let running: Vec<usize> = (0..self.nodes.len()).filter(|index| self.nodes[*index].runs).collect();
        if running.is_empty() || (what % 16 == 0 && running.len() < 4) {
            return self.begin();
        }
        let index = running[usize::from(who) % running.len()];
        let has_row = self.rows.contains_key(&self.nodes[index].row);
        match what % 16 {
            1 if who % 2 == 0 => {
                self.miss(index);
                self.nodes[index].runs = false;
            }
            1 => self.miss(index),
            2 | 3 => {
                let rows: Vec<i64> = self.gone.keys().copied().collect();
                if let Some(row) = rows.get(usize::from(who) % rows.len().max(1)) {
                    self.forget(*row);
                }
            }
            4..=7 => {
                let allowed = self.part(&self.nodes[index]);
                let node = &mut self.nodes[index];
                if node.under_way < allowed && (has_row || node.line > 0) {
                    node.under_way += 1;
                    node.line -= usize::from(!has_row);
                }
            }
            8 | 9 if self.nodes[index].under_way > self.nodes[index].from_before => self.nodes[index].under_way -= 1,
            _ => self.step(index),
        }
    }
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]
    #[test]
    fn all_nodes_together_never_have_more_than_there_is(places in 1_usize..9, acts in proptest::collection::vec(any::<(u8, u8)>(), 1..400)) {
        let mut world = World { places, now: Some(Instant::now()), ..World::default() };
        for act in acts {
            world.act(act);
            let under_way: usize = world.nodes.iter().map(|node| node.under_way).sum();
            assert!(under_way <= places, "{under_way} of {places}");
        }
        // When nothing happens any more, they agree, and nothing is nobody's.
        for row in world.gone.keys().copied().collect::<Vec<_>>() {
            world.forget(row);
        }
        world.nodes.retain(|node| node.runs);
        for _ in 0..12 {
            for index in 0..world.nodes.len() {
                world.nodes[index].under_way = 0;
                world.nodes[index].from_before = 0;
                world.step(index);
            }
        }
        for row in world.gone.keys().copied().collect::<Vec<_>>() {
            world.forget(row);
        }
        for index in (0..world.nodes.len()).cycle().take(world.nodes.len() * 12) {
            world.step(index);
        }
        let parts: usize = world.nodes.iter().map(|node| world.part(node)).sum();
        assert!(world.nodes.is_empty() || parts == places, "{parts} of {places} are somebody's");
    }
}
