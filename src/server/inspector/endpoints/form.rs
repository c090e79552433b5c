//! The form of an endpoint: its fields, what is said beside each, the preview. It works by its buttons alone; the script beside it only
//! presses *Check* as it is written.

use maud::{Markup, html};

use super::said::Said;
use super::written::{TRIGGERS, Written};
use crate::check::ALL_EVENTS;
use crate::program::Program;
use crate::server::inspector::received::{Received, Sentence};

/// Methods that there are.
const METHODS: [&str; 5] = ["POST", "PUT", "PATCH", "DELETE", "GET"];

/// A form to be drawn.
pub(super) struct Form<'a> {
    pub(super) program: &'a Program,
    pub(super) written: &'a Written,
    pub(super) said: &'a Said,
    /// Where it is sent to be kept, and to be checked.
    pub(super) action: &'a str,
    pub(super) check: &'a str,
    /// The word on its button.
    pub(super) keep: &'a str,
    /// The page that is gone back to.
    pub(super) back: &'a str,
    /// Whether this makes an endpoint: only then its secret can be given.
    pub(super) is_new: bool,
    /// What tells this form from any other: however often it is sent, it makes one endpoint.
    pub(super) token: &'a str,
    pub(super) preview: Markup,
}

pub(super) fn draw(form: &Form<'_>) -> Markup {
    let Form { said, written, action, check, .. } = form;
    html! {
        div.two {
            form #endpoint.endpoint method="post" action=(action) data-check=(check) {
                @if form.is_new { input type="hidden" name="form" value=(form.token); }
                (said.elsewhere(written))
                (text(form, &Field { name: "name", label: "Name", hint: "what people call it" }))
                (events(form))
                (request(form))
                (narrowing(form))
                (sending(form))
                (failing(form))
                div.keeping {
                    button.primary { (form.keep) }
                    button formaction=(check) { "Check" }
                    a.button href=(form.back) { "Back" }
                    span.note role="status" #verdict data-said {
                        @if said.is_fine() { "Nothing is wrong." } @else { (said.errors.len()) @if said.errors.len() == 1 { " mistake" } @else { " mistakes" } }
                    }
                }
            }
            (form.preview)
        }
    }
}

/// A field of one line.
struct Field<'a> {
    name: &'a str,
    label: &'a str,
    hint: &'a str,
}

fn text(form: &Form<'_>, field: &Field<'_>) -> Markup {
    let Field { name, label, hint } = *field;
    html! {
        div.part {
            label for=(name) { (label) }
            input.field #(name) name=(name) value=(form.written.get(name)) placeholder=(hint) autocomplete="off" spellcheck="false"
                aria-describedby={ "said-" (name) } aria-invalid=[form.said.is_wrong(name).then_some("true")];
            (form.said.beside(name, form.written))
        }
    }
}

/// A field of several lines; it holds a template, or one a line.
fn area(form: &Form<'_>, field: &Field<'_>, rows: usize) -> Markup {
    let Field { name, label, hint } = *field;
    html! {
        div.part {
            label for=(name) { (label) }
            // A browser swallows the first line break.
            textarea.field #(name) name=(name) rows=(rows) placeholder=(hint) autocomplete="off" spellcheck="false"
                aria-describedby={ "said-" (name) } aria-invalid=[form.said.is_wrong(name).then_some("true")] { "\n" (form.written.get(name)) }
            (form.said.beside(name, form.written))
        }
    }
}

fn tick(form: &Form<'_>, name: &str, value: &str, label: &Markup) -> Markup {
    html! {
        label.tick { input type="checkbox" name=(name) value=(value) checked[form.written.is(name, value)]; " " (label) }
    }
}

fn events(form: &Form<'_>) -> Markup {
    let known: Vec<&str> = form.program.webhooks.iter().map(|webhook| &*webhook.name).collect();
    let unknown = form.written.all("event_types").iter().filter(|name| *name != ALL_EVENTS && !known.contains(&name.as_str()));
    html! {
        fieldset.part aria-describedby="said-event_types" {
            legend { "Event types" }
            div.ticks {
                (tick(form, "event_types", ALL_EVENTS, &html! { "all, also those to come" }))
                @for name in &known { (tick(form, "event_types", name, &html! { (Received(name)) })) }
                @for name in unknown { (tick(form, "event_types", name, &html! { (Received(name)) " " span.pill.bad { "not in the program" } })) }
            }
            (form.said.beside("event_types", form.written))
        }
    }
}

