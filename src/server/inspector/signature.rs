//! The signatures of an attempt: what was signed, which key did it, and whether that is so, checked as a receiver checks it.

use maud::{Markup, html};

use super::received::Received;
use super::secrecy::HIDDEN;
use crate::delivery::{Checked, KeyName};
use crate::generation::Target;
use crate::store::{AttemptRow, DeliveryRow};

/// Characters of what was signed that are shown.
const SHOWN: usize = 400;

/// What the signatures of an attempt are shown with.
pub(super) struct Signed<'a> {
    pub delivery: &'a DeliveryRow,
    pub attempt: &'a AttemptRow,
    /// How the endpoint is called by the program in force.
    pub target: Option<&'a Target>,
    /// Whether the body may not be shown.
    pub hidden: bool,
    /// Whether the secret is asked for.
    pub revealed: bool,
    /// Whether it may be asked for.
    pub can_reveal: bool,
    /// Where it can be asked for.
    pub reveal: String,
}

pub(super) fn draw(signed: &Signed<'_>) -> Markup {
    let (id, timestamp) = (signed.delivery.message.to_string(), signed.attempt.started_at.as_second().to_string());
    let Some(target) = signed.target else {
        return html! { p.note { "The program in force has no such endpoint, so that its keys are not at hand." } };
    };
    let header = signed.attempt.signature.as_deref();
    let checked = header.map(|header| target.signer.check((&id, &timestamp), &signed.delivery.body, header));
    html! {
        dl.facts {
            dt { "String to sign" }
            dd { code.breaks { (id) "." (timestamp) "." @if signed.hidden { (HIDDEN) } @else { (Received(&body(&signed.delivery.body))) } } }
            dt { "webhook-signature" }
            dd {
                @match checked {
                    Some(checked) => { @for signature in &checked { (one(signature)) } },
                    None => { p.note { "Not kept for this attempt. These keys sign:" } },
                }
            }
            dt { "Keys" }
            dd { ul.plain {
                @for key in target.signer.key_names() { li { (name(&key)) } }
                li {
                    @if signed.revealed { code.breaks { (target.signer.secret().reveal()) } }
                    @else {
                        code { "whsec_" (HIDDEN) }
                        @if signed.can_reveal { " " a href=(signed.reveal) { "Show the secret" } }
                    }
                }
            } }
        }
    }
}

fn one(checked: &Checked) -> Markup {
    html! {
        p {
            code.breaks { (Received(&checked.signature)) } " "
            @match &checked.key {
                Some(key) => { span.pill.ok { "verified" } " made with " (name(key)) },
                None => { span.pill.bad { "not verified" } " made with none of the keys that are known" },
            }
        }
    }
}

fn name(key: &KeyName) -> Markup {
    let kind = match key.version {
        "v1" => "secret",
        "v1a" => "Ed25519 key",
        _ => "RSA key",
    };
    html! {
        (kind) " " code { (Received(&key.id)) }
        @if let Some(until) = key.until { " (retired, valid until " (until) ")" }
    }
}

fn body(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let more = text.chars().count().saturating_sub(SHOWN);
    if more == 0 { text.into_owned() } else { format!("{}… and {more} more characters", text.chars().take(SHOWN).collect::<String>()) }
}
