//! What is said about the fields of the form: each mistake of the document beside the field that it stands in, with the place underlined.

use maud::{Markup, html};

use super::written::Written;
use crate::server::inspector::received::{Received, Sentence};
use crate::server::problem::{Mistake, TextSpan};

/// Characters before and after the place that are shown with it.
const AROUND: usize = 60;

/// What is wrong, and what is worth knowing.
#[derive(Default)]
pub(super) struct Said {
    pub(super) errors: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
}

/// The fields of the form by the beginning of the pointers into them.
const FIELDS: [(&str, &str); 19] = [
    ("/name", "name"),
    ("/comment", "comment"),
    ("/event_types", "event_types"),
    ("/scope", "scope"),
    ("/conditions", "conditions"),
    ("/url", "url"),
    ("/method", "method"),
    ("/headers", "headers"),
    ("/body", "body"),
    ("/content_type", "content_type"),
    ("/enabled", "enabled"),
    ("/timeout", "timeout"),
    ("/concurrency", "concurrency"),
    ("/rate_limit", "rate_limit"),
    ("/order", "order"),
    ("/signatures", "signatures"),
    ("/secret", "secret"),
    ("/failure_handling/triggers", "triggers"),
    ("/failure_handling", "failures"),
];

/// The field that a pointer leads to.
fn field_of(pointer: &str) -> &'static str {
    let within = |prefix: &str| pointer.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    FIELDS.iter().find(|(prefix, _)| within(prefix)).map_or("", |(_, field)| field)
}

impl Said {
    pub(super) fn is_fine(&self) -> bool {
        self.errors.is_empty()
    }

    /// Whether something is wrong with a field.
    pub(super) fn is_wrong(&self, field: &str) -> bool {
        self.errors.iter().any(|mistake| field_of(&mistake.pointer) == field)
    }

    /// What is said beside a field; an empty place when nothing is, to be filled as it is written.
    pub(super) fn beside(&self, field: &str, written: &Written) -> Markup {
        let of = |mistakes: &'_ [Mistake]| -> Vec<Markup> {
            mistakes.iter().filter(|mistake| field_of(&mistake.pointer) == field).map(|mistake| one(mistake, written)).collect()
        };
        html! {
            div.said #{ "said-" (field) } data-said aria-live="polite" {
                @for error in of(&self.errors) { div.wrong { (error) } }
                @for warning in of(&self.warnings) { div.worth { (warning) } }
            }
        }
    }

    /// What belongs to no field.
    pub(super) fn elsewhere(&self, written: &Written) -> Markup {
        self.beside("", written)
    }
}

fn one(mistake: &Mistake, written: &Written) -> Markup {
    let text = text_of(&mistake.pointer, written);
    html! {
        p {
            @if let Some(span) = &mistake.span { span.place { (span.start.line) ":" (span.start.column) } " " }
            (Sentence(&mistake.detail)) " " span.code { (mistake.code) }
        }
        @if let (Some(span), Some(text)) = (&mistake.span, text) { (excerpt(&text, span)) }
        @if let Some(help) = &mistake.help { p.help { (Sentence(help)) } }
    }
}

/// The text that a span of this pointer lies in.
fn text_of(pointer: &str, written: &Written) -> Option<String> {
    let index = |prefix: &str| pointer.strip_prefix(prefix).and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
    match field_of(pointer) {
        "url" => Some(written.get("url").trim().to_owned()),
        "body" => Some(written.get("body").to_owned()),
        "content_type" => Some(written.get("content_type").trim().to_owned()),
        "scope" => Some(written.get("model").trim().to_owned()),
        "event_types" => written.all("event_types").get(index("/event_types/")?).cloned(),
        "headers" => written.written_lines("headers").nth(index("/headers/")?)?.split_once(':').map(|(_, value)| value.trim().to_owned()),
        "conditions" => {
            written.written_lines("conditions").nth(index("/conditions/")?)?.split_once('=').map(|(path, _)| path.trim().to_owned())
        }
        _ => None,
    }
}

/// The line around the place, with the place marked.
fn excerpt(text: &str, span: &TextSpan) -> Markup {
    let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
    let (start, end) = (at(span.start.offset), at(span.end.offset).max(at(span.start.offset)));
    let (Some(before), Some(marked), Some(after)) = (text.get(..start), text.get(start..end), text.get(end..)) else { return html! {} };
    let before = before.rsplit('\n').next().unwrap_or_default();
    let (marked, cut) = match marked.split_once('\n') {
        Some((line, _)) => (line, true),
        None => (marked, false),
    };
    let after = if cut { "" } else { after.split('\n').next().unwrap_or_default() };
    let skipped = before.chars().count().saturating_sub(AROUND);
    let before: String = before.chars().skip(skipped).collect();
    let shown: String = after.chars().take(AROUND).collect();
    html! {
        code.excerpt {
            @if skipped > 0 { "…" } (Received(&before))
            // A place without extent is shown where it is.
            mark { @if marked.is_empty() { "‸" } @else { (Received(marked)) } }
            (Received(&shown)) @if shown.len() < after.len() || cut { "…" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::problem::TextPlace;

    #[test]
    fn a_mistake_stands_beside_its_field_with_its_place_marked() {
        for (pointer, field) in [
            ("/url", "url"),
            ("/headers/2", "headers"),
            ("/failure_handling/triggers/0", "triggers"),
            ("/failure_handling/retry/interval", "failures"),
            ("", ""),
            ("/urls", ""),
        ] {
            assert_eq!(field_of(pointer), field, "{pointer}");
        }
        let place = |offset| TextPlace { offset, line: 1, column: offset + 1 };
        let span = TextSpan { start: place(3), end: place(6) };
        assert_eq!(excerpt("a/<bé>/c\nd", &span).into_string(), "<code class=\"excerpt\">a/&lt;<mark>bé</mark>&gt;/c</code>");
        assert_eq!(excerpt("é", &span).into_string(), "<code class=\"excerpt\">é<mark>‸</mark></code>");
    }
}
