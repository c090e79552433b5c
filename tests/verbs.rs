//! The verbs that print or rewrite, as processes: `fmt`, `graph`, `schema`, `completions`, `man`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/binary.rs"]
mod binary;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use binary::{GOOD, fed, project, refused, run};

const CROOKED: &str = "<data-model><model name='asset' label='Asset'><field name='name' label='Name' type='text'/><display>{name}</display>\
    <webhook type='update' name='asset_saved'/></model></data-model>";
const OLD: &str =
    "<schema><object name='asset' label='Asset'><attribute name='size' label='Size' type='int'/><display>a</display></object></schema>";

#[test]
fn fmt_writes_in_place_and_nothing_else() {
    let folder = project(&[("a.xml", CROOKED), ("below/b.xml", GOOD), ("other.xml", "<svg><a/></svg>"), ("notes.txt", CROOKED)]);
    let path = |name: &str| folder.path().join(name);
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    fs::set_permissions(path("a.xml"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink(path("a.xml"), path("link.xml")).unwrap();

    let ran = run(folder.path(), &["fmt", "--check"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, "./a.xml\n./link.xml\n", "2 of 3 files to lay out\n"));
    let ran = run(folder.path(), &["fmt", "--diff", "a.xml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("--- a.xml\n+++ a.xml\n@@ -1,1 +1,7 @@\n-<data-model>"), "{}", ran.out);
    assert_eq!(read("a.xml"), CROOKED, "neither changes anything");

    let ran = run(folder.path(), &["fmt"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", "1 of 3 files laid out\n"));
    assert_eq!((read("a.xml").as_str(), read("other.xml").as_str(), read("notes.txt").as_str()), (GOOD, "<svg><a/></svg>", CROOKED));
    assert_eq!(fs::metadata(path("a.xml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(path("link.xml").is_symlink());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "nothing is left behind");
    let ran = run(folder.path(), &["fmt", "*.xml"]);
    assert_eq!((ran.code, read("other.xml").as_str()), (2, "<svg><a/></svg>"), "what is no schema is left alone");
    assert!(ran.err.contains("WH0101") && ran.err.contains("other.xml:1:2"), "{}", ran.err);
    assert_eq!(run(folder.path(), &["fmt", "--check", "a*.xml", "below"]).code, 0);
}

#[test]
fn fmt_goes_from_input_to_output() {
    let folder = project(&[]);
    let ran = fed(folder.path(), &["fmt", "-"], CROOKED.as_bytes());
    assert_eq!((ran.code, ran.out.as_str()), (0, GOOD), "{}", ran.err);
    let ran = fed(folder.path(), &["fmt", "--check", "-", "--stdin-filename", "draft.xml"], CROOKED.as_bytes());
    assert_eq!((ran.code, ran.out.as_str()), (1, "draft.xml\n"));
    let ran = fed(folder.path(), &["fmt", "-", "--stdin-filename", "draft.xml"], b"<data-model><model name=a/></data-model>");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "what is not well-formed is not printed");
    assert!(ran.err.contains("WH0002") && ran.err.contains("draft.xml:1:25"), "{}", ran.err);
    refused(folder.path(), &["fmt", "-", "a.xml"], &["expected it alone"]);
}

#[test]
fn fmt_upgrades_older_dialects() {
    let folder = project(&[("old.xml", OLD)]);
    let ran = run(folder.path(), &["fmt", "--upgrade", "old.xml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = fs::read_to_string(folder.path().join("old.xml")).unwrap();
    assert!(text.starts_with("<data-model>\n    <model name=\"asset\" label=\"Asset\">\n        <field "), "{text}");
    assert!(text.contains("type=\"integer\""), "{text}");
    assert_eq!(run(folder.path(), &["fmt", "--upgrade", "--check", "old.xml"]).code, 0);
}

#[test]
fn fmt_leaves_alone_what_it_cannot_read_and_goes_on() {
    let folder = project(&[("bad.xml", "<data-model><model></data-model>"), ("good.xml", CROOKED), ("empty.xml", "")]);
    let ran = run(folder.path(), &["fmt", "bad.xml", "empty.xml", "good.xml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("WH0004") && ran.err.contains("WH0010") && ran.err.ends_with("1 of 3 files laid out\n"), "{}", ran.err);
    assert_eq!(fs::read_to_string(folder.path().join("bad.xml")).unwrap(), "<data-model><model></data-model>");
    assert_eq!(fs::read_to_string(folder.path().join("good.xml")).unwrap(), GOOD);
}

#[test]
fn graph_draws_in_four_languages() {
    let folder = project(&[("schema.xml", GOOD)]);
    for (format, begin) in [("svg", "<svg "), ("dot", "digraph "), ("mermaid", "flowchart "), ("json", "{")] {
        let ran = run(folder.path(), &["graph", "--output-format", format]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.starts_with(begin) && ran.out.contains("asset_saved"), "{format}: {}", ran.out);
    }
    assert!(run(folder.path(), &["graph", "schema.xml"]).out.starts_with("<svg "), "a picture unless told otherwise");
    let broken = project(&[("schema.xml", &GOOD.replace("{name}", "{nmae}"))]);
    let ran = run(broken.path(), &["graph"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("WH0203"), "{}", ran.err);
    refused(folder.path(), &["graph", "--output-format", "png"], &["png", "svg, dot, mermaid, json"]);
}

#[test]
fn schemas_are_those_of_the_repository() {
    let folder = project(&[]);
    let kept = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name)).unwrap();
    for (what, file) in [("xsd", "webhookc.xsd"), ("config", "webhookc.toml.schema.json"), ("output", "check.schema.json")] {
        let ran = run(folder.path(), &["schema", what]);
        assert_eq!((ran.code, ran.out), (0, kept(file)), "{what}");
    }
    refused(folder.path(), &["schema", "dtd"], &["unrecognized subcommand", "dtd", "--help"]);
}

/// The verbs that the help lists.
fn verbs() -> Vec<String> {
    let help = run(Path::new("."), &["--help"]).out;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names =
        commands.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn shells_and_manuals_know_every_verb() {
    let folder = project(&[]);
    let verbs = verbs();
    assert!(verbs.len() >= 12, "{verbs:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(folder.path(), &["completions", shell]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for verb in &verbs {
            assert!(ran.out.contains(verb.as_str()), "{shell} does not know {verb}");
        }
    }
    let ran = run(folder.path(), &["man", "share/man1"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let page = |name: &str| fs::read_to_string(folder.path().join("share/man1").join(name)).unwrap();
    assert!(page("webhookc.1").starts_with(".ie"), "{}", page("webhookc.1"));
    for verb in &verbs {
        assert!(page(&format!("webhookc-{verb}.1")).contains(".SH SYNOPSIS"), "{verb}");
    }
    fs::write(folder.path().join("file"), "").unwrap();
    refused(folder.path(), &["man", "file/man1"], &["cannot write man pages to `file/man1`"]);
}

#[test]
fn a_format_that_there_is_not_names_those_that_there_are() {
    let folder = project(&[]);
    refused(folder.path(), &["schema", "webhooks"], &["there are `xsd`, `config`, `output`, `test` and `import`"]);
    refused(folder.path(), &["keys", "lst"], &["`create`", "`list`"]);
}
