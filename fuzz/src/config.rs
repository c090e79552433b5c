//! Any bytes as `webhookc.toml`: mistakes have places, and what is read can be compiled with.

use std::path::PathBuf;

use webhookc::compile::Input;
use webhookc::config::parse;
use webhookc::text::SourceMap;

use super::sound::{compiled, is_place};

const SCHEMA: &str = include_str!("world.xml");

/// Words of project files.
pub const WORDS: &[&str] = &[
    "app",
    "server",
    "schemas",
    "templates",
    "listen",
    "store",
    "vars",
    "secrets",
    "receivers",
    "endpoints",
    "egress",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\"",
    "'",
    "\"\"\"",
    "\n",
    "#",
    "name = \"a\"\n",
    "events = \"*\"\n",
    "events = [\"asset_saved\"]\n",
    "url = \"https://e.example/{{ object.name }}\"\n",
    "headers = { a = \"{{ secret.token }}\" }\n",
    "body = \"{}\"\n",
    "template = \"x.json\"\n",
    "content_type = \"text/plain\"\n",
    "timeout = \"15s\"\n",
    "secret = { env = \"T\" }\n",
    "secret = ",
    "signatures = [\"standard\"]\n",
    "concurrency = 4\n",
    "failure_handling",
    "triggers",
    "retry",
    "pattern",
    "linear",
    "exponential",
    "interval",
    "max_attempts",
    "allow_networks = [\"10.0.0.0/8\"]\n",
    "true",
    "1",
    "-1",
    "1e9",
    "0x7f",
    "1979-05-27",
    "\\u00e9",
    "\\x",
    "é",
    "\u{1f600}",
    "\u{0}",
    "\r\n",
    "\u{feff}",
    "{{ ",
    " }}",
    "vars.a",
    "secret.token",
];

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let mut sources = SourceMap::default();
    let file = sources.add("webhookc.toml", bytes.to_vec());
    let read = || parse(file, &sources.file(file).text, PathBuf::from("."));
    let (config, mistakes) = read();
    assert_eq!(mistakes, read().1, "the same file has other mistakes");
    for mistake in &mistakes {
        is_place(&sources, mistake.span);
        assert!(!mistake.message.is_empty(), "{mistake:?}");
    }
    if !mistakes.is_empty() || sources.file(file).invalid_at.is_some() {
        return;
    }
    compiled(|| {
        let mut input = Input { settings: config.settings(), ..Input::default() };
        // The places of endpoints are in the first file.
        input.sources.add("webhookc.toml", bytes.to_vec());
        input.schemas.push(input.sources.add("schema.xml", SCHEMA.replace("WHEN", "true").into_bytes()));
        input
    });
}
