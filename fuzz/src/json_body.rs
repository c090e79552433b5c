//! A structural body: any text as a JSON template. What compiles renders as JSON.

use super::template::renders;
use super::world::Place;

/// Words of structural templates.
pub const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\"\"",
    "{}",
    "[]",
    "\"$for\"",
    "\"$in\"",
    "\"$where\"",
    "\"$do\"",
    "\"$if\"",
    "\"$then\"",
    "\"$else\"",
    "\"$fro\"",
    "\"a?\": ",
    "\"a\": ",
    "\"{{ object.name }}\"",
    "\"{{ object.size }}\"",
    "\"{{ object }}\"",
    "\"{{ room }}\"",
    "\"{{ p }}\"",
    "\"p\"",
    "\"object.tags\"",
    "\"object.title\"",
    "{{ ",
    " }}",
    "{% if ",
    "{% endif %}",
    "object.",
    "name",
    "null",
    "true",
    "1",
    "-0",
    "1e5",
    "0.1",
    "18446744073709551616",
    "\\u0041",
    "\\ud83d\\ude00",
    "\\n",
    "\\\"",
    "\\",
    "é",
    "\u{1f600}",
    "\n",
    " ",
    "//",
    "'",
    "NaN",
];

/// Runs the target.
pub fn run(bytes: &[u8]) {
    if let Ok(template) = std::str::from_utf8(bytes) {
        renders(Place::JsonBody, template);
    }
}
