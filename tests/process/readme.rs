//! The console blocks of the README are run: what they print must be what the README shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console::{Shown, compare, printed, shown_in, wait_until_printed};
use crate::node::Node;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_console_blocks_print_what_the_readme_shows() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = shown_in(&readme, "```console");
    assert!(shown.len() >= 4, "the README shows {} commands", shown.len());
    let state = tempfile::tempdir().unwrap();
    let mut node: Option<Node> = None;
    let mut ran = 0;
    for Shown { command, lines } in &shown {
        let Some(arguments) = arguments(command) else {
            assert!(command.starts_with("cargo ") || command.starts_with("git "), "`{command}` is not run by this test");
            continue;
        };
        ran += 1;
        if arguments[0] == "dev" {
            let store = format!("sqlite:{}", state.path().join(format!("{ran}.db")).display());
            let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
            all.extend(["--listen", "127.0.0.1:0", "--store", &store]);
            let started = Node::start(&root(), &all);
            wait_until_printed(command, lines, &started);
            node = Some(started);
        } else {
            let printed = run(&arguments, node.as_ref(), &root());
            compare(command, lines, &printed).unwrap();
        }
    }
    assert!(ran >= 3, "only {ran} commands of the README were run");
}

fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The arguments for the binary in `webhookc …` or `cargo run -- …`.
fn arguments(command: &str) -> Option<Vec<String>> {
    let rest = command.strip_prefix("webhookc ").or_else(|| command.strip_prefix("cargo run -- "))?;
    Some(words(rest))
}

fn run(arguments: &[String], node: Option<&Node>, folder: &Path) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env("GITHUB_TOKEN", "example");
    if let Some(node) = node {
        command.env("WEBHOOKC_URL", &node.url);
    }
    printed(command.output().unwrap())
}
