//! How a decision and a delivery are shown in one line, wherever they are.

use jiff::Timestamp;
use maud::{Markup, html};

use super::controls::{DELIVERY, OBJECTS, WEBHOOK};
use super::page::Page;
use super::received::{Received, Sentence};
use crate::engine::{TraceEntry, VerdictWord};
use crate::ingest::COPY;
use crate::store::{DeliveryRow, DeliveryState};

/// How a delivery stands: a colour and always words.
pub(super) fn state(row: &DeliveryRow, now: Timestamp) -> Markup {
    let status = answer(row);
    let (class, word) = match row.state {
        DeliveryState::Delivered => ("ok", row.last_status.map_or_else(|| "delivered".to_owned(), |status| status.to_string())),
        DeliveryState::Pending if row.attempts == 0 => ("wait", "pending".to_owned()),
        DeliveryState::Pending => ("wait", format!("{status} · {}", again(row, now))),
        DeliveryState::Sending => ("busy", "sending".to_owned()),
        DeliveryState::Diverted => ("bad", format!("{status} · diverted")),
        DeliveryState::Failed => ("bad", format!("{status} · failed")),
    };
    html! { span.pill .(class) title=[row.reason.as_deref()] { (word) } }
}

/// What the last attempt came to.
pub(super) fn answer(row: &DeliveryRow) -> String {
    match row.last_status {
        Some(status) => status.to_string(),
        None if row.attempts == 0 => "not sent".to_owned(),
        None => "no answer".to_owned(),
    }
}

/// When the next attempt is.
fn again(row: &DeliveryRow, now: Timestamp) -> String {
    let seconds = row.due_at.map_or(0, |due| due.as_second().saturating_sub(now.as_second()));
    match seconds {
        ..=0 => "retry due".to_owned(),
        1..120 => format!("retry in {seconds} s"),
        120..7200 => format!("retry in {} min", seconds / 60),
        _ => format!("retry in {} h", seconds / 3600),
    }
}

/// A delivery, as a link for whoever may follow it.
pub(super) fn delivery(page: &Page, row: &DeliveryRow, now: Timestamp) -> Markup {
    let shown = html! {
        span.arrow aria-hidden="true" { "→" } span.unseen { "to " }
        span.name { (page.endpoint(&row.endpoint)) } " " (state(row, now))
    };
    html! {
        @if page.scope.permits(DELIVERY) { a.delivery href=(page.address.delivery(row.id)) { (shown) } } @else { span.delivery { (shown) } }
    }
}

/// A decision about a save, with what is sent because of it.
pub(super) fn decision(page: &Page, about: (&str, &str), entry: &TraceEntry<'_>, sent: &[&DeliveryRow], now: Timestamp) -> Markup {
    let (model, object) = about;
    let address = &page.address;
    let other = *entry.model != *model || *entry.object != *object;
    html! {
        li.decision .fired[entry.verdict == VerdictWord::Fired] {
            (mark(entry.verdict)) " "
            span.event { (page.link(WEBHOOK, &address.webhook(&entry.webhook), &html! { (Received(&entry.webhook)) })) }
            @if other { " of " (page.link(OBJECTS, &address.object(&entry.model, &entry.object), &html! { (Received(&entry.model)) "/" bdi { (Received(&entry.object)) } })) }
            @if entry.verdict != VerdictWord::Fired { " " span.why { (Sentence(&entry.to_string())) } }
            @for row in sent { " " (delivery(page, row, now)) }
        }
    }
}

/// What is said of a save beside its decisions, or in their stead.
pub(super) fn note(operation: &str, is_decided: bool) -> Option<&'static str> {
    match (operation == COPY, is_decided) {
        (true, false) => Some("copied as it was before its database was read: no webhook fires for that"),
        (true, true) => Some("used up by the copy, not sent: its conditions held for the row as it was before"),
        (false, false) => Some("no webhook looks at this model"),
        (false, true) => None,
    }
}

/// Whether it fired, as a sign and in words.
pub(super) fn mark(verdict: VerdictWord) -> Markup {
    let (class, sign, words) = match verdict {
        VerdictWord::Fired => ("yes", "✔", "fired"),
        VerdictWord::Waiting => ("wait", "…", "waits"),
        VerdictWord::AlreadyFired | VerdictWord::NoSubscriber | VerdictWord::OtherOperation | VerdictWord::Unmet | VerdictWord::Failed => {
            ("no", "✘", "did not fire")
        }
    };
    html! { span.mark .(class) { span aria-hidden="true" { (sign) } span.unseen { (words) } } }
}
