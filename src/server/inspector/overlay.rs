//! Why the files make no program: laid over every page until they do.

use maud::{Markup, html};

use super::received::{Received, Sentence};
use crate::reload::Rejection;
use crate::report::{Frame, Framed};

/// The overlay. It can be folded, and is another one when something else is wrong.
pub(super) fn draw(rejection: &Rejection) -> Markup {
    let (first, rest) = rejection.report.lines.split_first().map_or(("rejected", &[][..]), |(first, rest)| (first.as_str(), rest));
    html! {
        details.overlay open role="alert" data-key=(rejection.at.to_string()) {
            summary { strong { "The files make no program" } " · " (Received(first)) }
            div.findings {
                @for finding in &rejection.findings { (draw_finding(finding)) }
                @if rejection.left_out > 0 { p.note { "and " (rejection.left_out) " more, see the terminal" } }
                @if rejection.findings.is_empty() {
                    @for line in rest { pre.plain { (Received(line)) } }
                }
            }
        }
    }
}

fn draw_finding(finding: &Framed) -> Markup {
    html! {
        section.finding {
            h2 {
                @if let Some(code) = &finding.code { span.code { (code) } " " }
                (Sentence(&finding.message))
            }
            (frame(&finding.frame))
            @for help in &finding.help { p.help { "help: " (Sentence(help)) } }
        }
    }
}

/// Lines of a file with a place in them.
pub(super) fn frame(frame: &Frame) -> Markup {
    html! {
        figure.frame {
            figcaption { (Received(&frame.file)) ":" (frame.line) ":" (frame.column) }
            pre {
                @for line in &frame.lines {
                    span.line .here[line.number == frame.line] {
                        span.number { (line.number) }
                        code { (Received(&line.before)) @if !line.marked.is_empty() { mark { (Received(&line.marked)) } } (Received(&line.after)) }
                    }
                }
            }
        }
    }
}
