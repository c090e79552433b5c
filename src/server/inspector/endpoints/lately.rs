//! How an endpoint has done lately: attempts and failures, and how long they took, by time. Pictures are drawn here, as SVG without a style
//! or script; beside each stands the same as a table, and above both in words.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::ids::EndpointId;
use crate::server::Problem;
use crate::server::Running;
use crate::server::inspector::page::Page;
use crate::store::{Lately, Tried, TriedLately};

/// Deliveries that are looked at for a chart: some tens of milliseconds of a reader.
const MOST: usize = 10_000;
/// Parts that a window is cut into.
const PARTS: usize = 48;
/// Size of a picture, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 110.0;

/// A window of time, as it stands in the address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    Hour,
    Day,
    Week,
}

impl Window {
    const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|window| window.name() == name).unwrap_or(Self::Day)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "24 hours",
            Self::Week => "7 days",
        }
    }

    const fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
            Self::Week => Duration::from_hours(7 * 24),
        }
    }
}

/// What was tried in one part of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    attempts: usize,
    failed: usize,
    /// Half took no longer, and 95 of 100; of those that were answered or not.
    half: Duration,
    most: Duration,
}

/// The section of an endpoint's page.
pub(super) async fn draw(page: &Page, running: &Running, id: &str, window: Window) -> Result<Markup, Problem> {
    let now = running.ingest.clock.now();
    let since = now.saturating_sub(window.length()).unwrap_or(Timestamp::MIN);
    let lately = running.ingest.store.tried_lately(&page.scope, &EndpointId::new(id), Lately { since, most: MOST }).await?;
    let link = |window: Window| format!("{}?last={}#lately", page.address.endpoint(id), window.name());
    Ok(html! {
        section aria-labelledby="lately" {
            h2 #lately { "Lately" }
            nav.states aria-label="Window" {
                @for known in Window::ALL { a href=(link(known)) aria-current=[(known == window).then_some("true")] { (known.words()) } }
            }
            @if lately.attempts.is_empty() { p.note { "Nothing was sent to it in the last " (window.words()) "." } }
            @else { (charts(&lately, since, window)) }
        }
    })
}

fn charts(lately: &TriedLately, since: Timestamp, window: Window) -> Markup {
    let parts = parts(&lately.attempts, since, window.length());
    let whole = summed(&lately.attempts.iter().collect::<Vec<_>>());
    let begin = |index: usize| since.saturating_add(window.length().mul_f64(ratio(index, PARTS))).unwrap_or(since);
    html! {
        p #in-words { (words(&whole)) @if lately.is_cut { " Of the last " (MOST) " deliveries." } }
        div.charts {
            figure {
                figcaption #chart-failures { span.dot.fine {} " Attempts, and " span.dot.failed {} " how many failed" span.quiet { " · at most " (parts.iter().map(|part| part.attempts).max().unwrap_or(0)) } }
                (bars(&parts))
            }
            figure {
                figcaption #chart-times { "How long they took: " span.dot.half {} " half, " span.dot.most {} " 95 of 100" span.quiet { " · at most " (time(parts.iter().map(|part| part.most).max().unwrap_or_default())) } }
                (curves(&parts))
            }
        }
        details {
            summary { "As a table" }
            div.beyond { table.numbers {
                thead { tr { th scope="col" { "From" } th scope="col" { "Attempts" } th scope="col" { "Failed" } th scope="col" { "Rate" } th scope="col" { "Half within" } th scope="col" { "95 of 100 within" } } }
                tbody {
                    @for (index, part) in parts.iter().enumerate().rev().filter(|(_, part)| part.attempts > 0) {
                        tr {
                            th scope="row" { (clock(begin(index))) }
                            td { (part.attempts) } td { (part.failed) } td { (rate(part)) } td { (time(part.half)) } td { (time(part.most)) }
                        }
                    }
                }
            } }
        }
    }
}

/// The attempts by part of the window.
fn parts(attempts: &[Tried], since: Timestamp, length: Duration) -> Vec<Part> {
    let mut sorted: Vec<Vec<&Tried>> = vec![Vec::new(); PARTS];
    for attempt in attempts {
        let after = attempt.at.duration_since(since).as_millis().max(0).unsigned_abs();
        let index = usize::try_from(after * PARTS as u128 / length.as_millis().max(1)).unwrap_or(usize::MAX);
        // What began in this very moment belongs to the last one.
        if let Some(part) = sorted.get_mut(index.min(PARTS - 1)) {
            part.push(attempt);
        }
    }
    sorted.iter().map(|attempts| summed(attempts)).collect()
}

