//! What a save decided about every webhook that it concerned, in short: one by one about those that nothing in the object itself spoke
//! against, together about all others. It is stored in this form, and made long only for whoever asks why. So a webhook that does not
//! fire costs a save neither work nor bytes.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::check::Rules;
use crate::engine::seen::{Seen, Stop};
use crate::engine::trace::{TraceEntry, VerdictWord, about, trace_entry};
use crate::engine::verdict::{Decision, Verdict};
use crate::ids::ModelId;
use crate::program::{DecisionTable, Operation, Program};

/// The decisions of one save.
#[derive(Debug, Default)]
pub struct Decided {
    /// About the webhooks of the saved object, in source order; not those that nobody subscribes to.
    pub(super) own: Vec<Decision>,
    /// About those of other objects, which had waited.
    pub(super) others: Vec<Decision>,
    /// About all other webhooks of the saved object. `None` when only one that waited was looked at.
    pub(super) together: Option<Together>,
}

/// What is said of many webhooks together.
#[derive(Debug)]
pub(super) struct Together {
    pub(super) model: ModelId,
    pub(super) object: Box<str>,
    pub(super) operation: Operation,
    pub(super) seen: Seen,
}

/// The decisions of one save as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What the webhooks of the model ask.
    pub table: Arc<DecisionTable>,
    /// What was seen and decided; has a meaning only with this table.
    pub text: String,
    /// The operation of the save.
    pub operation: Operation,
}

/// The form of [`Trace::text`]. Webhooks are positions in the table.
#[derive(Default, Serialize, Deserialize)]
struct Short<'a> {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fired: Vec<usize>,
    /// Those that are `ready` and had fired before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<usize>,
    /// What was seen by all others.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    seen: Cow<'a, Seen>,
    /// Other decisions of one webhook alone; those about other objects name them.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    alone: Vec<TraceEntry<'a>>,
}

impl Decided {
    /// Each decision: those about the saved object's webhooks in source order, then those about others that had waited.
    #[must_use]
    pub fn decisions(&self, rules: &Rules) -> Vec<Decision> {
        let mut decisions = Vec::new();
        let mut own = self.own.iter().peekable();
        if let Some(Together { model, object, operation, seen }) = &self.together {
            let (graph, glances) = (rules.graph(*model), seen.glances());
            for (rule, row) in graph.rules.iter().zip(&graph.table.webhooks) {
                if let Some(decision) = own.next_if(|decision| decision.webhook == rule.webhook) {
                    decisions.push(decision.clone());
                    continue;
                }
                let verdict = match glances.stop(row, operation.as_str()) {
                    Stop::Operation => Verdict::OtherOperation(*operation),
                    Stop::NoSubscriber => Verdict::NoSubscriber,
                    Stop::At { ask, seen } => Verdict::Unmet {
                        condition: Some(ask.condition),
                        name: ask.name.clone(),
                        seen: seen.to_owned(),
                        required: ask.required.to_string(),
                    },
                };
                decisions.push(Decision { webhook: rule.webhook, object: object.clone(), verdict });
            }
        }
        decisions.extend(own.chain(&self.others).cloned());
        decisions
    }

    /// The decisions about other objects than the saved one, which had waited.
    #[must_use]
    pub fn others(&self) -> &[Decision] {
        &self.others
    }

    /// The form in which it is stored with the save.
    #[must_use]
    pub fn trace(&self, rules: &Rules, operation: Operation) -> Trace {
        let Some(Together { model, seen, .. }) = &self.together else {
            return Trace { table: Arc::default(), text: "{}".to_owned(), operation };
        };
        let graph = rules.graph(*model);
        let mut short = Short::default();
        for decision in &self.own {
            let position = graph.rules.partition_point(|rule| rule.webhook < decision.webhook);
            match &decision.verdict {
                Verdict::Fired => short.fired.push(position),
                Verdict::AlreadyFired => short.before.push(position),
                Verdict::NoSubscriber
                | Verdict::OtherOperation(_)
                | Verdict::Unmet { .. }
                | Verdict::Waiting { .. }
                | Verdict::Failed(_) => short.alone.push(of_saved(&rules.program, decision)),
            }
        }
        if self.own.len() < graph.rules.len() {
            short.seen = Cow::Borrowed(seen);
        }
        short.alone.extend(self.others.iter().map(|decision| trace_entry(&rules.program, decision)));
        let text = serde_json::to_string(&short).unwrap_or_else(|_| "{}".to_owned());
        Trace { table: Arc::clone(&graph.table), text, operation }
    }
}

/// The entry of a decision about the saved object, which it does not name.
fn of_saved<'a>(program: &'a Program, decision: &'a Decision) -> TraceEntry<'a> {
    TraceEntry { model: Cow::Borrowed(""), object: Cow::Borrowed(""), ..trace_entry(program, decision) }
}

impl Trace {
    /// All decisions, as [`read_trace`](super::read_trace) reads them of a save of this object.
    #[must_use]
    pub fn entries<'a>(&'a self, model: &'a str, object: &'a str) -> Vec<TraceEntry<'a>> {
        let mut entries = entries(&self.table, &self.text, self.operation.as_str()).unwrap_or_default();
        about(&mut entries, model, object);
        entries
    }
}

/// Makes the text of a [`Trace`] long: a JSON list of [`TraceEntry`], as [`read_trace`](super::read_trace) reads it.
///
/// # Errors
/// When the text is something else.
pub fn expand(table: &DecisionTable, text: &str, operation: &str) -> Result<String, serde_json::Error> {
    serde_json::to_string(&entries(table, text, operation)?)
}

/// The decisions, of which those about the saved object do not name it.
fn entries<'a>(table: &'a DecisionTable, text: &'a str, operation: &'a str) -> Result<Vec<TraceEntry<'a>>, serde_json::Error> {
    let short: Short<'a> = serde_json::from_str(text)?;
    let glances = short.seen.glances();
    let (alone, others): (Vec<_>, Vec<_>) = short.alone.into_iter().partition(|entry| entry.model.is_empty());
    let mut alone = alone.into_iter().peekable();
    let mut entries = Vec::with_capacity(table.webhooks.len() + others.len());
    for (position, row) in table.webhooks.iter().enumerate() {
        if let Some(entry) = alone.next_if(|entry| *entry.webhook == *row.name) {
            entries.push(entry);
            continue;
        }
        let entry = |verdict| TraceEntry::of_saved(&row.name, verdict);
        entries.push(if short.fired.contains(&position) {
            entry(VerdictWord::Fired)
        } else if short.before.contains(&position) {
            entry(VerdictWord::AlreadyFired)
        } else {
            match glances.stop(row, operation) {
                Stop::NoSubscriber => entry(VerdictWord::NoSubscriber),
                Stop::Operation => TraceEntry {
                    name: Some(Cow::Borrowed("operation")),
                    seen: Some(Cow::Borrowed(operation)),
                    required: Some(Cow::Borrowed(&row.on)),
                    ..entry(VerdictWord::OtherOperation)
                },
                Stop::At { ask, seen } => TraceEntry {
                    name: Some(Cow::Borrowed(&ask.name)),
                    seen: Some(Cow::Owned(seen.to_owned())),
                    required: Some(Cow::Borrowed(&ask.required)),
                    condition: Some(ask.condition),
                    ..entry(VerdictWord::Unmet)
                },
            }
        });
    }
    entries.extend(others);
    Ok(entries)
}
