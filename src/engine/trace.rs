//! Decisions → the JSON list that is stored with a save and served by `explain`, and back; and the one function that says a verdict in
//! words, for terminal and API alike.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::verdict::{Decision, Verdict};
use crate::ids::ModelId;
use crate::program::Program;

/// A decision in names, free of the program that made it. Its `Display` is the reason in words, such as
/// `asset_photo is present, needs uploaded`; empty when it fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEntry<'a> {
    /// The webhook's effective name.
    #[serde(borrow)]
    pub webhook: Cow<'a, str>,
    /// The model of the object it is about. In the store empty when it is about the object that was saved.
    #[serde(borrow, default, skip_serializing_if = "is_empty")]
    pub model: Cow<'a, str>,
    /// The object it is about. In the store empty when it is the object that was saved.
    #[serde(borrow, default, skip_serializing_if = "is_empty")]
    pub object: Cow<'a, str>,
    /// The verdict.
    pub verdict: VerdictWord,
    /// What the reason is about: the condition's name, `operation`, or the model that is waited for.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// The value seen, the id waited for, or what failed.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Cow<'a, str>>,
    /// The value required.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub required: Option<Cow<'a, str>>,
    /// The position of the condition among those of the webhook, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<usize>,
}

impl<'a> TraceEntry<'a> {
    /// That of a webhook of the object that was saved, without a reason.
    pub(super) fn of_saved(webhook: &'a str, verdict: VerdictWord) -> Self {
        let nothing = Cow::Borrowed("");
        Self {
            webhook: Cow::Borrowed(webhook),
            model: nothing.clone(),
            object: nothing,
            verdict,
            name: None,
            seen: None,
            required: None,
            condition: None,
        }
    }
}

/// A verdict's word in traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictWord {
    /// It fired.
    Fired,
    /// It is `ready` and had fired before.
    AlreadyFired,
    /// Nobody subscribes.
    NoSubscriber,
    /// It does not fire on this operation.
    OtherOperation,
    /// A condition does not hold.
    Unmet,
    /// It waits for a related object.
    Waiting,
    /// `when` could not be evaluated.
    Failed,
}

/// The entry of a decision.
#[must_use]
pub fn trace_entry<'a>(program: &'a Program, decision: &'a Decision) -> TraceEntry<'a> {
    let webhook = program.webhook(decision.webhook);
    let entry = |verdict| TraceEntry {
        webhook: Cow::Borrowed(&*webhook.name),
        model: Cow::Borrowed(&*program.model(webhook.model).name),
        object: Cow::Borrowed(&*decision.object),
        verdict,
        name: None,
        seen: None,
        required: None,
        condition: None,
    };
    match &decision.verdict {
        Verdict::Fired => entry(VerdictWord::Fired),
        Verdict::AlreadyFired => entry(VerdictWord::AlreadyFired),
        Verdict::NoSubscriber => entry(VerdictWord::NoSubscriber),
        Verdict::OtherOperation(operation) => TraceEntry {
            name: Some(Cow::Borrowed("operation")),
            seen: Some(Cow::Borrowed(operation.as_str())),
            required: Some(Cow::Owned(webhook.operations.to_string())),
            ..entry(VerdictWord::OtherOperation)
        },
        Verdict::Unmet { condition, name, seen, required } => TraceEntry {
            name: Some(Cow::Borrowed(&**name)),
            seen: Some(Cow::Borrowed(seen)),
            required: Some(Cow::Borrowed(required)),
            condition: *condition,
            ..entry(VerdictWord::Unmet)
        },
        Verdict::Waiting { model, id } => TraceEntry {
            name: Some(Cow::Borrowed(&*program.model(*model).name)),
            seen: Some(Cow::Borrowed(&**id)),
            ..entry(VerdictWord::Waiting)
        },
        Verdict::Failed(error) => TraceEntry { seen: Some(Cow::Borrowed(&error.what)), ..entry(VerdictWord::Failed) },
    }
}

fn is_empty(text: &str) -> bool {
    text.is_empty()
}

/// The decisions at a save of this object as a JSON list of [`TraceEntry`], which names the object only where it is another one.
#[must_use]
pub fn write_trace<'a>(program: &Program, (model, object): (ModelId, &str), decisions: impl IntoIterator<Item = &'a Decision>) -> String {
    let entry = |decision: &'a Decision| {
        let webhook = program.webhook(decision.webhook);
        let mut entry = trace_entry(program, decision);
        if webhook.model == model && *decision.object == *object {
            (entry.model, entry.object) = (Cow::Borrowed(""), Cow::Borrowed(""));
        }
        entry
    };
    let entries: Vec<_> = decisions.into_iter().map(entry).collect();
    serde_json::to_string(&entries).unwrap_or_else(|_| "[]".to_owned())
}

/// Reads back what [`write_trace`] wrote for a save of this object.
///
/// # Errors
/// When the text is something else.
pub fn read_trace<'a>(json: &'a str, model: &'a str, object: &'a str) -> Result<Vec<TraceEntry<'a>>, serde_json::Error> {
    let mut entries: Vec<TraceEntry<'a>> = serde_json::from_str(json)?;
    about(&mut entries, model, object);
    Ok(entries)
}

/// Names the saved object where none is named.
pub(super) fn about<'a>(entries: &mut [TraceEntry<'a>], model: &'a str, object: &'a str) {
    for entry in entries.iter_mut().filter(|entry| entry.model.is_empty()) {
        (entry.model, entry.object) = (Cow::Borrowed(model), Cow::Borrowed(object));
    }
}

impl fmt::Display for TraceEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("unknown").to_owned();
        match self.verdict {
            VerdictWord::Fired => Ok(()),
            VerdictWord::AlreadyFired => f.write_str("has fired for this object before"),
            VerdictWord::NoSubscriber => f.write_str("no endpoint subscribes"),
            VerdictWord::OtherOperation | VerdictWord::Unmet => {
                write!(f, "{} is {}, needs {}", word(&self.name), word(&self.seen), word(&self.required))
            }
            VerdictWord::Waiting => write!(f, "waits for {} `{}`", word(&self.name), word(&self.seen)),
            VerdictWord::Failed => write!(f, "`when` failed: {}", word(&self.seen)),
        }
    }
}
