//! The text of `webhookc.toml` as it may be shown: secrets that stand in it are stars. A report reaches terminals, logs and the pages of CI
//! services, and draws the lines beside a mistake, too. Works on broken files, so by the look of the text and not by its structure; offsets
//! stay what they are.

use std::borrow::Cow;
use std::ops::Range;

/// The file that can hold secrets.
const FILE: &str = "webhookc.toml";
/// Keys whose value is a secret when it stands there itself.
const KEYS: [&str; 9] =
    ["secret", "signing_key", "key", "authorization", "proxy-authorization", "cookie", "x-api-key", "password", "token"];
/// What secrets and keys of ours begin with, wherever they stand.
const PREFIXES: [&str; 4] = ["whsec_", "whsk_", "whk_", "whl_"];

/// The text of the file of this name, without its secrets.
pub(super) fn masked<'t>(name: &str, text: &'t str) -> Cow<'t, str> {
    if !name.ends_with(FILE) {
        return Cow::Borrowed(text);
    }
    let mut hidden = values(text);
    hidden.extend(PREFIXES.iter().flat_map(|prefix| prefixed(text, prefix)));
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    let is_hidden = |at: usize| hidden.iter().any(|range| range.contains(&at));
    let mut shown = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if is_hidden(at) && !character.is_whitespace() {
            shown.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// What follows a prefix, as far as it can belong to a secret.
fn prefixed<'t>(text: &'t str, prefix: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
    text.match_indices(prefix).map(move |(at, _)| {
        let begin = at + prefix.len();
        let rest = text.get(begin..).unwrap_or_default();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=' | '_' | '-')).unwrap_or(rest.len());
        begin..begin + length
    })
}

/// The values of keys that are secrets, and all that stand in `[secrets]` themselves.
fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut key, mut in_secrets) = (0, "", false);
    let mut is_value = false;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let hides = is_value && (in_secrets && key != "env" && key != "file" || KEYS.iter().any(|known| key.eq_ignore_ascii_case(known)));
        let length = if let Some(string) = string(rest) {
            let inner = rest.get(string.clone()).unwrap_or_default();
            if hides && !inner.contains("{{") {
                found.push(at + string.start..at + string.end);
            } else if !is_value {
                key = inner;
            }
            let end = string.end + string.start;
            end.min(rest.len())
        } else if rest.starts_with('#') {
            line(rest)
        } else if rest.starts_with('[') && text.get(..at).is_none_or(|before| before.is_empty() || before.ends_with('\n')) {
            in_secrets = rest.starts_with("[secrets]");
            is_value = false;
            line(rest)
        } else if rest.starts_with('=') {
            is_value = true;
            1
        } else if rest.starts_with(['\n', '{']) {
            is_value = false;
            1
        } else if rest.starts_with(',') {
            // In a list the key goes on; in a table another one follows, and then `=`.
            let next = rest.get(1..).map_or("", str::trim_start);
            let token = string(next).map_or_else(|| word(next), |string| string.end + string.start);
            is_value &= token == 0 || !followed_by_equals(next, token);
            1
        } else {
            let word = word(rest);
            if word == 0 {
                rest.chars().next().map_or(1, char::len_utf8)
            } else if hides {
                let end = line(rest);
                found.push(at..at + end);
                end
            } else {
                if !is_value {
                    let whole = rest.get(..word).unwrap_or_default();
                    key = whole.rsplit('.').next().unwrap_or(whole);
                }
                word
            }
        };
        at += length.max(1);
        while at < text.len() && !text.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

/// Bytes of the bare word that the text begins with.
fn word(rest: &str) -> usize {
    rest.find(|c: char| c.is_whitespace() || "=,{}[]\"'#".contains(c)).unwrap_or(rest.len())
}

fn followed_by_equals(rest: &str, word: usize) -> bool {
    rest.get(word..).is_some_and(|behind| behind.trim_start_matches([' ', '\t']).starts_with('='))
}

/// Bytes to the end of the line.
fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// What stands between the quotes that the text begins with; to the end of the line, if they are not closed.
fn string(rest: &str) -> Option<Range<usize>> {
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))?;
    let inner = rest.get(quote.len()..)?;
    let last = if quote.len() == 3 { inner.len() } else { line(inner) };
    let body = inner.get(..last)?;
    let mut end = None;
    let mut from = 0;
    while let Some(found) = body.get(from..).and_then(|rest| rest.find(quote)) {
        let slashes = body.get(..from + found)?.bytes().rev().take_while(|byte| *byte == b'\\').count();
        if slashes % 2 == 0 || quote.starts_with('\'') {
            end = Some(from + found);
            break;
        }
        from += found + 1;
    }
    Some(quote.len()..quote.len() + end.unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_stars_and_nothing_moves() {
        for (text, shown) in [
            ("secret = \"hunter2\"\nname = \"erp\"", "secret = \"*******\"\nname = \"erp\""),
            ("secret = 'hunter2' # note", "secret = '*******' # note"),
            ("secret = \"hunter2", "secret = \"*******"),
            ("secret = hunter2 more\nx = 1", "secret = ******* ****\nx = 1"),
            ("secret = { env = \"NAME\" }", "secret = { env = \"NAME\" }"),
            (
                "previous_secrets = [{ secret = \"hunter2\", until = 2026-12-01 }]",
                "previous_secrets = [{ secret = \"*******\", until = 2026-12-01 }]",
            ),
            (
                "[secrets]\na = \"hunter2\"\nb = { file = \"x\" }\n[vars]\nc = \"y\"",
                "[secrets]\na = \"*******\"\nb = { file = \"x\" }\n[vars]\nc = \"y\"",
            ),
            ("endpoint.signing_key = \"hunter2\"", "endpoint.signing_key = \"*******\""),
            ("headers = { Authorization = \"Bearer x\", Accept = \"y\" }", "headers = { Authorization = \"****** *\", Accept = \"y\" }"),
            ("headers = { \"X-Api-Key\" = \"abc\" }", "headers = { \"X-Api-Key\" = \"***\" }"),
            ("headers = { Authorization = \"Bearer {{ secret.x }}\" }", "headers = { Authorization = \"Bearer {{ secret.x }}\" }"),
            ("secret = \"\"\"\nhunter2\n\"\"\"\nname = \"x\"", "secret = \"\"\"\n*******\n\"\"\"\nname = \"x\""),
            ("# whsec_abc+/= and\nx = whsk_abc", "# whsec_****** and\nx = whsk_***"),
            ("secret = \"häu\\\"ser\" # ä", "secret = \"*********\" # ä"),
            ("url = \"https://x/{{ object.id }}\"", "url = \"https://x/{{ object.id }}\""),
        ] {
            let masked = masked("a/webhookc.toml", text);
            assert_eq!(masked, shown);
            assert_eq!(masked.len(), text.len());
        }
        assert_eq!(masked("schema.xml", "secret = \"hunter2\""), "secret = \"hunter2\"");
    }
}
