//! What was seen of a saved object, in short: a mark for each aspect that the rule graph looks at, and the value in words where some
//! questions about it were answered with no. With the decision table it says of each webhook why it did not fire; nothing of it is about
//! a single webhook.

use serde::{Deserialize, Serialize};

use crate::program::{Ask, TableRow};

/// All questions were answered with yes.
const ALL: char = '1';
/// The value is null, to which the answer is no. Left out at the end of the marks.
const NULL: char = '0';
/// The save did not change it.
const UNCHANGED: char = '=';
/// Some questions were answered with yes, or none: the value and those that were are in `values`.
const VALUE: char = '*';

/// What was seen of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// By aspect.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    marks: String,
    /// The values in words, each with the questions about it that were answered with yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<(String, Vec<u32>)>,
}

impl Seen {
    pub(super) fn all(&mut self) {
        self.marks.push(ALL);
    }

    pub(super) fn null(&mut self) {
        self.marks.push(NULL);
    }

    pub(super) fn unchanged(&mut self) {
        self.marks.push(UNCHANGED);
    }

    pub(super) fn value(&mut self, words: String, yes: Vec<u32>) {
        self.marks.push(VALUE);
        self.values.push((words, yes));
    }

    /// Drops what goes without saying.
    pub(super) fn end(&mut self) {
        self.marks.truncate(self.marks.trim_end_matches(NULL).len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// By aspect.
    pub(super) fn glances(&self) -> Glances<'_> {
        let mut values = self.values.iter();
        let glance = |mark| match mark {
            ALL => Glance::All,
            UNCHANGED => Glance::No { words: "unchanged", yes: &[] },
            VALUE => values.next().map_or(Glance::NULL, |(words, yes)| Glance::No { words, yes }),
            _ => Glance::NULL,
        };
        Glances(self.marks.chars().map(glance).collect())
    }
}

/// What was seen of each aspect.
pub(super) struct Glances<'s>(Vec<Glance<'s>>);

#[derive(Clone, Copy)]
enum Glance<'s> {
    /// All questions were answered with yes.
    All,
    /// Only these were.
    No { words: &'s str, yes: &'s [u32] },
}

impl Glance<'_> {
    const NULL: Self = Self::No { words: "null", yes: &[] };
}

/// Why a webhook was not looked at by itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop<'t, 's> {
    /// It does not fire on the operation.
    Operation,
    /// The answer to a question was no.
    At { ask: &'t Ask, seen: &'s str },
    /// All answers were yes. Such a webhook is looked at by itself, unless nobody subscribes to it.
    NoSubscriber,
}

impl<'s> Glances<'s> {
    /// Where a webhook stopped.
    pub(super) fn stop<'t>(&self, row: &'t TableRow, operation: &str) -> Stop<'t, 's> {
        if !row.fires_on(operation) {
            return Stop::Operation;
        }
        let no = row.asks.iter().find_map(|ask| match self.0.get(ask.aspect).copied().unwrap_or(Glance::NULL) {
            Glance::All => None,
            Glance::No { yes, .. } if yes.contains(&ask.question) => None,
            Glance::No { words, .. } => Some(Stop::At { ask, seen: words }),
        });
        no.unwrap_or(Stop::NoSubscriber)
    }
}
