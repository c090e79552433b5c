//! Console blocks of the README and the book: what their commands print must be what is shown. `…` stands for anything within a line, a
//! line of only `…` for any number of lines; times, ids and durations may differ.

use std::process::Output;

use crate::node::{Node, PATIENCE};

/// A command of a console block and the lines shown under it.
pub struct Shown {
    pub command: String,
    pub lines: Vec<String>,
}

/// A line that ends the node that runs, as the keys do.
pub const INTERRUPT: &str = "^C";

/// The commands of the blocks that open with `fence`.
pub fn shown_in(page: &str, fence: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == fence;
        } else if inside {
            match line.strip_prefix("$ ").or_else(|| (line == INTERRUPT).then_some(line)) {
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
pub fn compare(command: &str, shown: &[String], printed: &[String]) -> Result<(), String> {
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

/// A node goes on printing: until what is shown is there.
pub fn wait_until_printed(command: &str, lines: &[String], node: &Node) {
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

/// What a command that has ended printed, without empty lines.
pub fn printed(output: Output) -> Vec<String> {
    let printed = [output.stdout, output.stderr].concat();
    String::from_utf8(printed).unwrap().lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}
