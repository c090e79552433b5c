//! Explanations as text for a terminal and as Mermaid flowcharts.

use std::fmt::Write as _;

use super::event::Event;
use super::payload::Member;
use super::save::{Decided, ExplainedSave};
use crate::engine::VerdictWord;
use crate::graph::mermaid_label;
use crate::report::{Style, harmless, paint};

/// A webhook as text.
#[must_use]
pub fn event_text(event: &Event) -> String {
    let mut out = format!("{}  {}\n\nIt {}", event.name, event.place, event.fires);
    out.push_str(if event.conditions.is_empty() { ".\n" } else { ":\n" });
    for condition in &event.conditions {
        let _ = writeln!(out, "  - {condition}");
    }
    for note in &event.notes {
        let _ = writeln!(out, "Note: {note}.");
    }
    out.push_str("\nPayload\n");
    let width = widest(&event.payload, 2);
    members(&event.payload, 2, width, &mut out);
    out.push_str("\nReceivers\n");
    if event.receivers.is_empty() {
        out.push_str("  none\n");
    }
    for receiver in &event.receivers {
        let body = receiver.own_body.as_ref().map_or_else(String::new, |kind| format!(" · a body of its own, {kind}"));
        let place = receiver.place.as_ref().map_or_else(|| "of `webhookc dev`".to_owned(), ToString::to_string);
        let _ = writeln!(out, "  {}  {} {}{body}  ({place})", receiver.name, receiver.method, receiver.url);
    }
    out.push_str("\nTests\n");
    if event.tests.is_empty() {
        out.push_str("  none\n");
    }
    for test in &event.tests {
        let _ = writeln!(out, "  {}  {}: fired {}, suppressed {}", test.place, test.name, test.fired, test.suppressed);
    }
    out
}

fn widest(list: &[Member], indent: usize) -> usize {
    list.iter().map(|member| (indent + member.name.chars().count()).max(widest(&member.members, indent + 2))).max().unwrap_or(0)
}

fn members(list: &[Member], indent: usize, width: usize, out: &mut String) {
    for member in list {
        let name = format!("{}{}", " ".repeat(indent), member.name);
        let _ = writeln!(out, "{name:width$}  {}", member.kind);
        members(&member.members, indent + 2, width, out);
    }
}

/// Saves as text, colours as the style says.
#[must_use]
pub fn saves_text(saves: &[ExplainedSave], style: Style) -> String {
    let paint = |color: &str, text: &str| paint(style, color, text);
    let mut out = String::new();
    for save in saves {
        let what = save.operation.unwrap_or("refused");
        let _ = writeln!(out, "{what} {}/{}", harmless(&save.model), harmless(&save.object));
        for why in &save.refused {
            let _ = writeln!(out, "  {}", harmless(why));
        }
        if save.operation.is_some() && save.webhooks.is_empty() {
            out.push_str("  no webhook looks at this model\n");
        }
        for decided in &save.webhooks {
            let fired = decided.verdict == VerdictWord::Fired;
            let mark = if fired { paint("32", "✔") } else { paint("33", "✘") };
            let reason = if fired { "fired".to_owned() } else { harmless(&decided.reason) };
            let _ = writeln!(out, "  {mark} {}: {reason}", about(save, decided));
            for answer in &decided.conditions {
                let mark = match answer.held {
                    Some(true) => paint("32", "✔"),
                    Some(false) => paint("31", "✘"),
                    None => "·".to_owned(),
                };
                let _ = write!(out, "      {mark} {}", harmless(&answer.condition));
                if let (Some(seen), Some(required)) = (&answer.seen, &answer.required) {
                    let _ = write!(out, ": is {}, needs {}", harmless(seen), harmless(required));
                    let _ = write!(out, "\n          {}: {}", answer.place, harmless(&answer.place.source));
                }
                out.push('\n');
            }
            for sent in &decided.sent {
                let error = sent.error.as_ref().map_or_else(String::new, |error| format!(" · {}", harmless(error)));
                let _ = writeln!(out, "      → {}: {} {}{error}", sent.endpoint, sent.method, harmless(&sent.url));
            }
        }
    }
    out
}

fn about(save: &ExplainedSave, decided: &Decided) -> String {
    if decided.object == save.object { decided.webhook.clone() } else { format!("{} of {}", decided.webhook, harmless(&decided.object)) }
}

/// A webhook as a flowchart: the save, its conditions one after the other, its receivers, and the tests that try it.
#[must_use]
pub fn event_mermaid(event: &Event) -> String {
    let mut out = format!("flowchart TD\n    save[{}]\n", mermaid_label(&[&format!("{} is saved", event.model)]));
    let mut last = "save".to_owned();
    for (index, condition) in event.conditions.iter().enumerate() {
        let _ = writeln!(out, "    c{index}{{{}}}\n    {last} --> c{index}", mermaid_label(&[condition]));
        last = format!("c{index}");
    }
    let _ = writeln!(out, "    event({})\n    {last} --> event", mermaid_label(&[&event.name]));
    for (index, receiver) in event.receivers.iter().enumerate() {
        let request = format!("{} {}", receiver.method, receiver.url);
        let _ = writeln!(out, "    r{index}[[{}]]\n    event --> r{index}", mermaid_label(&[&receiver.name, &request]));
    }
    for (index, test) in event.tests.iter().enumerate() {
        let counts = format!("fired {}, suppressed {}", test.fired, test.suppressed);
        let _ = writeln!(out, "    t{index}>{}]\n    t{index} -.-> event", mermaid_label(&[&test.name, &counts]));
    }
    out
}

/// Saves as a flowchart: each with its webhooks, the conditions that stopped them on the arrows, and the receivers.
#[must_use]
pub fn saves_mermaid(saves: &[ExplainedSave]) -> String {
    let mut out = String::from(
        "flowchart LR\n    classDef fired stroke:#1a7f37,stroke-width:2px\n    classDef stopped stroke:#9a6700,stroke-dasharray:4\n",
    );
    for (index, save) in saves.iter().enumerate() {
        let what = format!("{} {}/{}", save.operation.unwrap_or("refused"), save.model, save.object);
        let _ = writeln!(out, "    s{index}[{}]", mermaid_label(&[&what]));
        for (number, decided) in save.webhooks.iter().enumerate() {
            let id = format!("s{index}w{number}");
            let name = about(save, decided);
            if decided.verdict == VerdictWord::Fired {
                let _ = writeln!(out, "    {id}({}):::fired\n    s{index} --> {id}", mermaid_label(&[&name]));
            } else {
                let reason = mermaid_label(&[&decided.reason]);
                let _ = writeln!(out, "    {id}({}):::stopped\n    s{index} -.->|{reason}| {id}", mermaid_label(&[&name]));
            }
            for (place, sent) in decided.sent.iter().enumerate() {
                let request = format!("{} {}", sent.method, sent.url);
                let _ = writeln!(out, "    {id}r{place}[[{}]]\n    {id} --> {id}r{place}", mermaid_label(&[&sent.endpoint, &request]));
            }
        }
    }
    out
}
