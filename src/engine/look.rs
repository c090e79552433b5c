//! An object after a save and the rule graph of its model → which webhooks have nothing against them in the object itself. Every property
//! is looked at once; a webhook only when its decisive question is answered with yes.

use crate::engine::condition::{holds, seen};
use crate::engine::seen::Seen;
use crate::program::{Aspect, Operation, Program, Record, RuleGraph, Side, Test};

/// What a look at an object has found.
#[derive(Debug)]
pub(super) struct Look {
    /// The questions answered with yes, in the order of the aspects that they are about.
    yes: Vec<u32>,
    /// The same as a bit for each question.
    bits: Vec<u64>,
}

const BITS: u32 = u64::BITS;

impl Look {
    /// Answers every question of the graph.
    pub(super) fn at(graph: &RuleGraph, object: &Record, previous: Option<&Record>) -> Self {
        let mut look = Self { yes: Vec::new(), bits: vec![0; graph.questions.div_ceil(BITS) as usize] };
        for aspect in &graph.aspects {
            let value = object.value(aspect.property);
            match aspect.side {
                Side::Change if previous.is_none_or(|previous| previous.value(aspect.property) != value) => {
                    aspect.plain.iter().for_each(|question| look.answer(*question));
                }
                // No question is answered with yes by a null, and most values are null in a wide model.
                Side::Value if !value.is_null() => {
                    for &question in &aspect.plain {
                        if test(aspect, question).is_some_and(|test| holds(test, value)) {
                            look.answer(question);
                        }
                    }
                    aspect.listed.of(value).for_each(|question| look.answer(question));
                }
                Side::Change | Side::Value => {}
            }
        }
        look
    }

    fn answer(&mut self, question: u32) {
        if let Some(word) = self.bits.get_mut((question / BITS) as usize) {
            *word |= 1 << (question % BITS);
            self.yes.push(question);
        }
    }

    fn is_yes(&self, question: u32) -> bool {
        self.bits.get((question / BITS) as usize).is_some_and(|word| word >> (question % BITS) & 1 == 1)
    }

    /// Positions in the graph's rules of the webhooks that fire on the operation and whose questions are all answered with yes, in order.
    pub(super) fn open(&self, graph: &RuleGraph, operation: Operation) -> Vec<u32> {
        let hanging = self.yes.iter().filter_map(|question| graph.decisive.get(*question as usize)).flatten();
        let is_open = |position: &&u32| {
            graph
                .rules
                .get(**position as usize)
                .is_some_and(|rule| rule.operations.contains(operation) && rule.questions.iter().all(|question| self.is_yes(*question)))
        };
        let mut open: Vec<u32> = graph.unasking.iter().chain(hanging).filter(is_open).copied().collect();
        open.sort_unstable();
        open
    }

    /// What was seen, as far as the answers do not say it already.
    pub(super) fn seen(&self, program: &Program, graph: &RuleGraph, object: &Record) -> Seen {
        let mut told = Seen::default();
        let mut rest = self.yes.as_slice();
        for aspect in &graph.aspects {
            let end = aspect.first.saturating_add(u32::try_from(aspect.tests.len()).unwrap_or(u32::MAX));
            let (own, others) = rest.split_at(rest.partition_point(|question| *question < end));
            rest = others;
            if own.len() == aspect.tests.len() {
                told.all();
            } else if aspect.side == Side::Change {
                told.unchanged();
            } else if object.value(aspect.property).is_null() {
                told.null();
            } else {
                let mut yes: Vec<u32> = own.iter().map(|question| question - aspect.first).collect();
                yes.sort_unstable();
                told.value(seen(program, object, aspect.property), yes);
            }
        }
        told.end();
        told
    }
}

fn test(aspect: &Aspect, question: u32) -> Option<&Test> {
    aspect.tests.get(question.checked_sub(aspect.first)? as usize)
}
