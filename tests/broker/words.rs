//! What is said about mistakes in the configuration and in subjects.

use std::process::Command;

use crate::project::{SCHEMA, project};

/// What `check` says about a project, without its summary; and whether it is content.
fn check(toml: &str) -> (bool, String) {
    let folder = project(toml);
    let output = Command::new(env!("CARGO_BIN_EXE_webhookc"))
        .args(["check", "--output-format", "concise"])
        .arg(folder.path())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.success(), said)
}

fn with_url(url: &str) -> String {
    format!("[nats.main]\nservers = [\"nats://127.0.0.1:4222\"]\n[[endpoints]]\nname = \"bus\"\nevents = \"*\"\nurl = '{url}'\n")
}

#[test]
fn a_subject_is_checked_like_a_url() {
    assert!(SCHEMA.contains("asset_saved"));
    let (content, said) = check(&with_url("nats://main/a.{{ object.id }}.{% if object.n %}x{% else %}y{% endif %}"));
    assert!(content, "{said}");
    for (url, expected) in [
        ("nats://mian/a", "`mian` is no broker of `webhookc.toml`"),
        ("nats://main", "has no broker and subject"),
        ("nats://main/", "a part of the subject `` is empty"),
        ("nats://main/a..b", "a part of the subject `a..b` is empty"),
        ("nats://main/a.*", "`*` in a subject"),
        ("nats://main/a.>", "`>` in a subject"),
        ("nats://main/a b", "white space or a control character in a subject"),
        ("nats://main/$JS.API.x", "begins with `$`"),
        ("nats://{{ object.id }}/a", "a value decides which broker it goes to"),
        ("nats://main/{{ object.nmae }}", "model `asset` has no field `nmae`"),
        ("nats://main/{{ secret.x }}", "secret"),
    ] {
        let (content, said) = check(&with_url(url));
        assert!(!content && said.contains(expected), "{url}: {said}");
    }
    let (_, said) = check(&with_url("nats://mian/a"));
    assert!(said.contains(":10:15: "), "the place is that of the name: {said}");
}

#[test]
fn mistakes_of_a_broker_and_a_source_are_told_together() {
    let broker = "[nats.main]\nservers = [\"nats://me:pw@127.0.0.1:4222\", \"http://x\"]\ntoken = \"plain\"\nuser = \"me\"\n";
    let source = "[source.nats]\nbroker = \"mian\"\nstream = \"A.B\"\nsubject = \"a..b\"\ntenant = \"a b\"\nid = { part = 0 }\ndead_letter = \"dead.>\"\n\
                  ack_wait = \"1ms\"\norder = \"any\"\nsubjects = \"x\"\n";
    let (content, said) = check(&format!("{broker}{source}"));
    assert!(!content);
    for expected in [
        "a server's URL has a user or password in it",
        "`http://x` is not the URL of a NATS server",
        "the secret `token` stands in the file",
        "it is not clear who this node is",
        "there is no broker `mian`",
        "did you mean `main`?",
        "`A.B` is not a name",
        "`a..b` is not a subject",
        "`a b`",
        "`part` is 0, expected 1 to 64",
        "only one of `model` and `id` is given",
        "`dead.>` is not a subject, expected one without wildcards",
        "`ack_wait` is 1 ms, expected 1 s to 10 min",
        "unknown order `any`",
        "unknown key `subjects` in [source.nats]",
    ] {
        assert!(said.contains(expected), "not said: {expected}\n{said}");
    }
}

#[test]
fn a_secret_that_is_not_there_is_named_at_the_start() {
    let folder = project("[nats.main]\nservers = [\"nats://127.0.0.1:4222\"]\ncredentials = { file = \"none.creds\" }\n");
    let output =
        Command::new(env!("CARGO_BIN_EXE_webhookc")).arg("serve").current_dir(folder.path()).env("NO_COLOR", "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains("cannot use the broker `main`") && said.contains("none.creds"), "{said}");
}
