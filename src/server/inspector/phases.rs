//! Where the time of an attempt went: a bar of its phases, and the same in words.

use std::time::Duration;

use maud::{Markup, html};

use crate::store::AttemptRow;

/// Units of the bar.
const WIDTH: f64 = 1000.0;

/// The phases of an attempt. Looking up, connecting and shaking hands come one after the other; the wait for the answer begins when the
/// request is handed over, and the rest of the answer is read to the end.
pub(super) fn draw(attempt: &AttemptRow) -> Markup {
    let timing = &attempt.timing;
    let waited = [timing.resolve, timing.connect, timing.tls, timing.first_byte];
    let named = [("resolve", timing.resolve), ("connect", timing.connect), ("tls", timing.tls), ("first byte", timing.first_byte)];
    let before: Duration = waited.iter().flatten().sum();
    let rest = attempt.took.saturating_sub(before);
    let phases: Vec<(usize, &str, Duration)> = named
        .into_iter()
        .chain([("the rest", (timing.first_byte.is_some() && !rest.is_zero()).then_some(rest))])
        .enumerate()
        .filter_map(|(index, (name, took))| Some((index, name, took?)))
        .collect();
    if phases.is_empty() {
        return html! {};
    }
    let whole = phases.iter().map(|(_, _, took)| *took).sum::<Duration>().as_secs_f64().max(f64::EPSILON);
    let mut x = 0.0;
    let bars: Vec<(usize, f64, f64)> = phases
        .iter()
        .map(|(index, _, took)| {
            let width = took.as_secs_f64() / whole * WIDTH;
            let bar = (*index, x, width);
            x += width;
            bar
        })
        .collect();
    html! {
        div.phases {
            svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="Where the time went" {
                @for (index, x, width) in &bars { rect class={ "phase-" (index) } x=(format!("{x:.1}")) width=(format!("{width:.1}")) height="10" {} }
            }
            ul {
                @for (index, name, took) in &phases { li { span class={ "dot phase-" (index) } {} " " (name) " " b { (duration(*took)) } } }
                @if timing.reused { li { "over a kept connection" } }
            }
        }
    }
}

/// The whole time.
pub(super) fn whole(took: Duration) -> Markup {
    html! { span.took { (duration(took)) } }
}

fn duration(took: Duration) -> String {
    let exact = took.as_secs_f64() * 1e3;
    match exact {
        ..0.1 => format!("{:.0} µs", exact * 1e3),
        ..10.0 => format!("{exact:.1} ms"),
        ..1000.0 => format!("{exact:.0} ms"),
        _ => format!("{:.1} s", exact / 1e3),
    }
}
