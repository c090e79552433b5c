//! Input that the tool itself cannot use: it says what was seen and what to do, and never waits.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/binary.rs"]
mod binary;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use binary::{GOOD, project, refused, run};

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn nothing_there() {
    let folder = project(&[("readme.md", "x"), ("sub/notes.txt", "x")]);
    for verb in ["check", "graph"] {
        refused(folder.path(), &[verb], &["no schema file in `.`, expected `schema.xml`, or other `*.xml` files"]);
        refused(folder.path(), &[verb, "sub"], &["no schema file in `sub`"]);
        refused(folder.path(), &[verb, "missing.xml"], &["cannot read `missing.xml`", "No such file"]);
        refused(folder.path(), &[verb, "missing/*.xml"], &["no file matches `missing/*.xml`"]);
        refused(folder.path(), &[verb, "a[.xml"], &["`a[.xml` is not a pattern"]);
    }
    refused(folder.path(), &["fmt"], &["no schema in `.`"]);
    refused(folder.path(), &["fmt", "missing.xml"], &["cannot read `missing.xml`", "No such file"]);
    refused(folder.path(), &["fmt", "*.xml"], &["no file matches `*.xml`"]);
    refused(folder.path(), &["check", ""], &["a value is required for '[PATHS]...'"]);
}

