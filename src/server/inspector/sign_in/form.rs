//! The pages of whoever is not signed in: the form, what a link leads to, and that nothing was done. They need no script.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::SIGN_IN;
use crate::server::Problem;
use crate::server::inspector::page::{answer, whole};
use crate::server::inspector::received::Sentence;

/// What the form says.
pub(super) struct SignIn<'a> {
    /// Where to go then; empty: home.
    pub(super) back: &'a str,
    /// Why the form is shown again.
    pub(super) why: Option<&'a Problem>,
}

pub(super) fn draw(status: StatusCode, shown: &SignIn<'_>) -> Response {
    let main = html! {
        h1 { "Sign in" }
        @if let Some(why) = shown.why {
            div.mistakes #why role="alert" {
                p { (Sentence(why.detail())) }
                @if let Some(help) = why.advice() { p { (Sentence(help)) } }
            }
        }
        form method="post" action=(SIGN_IN) {
            input type="hidden" name="back" value=(shown.back);
            label for="key" { "Key" }
            input #key.field type="password" name="key" required autofocus autocomplete="current-password" spellcheck="false"
                placeholder="whk_…" aria-describedby=[shown.why.map(|_| "why")] aria-invalid=[shown.why.map(|_| "true")];
            button.primary { "Sign in" }
        }
        p.note { (Sentence("A key is shown once, when it is made: `webhookc keys create` makes one. A link, `whl_…`, works as well.")) }
    };
    answer(status, door("Sign in", &main))
}

/// A button that signs in with a link.
pub(super) fn draw_link(link: &str) -> Response {
    let main = html! {
        h1 { "Open the page" }
        p { "This link shows the webhooks of one tenant, until it ends." }
        form method="post" action=(SIGN_IN) {
            input type="hidden" name="key" value=(link);
            button.primary { "Open" }
        }
    };
    answer(StatusCode::OK, door("Open the page", &main))
}

/// What a form is answered whose sender is not signed in any more.
pub(super) fn draw_undone() -> Response {
    let main = html! {
        div role="alert" {
            h1 { "Nothing was changed" }
            p { "You are not signed in any more. What you had written is a step back in the browser: sign in on another page, go back here, and send it again." }
        }
        p { a.button href=(SIGN_IN) target="_blank" { "Sign in on another page" } }
    };
    answer(StatusCode::UNAUTHORIZED, door("Nothing was changed", &main))
}

fn door(title: &str, main: &Markup) -> Markup {
    whole(
        &format!("{title} · webhookc"),
        &html! {
            body {
                header.bar { a.brand href="/" { "webhookc" } }
                main #main.door { (main) }
            }
        },
    )
}
