//! What goes on in a node, as lines of a terminal: one per save and decision, request, response and reload.

use std::time::Duration;

use super::deliveries::clock;
use super::output::{harmless, paint};
use crate::activity::{Activity, Decided, Event};
use crate::ids::DEFAULT_TENANT;
use crate::report::Style;

/// The widest that the column of objects becomes.
const WIDEST: usize = 32;

/// A screen that remembers how wide its columns have become.
#[derive(Debug)]
pub(super) struct Screen {
    style: Style,
    /// The node's own address, which need not be repeated.
    own: String,
    object: usize,
    path: usize,
}

impl Screen {
    pub(super) fn new(style: Style, own: String) -> Self {
        Self { style, own, object: 10, path: 17 }
    }

    /// The lines of an event.
    pub(super) fn lines(&mut self, event: &Event) -> Vec<String> {
        let time = paint(self.style, "2", &clock(event.at));
        match &event.what {
            Activity::Saved { tenant, model, object, operation, decisions, .. } => {
                let owner = if tenant.as_str() == DEFAULT_TENANT { String::new() } else { format!("{tenant} ") };
                let about = harmless(&format!("{owner}{model}/{object}"));
                let word = if *operation == "delete" { "delete" } else { "save" };
                self.saved(&time, word, &about, decisions)
            }
            Activity::Sending { delivery, method, url, attempt, .. } => {
                let target = harmless(url.strip_prefix(&self.own).unwrap_or(url));
                self.path = self.path.max(target.chars().count()).min(60);
                let (method, width) = (format!("→ {method:5}"), self.path);
                vec![format!("{time} {method} {target:width$}  {delivery} attempt {attempt}")]
            }
            Activity::Answered { delivery, status, took, note, .. } => {
                let (word, color) = match status {
                    Some(status @ 200..=299) => (status.to_string(), "32"),
                    Some(status) => (status.to_string(), "31"),
                    None => ("✘".to_owned(), "31"),
                };
                let word = paint(self.style, color, &format!("← {word:5}"));
                let width = self.path;
                let took = milliseconds(*took);
                let note = if note.is_empty() { String::new() } else { format!(" {}", harmless(note)) };
                vec![format!("{time} {word} {took:width$}  {delivery}{note}")]
            }
            Activity::Reloaded { lines, live } => {
                let mut lines = lines.iter().map(|line| harmless(line));
                let first = lines.next().unwrap_or_default();
                let first = format!("{time} reload  {}", paint(self.style, if *live { "32" } else { "31" }, &first));
                std::iter::once(first).chain(lines.map(|line| format!("{:17}{line}", ""))).collect()
            }
            Activity::Source { what, why } => {
                let color = if why.is_some() { "31" } else { "32" };
                let first = format!("{time} source  {}", paint(self.style, color, what));
                let rest = why.iter().flat_map(|why| why.split("; "));
                std::iter::once(first).chain(rest.map(|line| format!("{:17}{}", "", harmless(line)))).collect()
            }
            Activity::Begun | Activity::Stopping => Vec::new(),
        }
    }

    fn saved(&mut self, time: &str, word: &str, about: &str, decisions: &[Decided]) -> Vec<String> {
        self.object = self.object.max(about.chars().count()).min(WIDEST);
        let width = self.object;
        let words: Vec<String> = decisions
            .iter()
            .map(|decision| {
                if decision.fired {
                    format!("{} {}", decision.webhook, paint(self.style, "32", "✔"))
                } else {
                    format!("{} {} {}", decision.webhook, paint(self.style, "33", "✘"), harmless(&decision.why))
                }
            })
            .collect();
        let first = words.first().map_or("no webhook", String::as_str);
        let mut lines = vec![format!("{time} {word:7} {about:width$} {first}")];
        lines.extend(words.iter().skip(1).map(|decision| format!("{:17}{:width$} {decision}", "", "")));
        lines
    }
}

/// A duration as people compare them: tenths only where they matter.
fn milliseconds(took: Duration) -> String {
    let exact = took.as_secs_f64() * 1e3;
    if exact < 10.0 { format!("{exact:.1} ms") } else { format!("{exact:.0} ms") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};

    fn lines(screen: &mut Screen, what: Activity) -> Vec<String> {
        // Without the time, which is local.
        screen.lines(&Event { number: 1, at: Timestamp::UNIX_EPOCH, what }).into_iter().map(|line| line.chars().skip(9).collect()).collect()
    }

    #[test]
    fn each_event_has_its_line() {
        let mut screen = Screen::new(Style::PLAIN, "http://127.0.0.1:7357".to_owned());
        let delivery = DeliveryId(Uuid::from_u128(1));
        let decided = |webhook: &str, why: &str| Decided { webhook: webhook.into(), fired: why.is_empty(), why: why.to_owned() };
        let saved = Activity::Saved {
            tenant: Tenant::new(DEFAULT_TENANT),
            model: "asset".into(),
            object: "a1".into(),
            operation: "create",
            sequence: Sequence(1),
            decisions: vec![decided("asset_ready", "asset_photo is present, needs uploaded"), decided("asset_saved", "")],
            messages: Vec::new(),
            took: Duration::ZERO,
            parent: None,
        };
        assert_eq!(
            lines(&mut screen, saved),
            ["save    asset/a1   asset_ready ✘ asset_photo is present, needs uploaded", "                   asset_saved ✔",]
        );
        let sending = Activity::Sending {
            tenant: Tenant::new(DEFAULT_TENANT),
            delivery,
            message: MessageId(Uuid::from_u128(2)),
            endpoint: EndpointId::new("ep_sink"),
            method: "POST".into(),
            url: "http://127.0.0.1:7357/sink/asset_ready".into(),
            attempt: 1,
        };
        assert_eq!(lines(&mut screen, sending), [format!("→ POST  /sink/asset_ready  {delivery} attempt 1")]);
        let tenant = Tenant::new(DEFAULT_TENANT);
        let took = Duration::from_micros(3140);
        let answered = |status, note: &str| Activity::Answered { tenant: tenant.clone(), delivery, status, took, note: note.into() };
        assert_eq!(lines(&mut screen, answered(Some(200), "")), [format!("← 200   3.1 ms             {delivery}")]);
        let failed = lines(&mut screen, answered(None, "connection refused\x1b[2J · retry in 5 s"));
        assert_eq!(failed, [format!("← ✘     3.1 ms             {delivery} connection refused\u{fffd}[2J · retry in 5 s")]);
        let stopped = Activity::Source { what: "stands still", why: Some("there is no slot `a\u{1b}`; run `webhookc source init`".into()) };
        assert_eq!(
            lines(&mut screen, stopped),
            ["source  stands still", "        there is no slot `a\u{fffd}`", "        run `webhookc source init`",]
        );
        let reads = Activity::Source { what: "goes on: the database is read", why: None };
        assert_eq!(lines(&mut screen, reads), ["source  goes on: the database is read"]);
        let rejected: Arc<[String]> = ["rejected, 1 error".to_owned(), "schema.xml:1:1: error[WH0203]: x".to_owned()].into();
        assert_eq!(
            lines(&mut screen, Activity::Reloaded { lines: rejected, live: false }),
            ["reload  rejected, 1 error", "        schema.xml:1:1: error[WH0203]: x"]
        );
    }
}