#[test]
fn patterns_stand_for_files() {
    let second = GOOD.replace("\"asset", "\"part");
    let folder = project(&[("s/a.xml", GOOD), ("s/b.xml", &second), ("t/deep/c.xml", GOOD)]);
    let ran = run(folder.path(), &["check", "s/*.xml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("2 models, 2 webhooks"), "{}", ran.err);
    let ran = run(folder.path(), &["check", "**/[ac].xml", "--output-format", "concise"]);
    assert!(ran.out.contains("t/deep/c.xml:2:18: error[WH0204]"), "{}", ran.out);
}

#[test]
fn a_file_whose_name_looks_like_a_pattern_is_a_file() {
    let folder = project(&[("a[1].xml", GOOD)]);
    let ran = run(folder.path(), &["check", "a[1].xml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn links_that_lead_round() {
    let folder = project(&[("schemas/a.xml", GOOD), ("schemas/below/b.xml", &GOOD.replace("\"asset", "\"part"))]);
    let schemas = folder.path().join("schemas");
    for name in ["loop", "again", "below/up", "below/down"] {
        symlink(&schemas, schemas.join(name)).unwrap();
    }
    symlink("nowhere", schemas.join("dangling")).unwrap();
    symlink("self", schemas.join("self")).unwrap();
    let ran = run(folder.path(), &["check", "schemas"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = run(folder.path(), &["check", "--output-format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["summary"]["files"], &report["summary"]["models"]), (&2.into(), &2.into()), "{report}");
    assert_eq!(run(folder.path(), &["fmt", "--check"]).code, 0);
}

#[test]
fn a_link_to_no_file_is_told() {
    let folder = project(&[]);
    symlink("nowhere.xml", folder.path().join("schema.xml")).unwrap();
    refused(folder.path(), &["check"], &["cannot read `schema.xml`", "No such file"]);
}

#[test]
fn what_the_project_file_names_in_vain_is_told_with_its_key() {
    for (toml, said) in [
        ("schemas = \"nope.xml\"", "cannot read `nope.xml`, which `schemas` in `webhookc.toml` names\n"),
        (
            "schemas = [\"*.xml\"]",
            "which `schemas` in `webhookc.toml` names; patterns are for the command line, expected a file or folder\n",
        ),
        ("templates = \"tmpl\"", "cannot read `tmpl`, which `templates` in `webhookc.toml` names\n"),
    ] {
        let folder = project(&[("schema.xml", GOOD), ("webhookc.toml", toml)]);
        refused(folder.path(), &["check"], &[said, "No such file"]);
    }
}

#[test]
fn pipes_and_devices_are_not_waited_for() {
    let folder = project(&[("schema.xml", GOOD)]);
    pipe(&folder.path().join("pipe.xml"));
    assert_eq!(run(folder.path(), &["check"]).code, 0, "one that lies about is nobody's schema");
    assert_eq!(run(folder.path(), &["fmt", "--check"]).code, 0);
    for verb in ["check", "graph", "fmt"] {
        refused(folder.path(), &[verb, "pipe.xml"], &["cannot read `pipe.xml`", "it is no file", "standard input, with `-`"]);
        refused(folder.path(), &[verb, "/dev/null"], &["cannot read `/dev/null`", "it is no file"]);
    }
}

#[test]
fn unreadable_files_and_folders_are_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = project(&[("schema.xml", GOOD), ("closed/a.xml", GOOD)]);
    for name in ["schema.xml", "closed"] {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o0)).unwrap();
    }
    // Root may read everything.
    if fs::read(folder.path().join("schema.xml")).is_err() {
        for verb in ["check", "graph", "fmt"] {
            refused(folder.path(), &[verb, "schema.xml"], &["cannot read `schema.xml`", "Permission denied"]);
            refused(folder.path(), &[verb, "closed"], &["cannot read `closed`", "Permission denied"]);
        }
    }
    fs::set_permissions(folder.path().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_in_a_file_is_a_finding() {
    let folder = project(&[("empty.xml", ""), ("blank.xml", " \n"), ("image.xml", "\u{0}")]);
    fs::write(folder.path().join("latin.xml"), b"<data-model><model name='a' label='Gr\xf6\xdfe'/></data-model>").unwrap();
    fs::write(folder.path().join("wide.xml"), "<data-model/>".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    for (file, code) in [("empty.xml", "WH0010"), ("blank.xml", "WH0010"), ("latin.xml", "WH0015"), ("image.xml", "WH0013")] {
        let ran = run(folder.path(), &["check", file, "--output-format", "concise"]);
        assert_eq!(ran.code, 1, "{file}: {}", ran.err);
        assert!(ran.out.contains(code), "{file}: {}", ran.out);
    }
    let ran = run(folder.path(), &["check", "wide.xml", "--output-format", "concise"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 1), "{}", ran.out);
    assert!(ran.out.contains("WH0015"), "{}", ran.out);
}

#[test]
fn wrong_usage_names_the_right_one() {
    let folder = project(&[("schema.xml", GOOD)]);
    refused(folder.path(), &["check", "--output-format", "xml"], &["xml", "full, concise, json"]);
    refused(folder.path(), &["check", "--max-diagnostics", "many"], &["many", "--max-diagnostics"]);
    refused(folder.path(), &["check", "--fail-level", "never"], &["never", "error, warning, info"]);
    refused(folder.path(), &["check", "--dialect", "4"], &["4", "3.1, 3.0, 2"]);
    refused(folder.path(), &["check", "--fixx"], &["--fixx", "--fix"]);
    refused(folder.path(), &["explain"], &["explain"]);
    refused(folder.path(), &["completions", "tcsh"], &["tcsh", "bash"]);
}

#[cfg(not(feature = "nats"))]
#[test]
fn a_broker_for_a_program_that_was_built_without_is_refused_by_name() {
    let without = "this program was built without the feature `nats`";
    let advice = "build it with `cargo build --features nats`";
    let endpoint = "[[endpoints]]\nname = \"bus\"\nevents = \"*\"\nurl = \"nats://main/hooks.x\"\n";
    let broker = "[nats.main]\nservers = [\"nats://127.0.0.1:4222\"]\n";
    let source = "[source.nats]\nstream = \"SAVES\"\n";
    for toml in [endpoint, broker, source] {
        let folder = project(&[("schema.xml", GOOD), ("webhookc.toml", toml)]);
        for arguments in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let ran = run(folder.path(), arguments);
            let said = ran.out + &ran.err;
            assert_ne!(ran.code, 0, "{toml}{arguments:?}: {said}");
            assert!(said.contains(without) && said.contains(advice), "{toml}{arguments:?}: {said}");
        }
    }
}
