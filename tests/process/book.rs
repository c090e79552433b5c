//! The blocks of the book in `docs` that are marked `console,run` are run by a shell, each page in a folder of its own with the examples.
//! `webhookc dev` and `webhookc serve` go on running until a line `^C`, or until another node is started.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::console::{INTERRUPT, Shown, compare, printed, shown_in, wait_until_printed};
use crate::node::Node;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages, `(name, text)`.
fn pages() -> Vec<(String, String)> {
    let mut pages: Vec<_> = fs::read_dir(root().join("docs/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    pages.sort();
    pages
}

/// A folder as the book's reader is in it: the examples, and `webhookc` among the programs.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    fs::create_dir(desk.path().join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_webhookc"), desk.path().join("bin/webhookc")).unwrap();
    for example in ["schemas", "templates"] {
        copy(&root().join(example), &desk.path().join(example));
    }
    symlink(root().join("docs"), desk.path().join("docs")).unwrap();
    desk
}

/// Copies a folder without what a node keeps in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn shell(command: &str, desk: &Path, node: Option<&Node>) -> Command {
    let mut shell = Command::new("sh");
    let path = format!("{}:{}", desk.join("bin").display(), std::env::var("PATH").unwrap());
    shell.args(["-c", command]).current_dir(desk).env("PATH", path).env("NO_COLOR", "1").env("WEBHOOKC_LISTEN", "127.0.0.1:0");
    if let Some(node) = node {
        shell.env("WEBHOOKC_URL", &node.url);
    }
    shell
}

fn run_page(shown: &[Shown]) {
    let desk = desk();
    let mut node: Option<Node> = None;
    for Shown { command, lines } in shown {
        if command == INTERRUPT {
            let mut ended = node.take().expect("a node runs");
            ended.signal(Signal::INT);
            assert!(ended.wait().success(), "{}", ended.said());
        } else if command.starts_with("webhookc dev") || command.starts_with("webhookc serve") {
            // Its port is its own; one that still runs is let go first, for its store.
            drop(node.take());
            let started = Node::launch(shell(&format!("exec {command}"), desk.path(), None));
            wait_until_printed(command, lines, &started);
            node = Some(started);
        } else {
            let url = node.as_ref().map_or("", |node| &node.url);
            // The address that the book shows is the one that a node has when nothing is said.
            let asked = if url.is_empty() { command.clone() } else { command.replace("http://127.0.0.1:7357", url) };
            let printed = printed(shell(&asked, desk.path(), node.as_ref()).output().unwrap());
            let printed: Vec<String> =
                printed.iter().map(|line| if url.is_empty() { line.clone() } else { line.replace(url, "http://127.0.0.1:7357") }).collect();
            compare(command, lines, &printed).unwrap();
        }
    }
}

#[test]
fn the_blocks_of_the_book_print_what_it_shows() {
    let pages = pages();
    assert!(pages.len() > 2, "{} pages", pages.len());
    for (name, text) in &pages {
        let shown = shown_in(text, "```console,run");
        let page = std::panic::catch_unwind(|| run_page(&shown));
        assert!(page.is_ok(), "a block of docs/src/{name} does not print what it shows, see above");
    }
}
