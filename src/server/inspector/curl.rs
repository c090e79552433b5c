//! A delivery as a command for a shell. A value of `secret.*` is a variable of its name, to be set by whoever runs it.

use crate::delivery::Signer;
use crate::store::{AttemptRow, DeliveryRow};
use crate::template::{Part, RenderedText, holds_credentials};

/// The command. The signature is that of the attempt, or as it would have been.
pub(super) fn command(delivery: &DeliveryRow, attempt: Option<&AttemptRow>, signer: Option<&Signer>) -> String {
    let at = attempt.map_or(delivery.created_at, |attempt| attempt.started_at);
    // A credential that is written out in the URL stands there for nobody; then its secrets are not variables either.
    let shown = delivery.url.shown_url();
    let url = if shown == delivery.url.masked() { delivery.url.clone() } else { RenderedText::plain(&shown) };
    let mut lines = vec![format!("curl -X {} {}", delivery.method, word(&url, ""))];
    let mut header = |name: &str, value: &RenderedText| lines.push(format!("-H {}", word(value, &format!("{name}: "))));
    let plain = |text: &str| RenderedText::plain(text);
    let own = |name: &str| delivery.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if !own("content-type") {
        header("content-type", &plain(delivery.content_type.as_deref().unwrap_or("application/json")));
    }
    header("webhook-sequence", &plain(&delivery.sequence.to_string()));
    let sent = attempt.and_then(|attempt| attempt.signature.as_deref());
    for (name, value) in signer.map(|signer| signer.sign(delivery.message, at, &delivery.body)).unwrap_or_default() {
        header(name, &plain(if name == "webhook-signature" { sent.unwrap_or(&value) } else { &value }));
    }
    for (name, value) in &delivery.headers {
        // One that is a credential stands there as a variable, whether or not it is a secret by name.
        let is_named = value.parts.iter().any(|part| matches!(part, Part::Secret(_)));
        if holds_credentials(name) && !is_named {
            header(name, &RenderedText { parts: vec![Part::Secret(name.to_string())] });
        } else {
            header(name, value);
        }
    }
    lines.push(format!("--data-binary {}", quoted(&String::from_utf8_lossy(&delivery.body))));
    lines.join(" \\\n  ")
}

/// A word of a shell: text in quotation marks, secrets as variables.
fn word(text: &RenderedText, before: &str) -> String {
    let (mut word, mut plain) = (String::new(), before.to_owned());
    for part in &text.parts {
        match part {
            Part::Text(text) => plain.push_str(text),
            Part::Secret(name) => {
                if !plain.is_empty() {
                    word.push_str(&quoted(&std::mem::take(&mut plain)));
                }
                word.push_str("\"$");
                word.push_str(&variable(name));
                word.push('"');
            }
        }
    }
    if !plain.is_empty() || word.is_empty() {
        word.push_str(&quoted(&plain));
    }
    word
}

/// Text that no shell reads anything into.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''").replace('\0', ""))
}

fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_quotation_marks() {
        assert_eq!(quoted("it's $(rm)"), r"'it'\''s $(rm)'");
        let text = RenderedText { parts: vec![Part::Text("Bearer ".to_owned()), Part::Secret("git-token".to_owned())] };
        assert_eq!(word(&text, "authorization: "), "'authorization: Bearer '\"$GIT_TOKEN\"");
    }
}
