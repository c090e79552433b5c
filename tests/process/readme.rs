//! The console blocks of the README are run: what they print must be what the README shows. `…` stands for anything within a line, a
//! line of only `…` for any number of lines; times, ids and durations may differ.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::node::{Node, PATIENCE};

/// A command of a console block and the lines shown under it.
struct Shown {
    command: String,
    lines: Vec<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn shown_in(readme: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            match line.strip_prefix("$ ") {
                Some(command) => found.push(Shown { command: command.to_owned(), lines: Vec::new() }),
                None => found.last_mut().expect("a block opens with a command").lines.push(line.to_owned()),
            }
        }
    }
    found
}

/// What differs from run to run, replaced by its kind.
fn steady(line: &str) -> String {
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        let bare = word.trim_end_matches([',', '·']);
        let is_time = bare.len() == 8 && bare.split(':').count() == 3 && bare.chars().all(|c| c.is_ascii_digit() || c == ':');
        words.push(if is_time {
            "TIME".to_owned()
        } else if word.starts_with("dlv_") || word.starts_with("msg_") {
            "ID".to_owned()
        } else if !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || c == '.') && bare.parse::<f64>().is_ok() {
            "NUMBER".to_owned()
        } else {
            word.to_owned()
        });
    }
    words.join(" ")
}

fn fits(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (steady(shown), steady(printed));
    let mut rest = printed.as_str();
    let parts: Vec<&str> = shown.split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let part = part.trim();
        let Some(at) = rest.find(part) else { return false };
        if index == 0 && at != 0 {
            return false;
        }
        rest = &rest[at + part.len()..];
    }
    parts.last().is_some_and(|last| last.trim().is_empty()) && parts.len() > 1 || rest.is_empty()
}

/// Every shown line, in order, among the printed ones; none but those a `…` line stands for may be left out.
fn compare(command: &str, shown: &[String], printed: &[String]) -> Result<(), String> {
    let report = |what: String| Err(format!("{what}\n`{command}` printed:\n{}", printed.join("\n")));
    let mut at = 0;
    let mut skipping = false;
    for line in shown.iter().filter(|line| !line.trim().is_empty()) {
        if line.trim() == "…" {
            skipping = true;
            continue;
        }
        while skipping && printed.get(at).is_some_and(|printed| !fits(line, printed)) {
            at += 1;
        }
        skipping = false;
        match printed.get(at) {
            None => return report(format!("no line for `{line}`")),
            Some(found) if !fits(line, found) => return report(format!("shown:   {line}\nprinted: {found}")),
            Some(_) => at += 1,
        }
    }
    if skipping || at == printed.len() { Ok(()) } else { report(format!("it prints more than shown, from line {}", at + 1)) }
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

#[test]
fn the_console_blocks_print_what_the_readme_shows() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = shown_in(&readme);
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
            let printed = run(&arguments, node.as_ref(), Path::new(&root()));
            compare(command, lines, &printed).unwrap();
        }
    }
    assert!(ran >= 3, "only {ran} commands of the README were run");
}

/// A node goes on printing: until what is shown is there.
fn wait_until_printed(command: &str, lines: &[String], node: &Node) {
    let began = std::time::Instant::now();
    loop {
        let said = node.said().replace(&node.url, "http://127.0.0.1:7357");
        let printed: Vec<String> = said.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        match compare(command, lines, &printed) {
            Ok(()) => return,
            Err(what) => assert!(began.elapsed() < PATIENCE, "{what}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn run(arguments: &[String], node: Option<&Node>, folder: &Path) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env("GITHUB_TOKEN", "example");
    if let Some(node) = node {
        command.env("WEBHOOKC_URL", &node.url);
    }
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    String::from_utf8(printed).unwrap().lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}
