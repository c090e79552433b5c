//! A verdict → which conditions were asked and what they came to. The engine stops at the first "no", so most of a webhook may never
//! have been asked.

use crate::engine::Verdict;
use crate::program::{Subject, Webhook};

/// What is known of a webhook's conditions after one decision: `None` where nobody asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// By condition.
    pub conditions: Vec<Option<bool>>,
    /// `when`, if there is one.
    pub when: Option<bool>,
}

/// What a verdict says about the conditions. Those on related objects are asked after all on the object itself, so when one of them
/// fails, only it and those on the object before it are known for certain.
#[must_use]
pub fn asked(webhook: &Webhook, verdict: &Verdict) -> Asked {
    // Conditions before this index held, as far as they are about the object itself.
    let own = match verdict {
        Verdict::OtherOperation(_) => 0,
        Verdict::Unmet { condition: Some(failed), .. } => *failed,
        Verdict::Fired
        | Verdict::AlreadyFired
        | Verdict::NoSubscriber
        | Verdict::Unmet { condition: None, .. }
        | Verdict::Waiting { .. }
        | Verdict::Failed(_) => usize::MAX,
    };
    let when = when(webhook, verdict);
    let all = when.is_some() && !webhook.embeds.is_empty() || matches!(verdict, Verdict::Fired | Verdict::Failed(_));
    let failed = if let Verdict::Unmet { condition, .. } = verdict { *condition } else { None };
    let conditions = webhook.conditions.iter().enumerate().map(|(index, condition)| {
        let on_object = matches!(condition.subject, Subject::Property(_));
        if failed == Some(index) {
            return Some(false);
        }
        (all || on_object && index < own).then_some(true)
    });
    Asked { conditions: conditions.collect(), when: when.filter(|_| webhook.when.is_some()) }
}

fn when(webhook: &Webhook, verdict: &Verdict) -> Option<bool> {
    match verdict {
        Verdict::Fired => Some(true),
        Verdict::Unmet { condition: None, name, .. } if &**name == "when" => Some(false),
        // Without related objects, `when` is asked before these.
        Verdict::AlreadyFired | Verdict::NoSubscriber if webhook.embeds.is_empty() => Some(true),
        Verdict::AlreadyFired
        | Verdict::NoSubscriber
        | Verdict::OtherOperation(_)
        | Verdict::Unmet { .. }
        | Verdict::Waiting { .. }
        | Verdict::Failed(_) => None,
    }
}
