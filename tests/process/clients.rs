//! What the verbs that call a node print when it refuses.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::node::{Node, PATIENCE};

const SCHEMA: &str = r#"<data-model>
    <model name="bee" label="Bee">
        <field name="hive" label="Hive" type="text" />
        <field name="legs" label="Legs" type="integer" />
        <display>{hive}</display>
    </model>
</data-model>
"#;

#[test]
fn every_mistake_of_a_save_is_printed_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let node = Node::start(folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    let refused = |fields: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
        let output = command.args(["save", "bee", "b1", fields, "--url", &node.url]).env("NO_COLOR", "1").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(
        refused(r#"{"hive": 3, "leggs": 6}"#),
        "error: 2 mistakes\n  /hive: `hive` is 3, expected a string\n  /leggs: `leggs` is not a field of `bee`; did you mean `legs`?\n"
    );
    assert_eq!(refused(r#"{"leggs": 6}"#), "error: `leggs` is not a field of `bee`\nhelp: did you mean `legs`?\n");
}

#[test]
fn a_save_of_a_file_that_is_refused_is_named_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let save = |id: &str, fields: &str| format!("{{\"model\": \"bee\", \"id\": \"{id}\", \"fields\": {fields}}}\n");
    let saves = save("b1", "{}") + "\n" + &save("b2", r#"{"leggs": 6}"#) + &save("b3", "{}");
    std::fs::write(folder.path().join("saves.ndjson"), saves).unwrap();
    let node = Node::start(folder.path(), &["dev", "--listen", "127.0.0.1:0", "--saves", "saves.ndjson"]);
    node.wait_for_line("where the mistake is", |line| line == "  caused by: line 3 of `saves.ndjson`");
    node.wait_for_line("the save after it", |line| line.contains("bee/b3"));
}

#[test]
fn following_deliveries_ends_with_whoever_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let webhook = "<display>{hive}</display><webhook type=\"update\" name=\"bee_saved\" />";
    std::fs::write(folder.path().join("schema.xml"), SCHEMA.replace("<display>{hive}</display>", webhook)).unwrap();
    let node = Node::start(folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    let webhookc = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
        command.args(arguments).args(["--url", &node.url]).env("NO_COLOR", "1").stdout(Stdio::piped());
        command
    };
    let mut following = webhookc(&["deliveries", "--follow"]).spawn().unwrap();
    let mut head = String::new();
    BufReader::new(following.stdout.take().unwrap()).read_line(&mut head).unwrap();
    assert!(head.starts_with("TIME "), "{head}");
    assert!(webhookc(&["save", "bee", "b1", "{}"]).output().unwrap().status.success());
    let began = Instant::now();
    let ended = loop {
        if let Some(status) = following.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            following.kill().unwrap();
            panic!("it goes on, and nobody reads it");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), Some(0));
}
