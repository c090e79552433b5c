//! What a person sees: under a pseudo-terminal there are colours and lines are cut to its width; in a pipe, and where somebody asked for
//! none, there is not one escape code. The pseudo-terminal is made by `script` of util-linux.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PROGRAM: &str = env!("CARGO_BIN_EXE_webhookc");
/// How long `dev` may take to start and to end: the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// Environment that decides about colours; the tests say all of it.
const ASKED: [&str; 5] = ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "GITHUB_ACTIONS", "TERM"];

fn clean(program: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for name in ASKED {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color").envs(variables.iter().copied()).current_dir(ROOT);
    command
}

/// A command line under a pseudo-terminal of so many columns.
fn under_terminal(columns: usize, arguments: &str, variables: &[(&str, &str)]) -> Command {
    let line = format!("stty cols {columns} rows 24 -echo; exec '{PROGRAM}' {arguments}");
    let mut command = clean("script", variables);
    command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap().replace("\r\n", "\n")
}

/// What stands on a terminal, if nothing but colours and styles is asked of it.
fn visible(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, code)) = rest.split_once('\x1b') {
        out.push_str(before);
        let code = code.strip_prefix('[').unwrap_or_else(|| panic!("an escape code that is no style: {:?}", code.get(..12)));
        let end = code.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap();
        assert_eq!(&code[end..=end], "m", "an escape code that is no style");
        rest = &code[end + 1..];
    }
    out + rest
}

/// Verbs that print for people, each on a project that has something to say.
const SHOWN: [&str; 4] = [
    "check tests/cases/readme",
    "check tests/cases/check/unclosed-tag",
    "test schemas/assets",
    "explain --save schemas/assets/saves.ndjson --project schemas/assets",
];

#[test]
fn a_terminal_has_colours_and_a_pipe_has_none() {
    for arguments in SHOWN {
        let coloured = text(&under_terminal(100, arguments, &[]).output().unwrap());
        assert!(coloured.contains("\x1b["), "{arguments}: {coloured}");
        let piped = clean(PROGRAM, &[]).args(arguments.split(' ')).output().unwrap();
        assert!(!piped.stdout.contains(&0x1b) && !piped.stderr.contains(&0x1b), "{arguments}: {}", text(&piped));
        // The terminal takes both streams; the words are the same.
        let words = visible(&coloured);
        for line in text(&piped).lines().map(str::trim).filter(|line| !line.is_empty() && line.len() < 60) {
            assert!(words.contains(line), "{arguments}: `{line}` is not in {words}");
        }
    }
}

#[test]
fn whoever_asks_for_no_colours_has_none_and_whoever_asks_for_them_has_them() {
    let arguments = SHOWN[0];
    for (variables, more) in [(&[("NO_COLOR", "1")][..], ""), (&[("TERM", "dumb")][..], ""), (&[][..], " --color never")] {
        let said = text(&under_terminal(100, &format!("{arguments}{more}"), variables).output().unwrap());
        assert!(!said.contains('\x1b') && said.contains("WH0203"), "{variables:?}{more}: {said}");
    }
    for (variables, more) in [(&[("CLICOLOR_FORCE", "1")][..], None), (&[][..], Some("always"))] {
        let mut command = clean(PROGRAM, variables);
        command.args(arguments.split(' ')).args(more.iter().flat_map(|when| ["--color", when]));
        let said = text(&command.output().unwrap());
        assert!(said.contains("\x1b["), "{variables:?}: {said}");
    }
    let program_output = under_terminal(100, "check tests/cases/readme --output-format json", &[]).output().unwrap();
    assert!(!program_output.stdout.contains(&0x1b), "what is for programs is never coloured");
}

#[test]
fn a_finding_is_cut_to_the_width_of_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(500);
    let schema = format!(
        "<data-model><model name=\"a\" label=\"{long}\"><field name=\"n\" label=\"N\" type=\"txt\" /><display>{{n}}</display></model></data-model>"
    );
    fs::write(folder.path().join("schema.xml"), schema).unwrap();
    let arguments = format!("check '{}'", folder.path().display());
    for columns in [40, 80, 200] {
        let said = visible(&text(&under_terminal(columns, &arguments, &[]).output().unwrap()));
        let frame: Vec<&str> = said.lines().filter(|line| line.contains('│') || line.trim_start().starts_with('·')).collect();
        assert!(frame.len() > 1, "{said}");
        for line in frame {
            assert!(line.chars().count() <= columns, "{} columns of {columns}: {line}", line.chars().count());
        }
        assert!(said.contains("txt"), "what is wrong is still to be seen: {said}");
    }
}