fn summed(attempts: &[&Tried]) -> Part {
    let mut took: Vec<Duration> = attempts.iter().map(|attempt| attempt.took).collect();
    took.sort_unstable();
    // The smallest that so many of a hundred do not exceed.
    let within = |percent: usize| took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    let failed = attempts.iter().filter(|attempt| !attempt.succeeded).count();
    Part { attempts: attempts.len(), failed, half: within(50), most: within(95) }
}

fn words(part: &Part) -> String {
    let attempts = if part.attempts == 1 { "attempt" } else { "attempts" };
    let (half, most) = (time(part.half), time(part.most));
    format!(
        "{} {attempts}, {} failed ({}). Half took no longer than {half}, 95 of 100 no longer than {most}.",
        part.attempts,
        part.failed,
        rate(part)
    )
}

fn rate(part: &Part) -> String {
    let percent = ratio(part.failed, part.attempts) * 100.0;
    if percent > 0.0 && percent < 1.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a chart are small")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn time(took: Duration) -> String {
    match took.as_micros() {
        0..10_000 => format!("{:.1} ms", took.as_secs_f64() * 1_000.0),
        10_000..1_000_000 => format!("{} ms", took.as_millis()),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%m-%d %H:%M").to_string()
}

/// Where a part begins and how wide it is.
fn place(index: usize) -> (f64, f64) {
    let width = WIDTH * ratio(1, PARTS);
    (WIDTH * ratio(index, PARTS), width)
}

/// A bar for each part: what succeeded, and on it what failed.
fn bars(parts: &[Part]) -> Markup {
    let highest = parts.iter().map(|part| part.attempts).max().unwrap_or(0);
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby="chart-failures in-words" preserveAspectRatio="none" {
            @for (index, part) in parts.iter().enumerate().filter(|(_, part)| part.attempts > 0) {
                @let (x, width) = place(index);
                @let (whole, failed) = (HEIGHT * ratio(part.attempts, highest), HEIGHT * ratio(part.failed, highest));
                rect.fine x=(format!("{:.1}", x + 1.0)) y=(format!("{:.1}", HEIGHT - whole + failed)) width=(format!("{:.1}", width - 2.0)) height=(format!("{:.1}", whole - failed)) {}
                rect.failed x=(format!("{:.1}", x + 1.0)) y=(format!("{:.1}", HEIGHT - whole)) width=(format!("{:.1}", width - 2.0)) height=(format!("{failed:.1}")) {}
            }
        }
    }
}

/// A curve of what half took at most, and one of what nearly all did; where nothing was sent there is a gap.
fn curves(parts: &[Part]) -> Markup {
    let highest = parts.iter().map(|part| part.most).max().unwrap_or_default().as_secs_f64().max(f64::MIN_POSITIVE);
    let curve = |value: &dyn Fn(&Part) -> Duration| {
        let (mut path, mut under_way) = (String::new(), false);
        for (index, part) in parts.iter().enumerate() {
            if part.attempts == 0 {
                under_way = false;
                continue;
            }
            let (x, width) = place(index);
            let y = HEIGHT - (HEIGHT - 2.0) * value(part).as_secs_f64() / highest;
            // A step as wide as its part, so that a single one is seen as well.
            let _infallible = write!(path, "{}{x:.1} {y:.1}H{:.1}", if under_way { "L" } else { "M" }, x + width);
            under_way = true;
        }
        path
    };
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby="chart-times in-words" preserveAspectRatio="none" {
            path.most d=(curve(&|part| part.most)) {}
            path.half d=(curve(&|part| part.half)) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_where_they_began() {
        let since = Timestamp::UNIX_EPOCH;
        let tried = |seconds: i64, succeeded: bool, milliseconds: u64| Tried {
            at: Timestamp::from_second(seconds).unwrap(),
            succeeded,
            took: Duration::from_millis(milliseconds),
        };
        // Parts of 75 seconds.
        let attempts = [tried(0, true, 10), tried(74, false, 30), tried(75, true, 5), tried(3_600, true, 7)];
        let parts = parts(&attempts, since, Window::Hour.length());
        let part =
            |attempts, failed, half, most| Part { attempts, failed, half: Duration::from_millis(half), most: Duration::from_millis(most) };
        assert_eq!(parts[0], part(2, 1, 10, 30));
        assert_eq!((&parts[1], &parts[PARTS - 1]), (&part(1, 0, 5, 5), &part(1, 0, 7, 7)));
        assert_eq!(rate(&parts[0]), "50 %");
        assert_eq!(words(&parts[1]), "1 attempt, 0 failed (0 %). Half took no longer than 5.0 ms, 95 of 100 no longer than 5.0 ms.");
    }
}