fn request(form: &Form<'_>) -> Markup {
    let method = form.written.get("method");
    html! {
        div.part {
            label for="url" { "URL" }
            div.target {
                select name="method" aria-label="Method" { @for known in METHODS { option selected[known == method] { (known) } } }
                input.field #url name="url" value=(form.written.get("url")) inputmode="url" autocomplete="off" spellcheck="false"
                    aria-describedby="said-url" aria-invalid=[form.said.is_wrong("url").then_some("true")];
            }
            (form.said.beside("url", form.written))
            (form.said.beside("method", form.written))
        }
        (area(form, &Field { name: "headers", label: "Headers", hint: "X-Object: {{ object.id }}" }, 3))
        (area(form, &Field { name: "body", label: "Body", hint: "left empty, the default body is sent" }, 7))
        (text(form, &Field { name: "content_type", label: "Content type of the body", hint: "application/json" }))
        p.note { (Sentence("URL, header values and body are templates: `{{ object.id }}`, `{{ event }}`, `{{ operation }}`.")) }
    }
}

fn narrowing(form: &Form<'_>) -> Markup {
    let model = form.written.get("model");
    let open = ["model", "object", "conditions", "comment"].iter().any(|name| !form.written.get(name).is_empty())
        || form.said.is_wrong("scope")
        || form.said.is_wrong("conditions");
    html! {
        details.part open[open] {
            summary { "Only about some objects" }
            div.part {
                label for="model" { "Model" }
                select.field #model name="model" {
                    option value="" selected[model.is_empty()] { "any" }
                    @for known in &form.program.models { option value=(known.name) selected[*known.name == *model] { (Received(&known.name)) } }
                    @if !model.is_empty() && form.program.model_named(model).is_none() { option value=(model) selected { (Received(model)) } }
                }
            }
            (text(form, &Field { name: "object", label: "Id of the one object", hint: "any" }))
            (form.said.beside("scope", form.written))
            (area(form, &Field { name: "conditions", label: "Conditions, one a line", hint: "object.state = done, open" }, 2))
            (area(form, &Field { name: "comment", label: "Comment", hint: "" }, 2))
        }
    }
}

fn sending(form: &Form<'_>) -> Markup {
    let names = ["timeout", "concurrency", "rate_limit", "signatures", "secret", "order"];
    html! {
        (tick(form, "enabled", "true", &html! { "enabled: a disabled endpoint receives nothing" }))
        details.part open[names.iter().any(|name| form.said.is_wrong(name))] {
            summary { "How it is sent" }
            (text(form, &Field { name: "timeout", label: "Deadline of a request", hint: "15 s" }))
            (text(form, &Field { name: "concurrency", label: "Requests at once", hint: "16" }))
            (text(form, &Field { name: "rate_limit", label: "Requests in a time", hint: "without limit, or such as 100/s" }))
            div.ticks {
                (tick(form, "ordered", "true", &html! { "a later save of an object is never sent before an earlier one" }))
                (tick(form, "signatures", "asymmetric", &html! { "sign with a public key as well (" code { "v1a" } ")" }))
                (tick(form, "signatures", "journey", &html! { "sign with " code { "X-Journey-Signature" } " as well" }))
            }
            (form.said.beside("signatures", form.written))
            @if form.is_new { (text(form, &Field { name: "secret", label: "Signing secret", hint: "whsec_…; left empty, one is made" })) }
        }
    }
}

fn failing(form: &Form<'_>) -> Markup {
    let pattern = form.written.get("pattern");
    html! {
        details.part open[form.said.is_wrong("failures") || form.said.is_wrong("triggers")] {
            summary { "When it fails" }
            fieldset.part {
                legend { "Try again after these failures; after every one if none is checked" }
                div.ticks { @for word in TRIGGERS { (tick(form, "triggers", word, &html! { (word) })) } }
                label for="statuses" { "and after these statuses" }
                input.field #statuses name="statuses" value=(form.written.get("statuses")) placeholder="429 503" autocomplete="off";
                (form.said.beside("triggers", form.written))
            }
            div.part {
                label for="pattern" { "Waits between attempts" }
                select.field #pattern name="pattern" {
                    option value="" selected[pattern.is_empty()] { "as usual: 0 s, 5 s, 5 min … 24 h" }
                    @for (word, meaning) in [("linear", "always the same"), ("exponential", "twice as long each time"), ("schedule", "as listed")] {
                        option value=(word) selected[pattern == word] { (meaning) }
                    }
                }
            }
            (text(form, &Field { name: "interval", label: "The wait, or the first one", hint: "30 s" }))
            (text(form, &Field { name: "max_attempts", label: "Attempts", hint: "as many as the waits give" }))
            (text(form, &Field { name: "schedule", label: "The list of waits", hint: "0 s, 5 s, 5 min" }))
            (text(form, &Field { name: "alert", label: "Who is told: the id of another endpoint, or a URL", hint: "nobody" }))
            div.ticks {
                (tick(form, "divert", "true", &html! { "keep what is given up, to be looked at and sent again" }))
                (tick(form, "suspend_when", "true", &html! { "suspend the endpoint when attempts run out" }))
            }
            (form.said.beside("failures", form.written))
        }
    }
}
