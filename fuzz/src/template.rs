//! A template in each place where one may stand; the first byte chooses it. What compiles without an error or a warning renders for
//! every save of the world.

use webhookc::diagnostics::Severity;

use super::fire::fire;
use super::sound::compiled;
use super::world::{Place, project};

/// Words of templates.
pub const WORDS: &[&str] = &[
    "{{ ",
    " }}",
    "{{- ",
    " -}}",
    "{% ",
    " %}",
    "{# ",
    " #}",
    "if ",
    "elif ",
    "else",
    "endif",
    "for ",
    " in ",
    "endfor",
    "raw",
    "endraw",
    "object",
    "asset",
    "room",
    ".name",
    ".title",
    ".size",
    ".status",
    ".tags",
    ".place.altitude",
    ".photo.original",
    "previous",
    "operation",
    "event",
    "sequence",
    "timestamp",
    "vars.base_url",
    "secret.token",
    "changed('title')",
    "loop.index",
    " and ",
    " or ",
    "not ",
    " is defined",
    " is none",
    " == ",
    " != ",
    " < ",
    " ~ ",
    " + ",
    " // ",
    " % ",
    " ** ",
    " if ",
    " else ",
    "|default('x')",
    "|upper",
    "|join(', ')",
    "|map(attribute='name')",
    "|tojson",
    "|date('%Y')",
    "|round(2)",
    "|length",
    "|sort",
    "|truncate(3)",
    "|urlencode",
    "'",
    "\"",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "[0]",
    "[1:2]",
    ":",
    ",",
    "|",
    ".",
    "none",
    "true",
    "1",
    "-1",
    "2.5",
    "9223372036854775808",
    "1e400",
    "https://",
    "http://localhost/",
    "@",
    "?",
    "#",
    "/",
    "..",
    "%2e",
    "é",
    "\u{1f600}",
    "\n",
    "\r",
    "\t",
    "\u{0}",
    "\u{2028}",
];

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok(template) = std::str::from_utf8(rest) else { return };
    let place = match first {
        b'u' => Place::Url,
        b'h' => Place::Header,
        b'j' => Place::JsonBody,
        b'w' => Place::When,
        _ => Place::TextBody,
    };
    renders(place, template);
}

/// Compiles a template in a place; if nothing is wrong with it, renders it.
pub(super) fn renders(place: Place, template: &str) {
    let compilation = compiled(|| project(place, template));
    let Some(rules) = &compilation.rules else { return };
    let promised = compilation.diagnostics.count(Severity::Warning) == 0;
    for request in fire(rules) {
        match request {
            Ok(request) => {
                let origin = |url: &str| url.split('/').take(3).collect::<Vec<_>>().join("/");
                let url = request.url.masked();
                assert!(place == Place::Url || origin(&url) == "https://example.com", "the request goes to {url}");
                if let Some((kind, body)) = request.body
                    && &*kind == "application/json"
                {
                    let read = serde_json::from_slice::<serde_json::Value>(&body);
                    assert!(read.is_ok(), "a JSON body is none: {read:?}");
                }
                for (name, value) in request.headers {
                    assert!(!value.masked().chars().any(char::is_control), "the header {name} holds a control character");
                }
            }
            // What values do to a URL's path, and how long the whole is, nobody knows before.
            Err(error) if error.what.starts_with("a path segment came out as") || error.what.contains("longer than") => {}
            Err(error) => assert!(!promised, "compiled without a warning, and then: {error}"),
        }
    }
}