/// Runs `dev` on a copy of the example until it has delivered, then ends it as a person does; what it showed.
fn dev(terminal: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(Path::new(ROOT).join("schemas/assets")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let arguments = format!("dev '{0}' --saves '{0}/saves.ndjson' --listen 127.0.0.1:0", folder.path().display());
    let mut command = if terminal {
        under_terminal(100, &arguments, &[])
    } else {
        let mut command = clean("sh", &[]);
        // Both streams in one pipe, as the terminal has them.
        command.args(["-c", &format!("exec '{PROGRAM}' {arguments} 2>&1")]);
        command
    };
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = process.stdout.take().unwrap();
    let (sender, parts) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count) = output.read(&mut buffer) {
            if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut seen = Vec::new();
    let until = Instant::now() + PATIENCE;
    let is_settled = |seen: &[u8]| String::from_utf8_lossy(seen).contains("← 200");
    while !is_settled(&seen) {
        let part = parts.recv_timeout(until.saturating_duration_since(Instant::now()));
        seen.extend(part.unwrap_or_else(|_| panic!("nothing was delivered: {}", String::from_utf8_lossy(&seen))));
    }
    if terminal {
        // Ctrl-C, as the terminal hands it on.
        process.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    } else {
        Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    }
    while let Ok(part) = parts.recv_timeout(until.saturating_duration_since(Instant::now())) {
        seen.extend(part);
    }
    let status = process.wait().unwrap();
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&seen));
    String::from_utf8(seen).unwrap()
}

#[test]
fn dev_ends_when_its_terminal_is_closed_and_reads_its_files_at_any_other_hangup() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(Path::new(ROOT).join("schemas/assets/schema.xml"), folder.path().join("schema.xml")).unwrap();
    let arguments = format!("dev '{}' --listen 127.0.0.1:0", folder.path().display());
    let mut terminal = under_terminal(100, &arguments, &[("NO_COLOR", "1")]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(terminal.stdout.take().unwrap()).lines().map(Result::unwrap);
    let ready = lines.find(|line| line.contains("inspector and api")).unwrap();
    let address = ready.split_once("http://").unwrap().1.split(' ').next().unwrap().to_owned();
    let node =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok()).find(|process| {
            fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| {
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                line.starts_with(PROGRAM) && line.contains(folder.path().to_str().unwrap())
            })
        });
    Command::new("kill").args(["-HUP", &node.unwrap().to_string()]).status().unwrap();
    lines.find(|line| line.contains("reload  live")).unwrap();
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let until = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < until, "it goes on where nobody sees it");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn dev_ends_when_nobody_reads_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(Path::new(ROOT).join("schemas/assets/schema.xml"), folder.path().join("schema.xml")).unwrap();
    let mut command = clean(PROGRAM, &[]);
    command.args(["dev", "--listen", "127.0.0.1:0"]).arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut dev = command.spawn().unwrap();
    // Nothing happens that it could print: it has to see that the other end of the pipe is gone.
    BufReader::new(dev.stdout.take().unwrap()).lines().map(Result::unwrap).find(|line| line.contains("inspector and api")).unwrap();
    let until = Instant::now() + PATIENCE;
    let ended = loop {
        if let Some(status) = dev.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            dev.kill().unwrap();
            panic!("it goes on where nobody sees it");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn the_screen_of_dev_is_coloured_on_a_terminal_only_and_ends_at_ctrl_c() {
    let shown = dev(true);
    assert!(shown.contains("\x1b["), "{shown}");
    let words = visible(&shown.replace("^C", ""));
    assert!(words.contains("compiled 2 models, 1 webhook") && words.contains("asset_ready"), "{words}");
    let piped = dev(false);
    assert!(!piped.contains('\x1b'), "{piped}");
    assert!(piped.contains("compiled 2 models, 1 webhook"), "{piped}");
}
