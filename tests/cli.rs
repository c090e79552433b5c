//! The real binary: exit codes, and what it says when something is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/binary.rs"]
mod binary;

use std::io::Write as _;
use std::process::Stdio;

use binary::{GOOD, Ran, command, project, refused, run};

#[test]
fn check_exits_0_1_or_2() {
    let clean = project(&[("schema.xml", GOOD)]);
    let ran = run(clean.path(), &["check"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("1 model, 1 webhook"), "{}", ran.err);
    assert_eq!(run(clean.path(), &["check", "--fail-level", "warning"]).code, 1, "nothing receives it: a warning");

    let broken = project(&[("schema.xml", &GOOD.replace("type=\"text\"", "type=\"txt"))]);
    let ran = run(broken.path(), &["check", "schema.xml", "--output-format", "concise"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.lines().any(|line| line.starts_with("schema.xml:3:") && line.contains("error[WH")), "{}", ran.out);
    assert!(ran.err.contains("error"), "{}", ran.err);

    let wrong = project(&[("schema.xml", &GOOD.replace("{name}", "{nmae}"))]);
    let ran = run(wrong.path(), &["check", "--output-format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &report["diagnostics"][0]["code"]), (1, &serde_json::json!("WH0203")), "{report}");
    assert_eq!(report["diagnostics"][0]["primary"]["span"]["start"]["line"], serde_json::json!(4));
}

#[test]
fn check_reads_standard_input_under_a_name() {
    let folder = project(&[("webhookc.toml", "[[endpoints]]\nname = \"all\"\nevents = \"*\"\nurl = \"https://x.example/\"\n")]);
    let mut child = command(folder.path(), &["check", "-", "--stdin-filename", "draft.xml", "--output-format", "concise"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(GOOD.replace("{name}", "{nmae}").as_bytes()).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("draft.xml:4:"), "{}", ran.out);
    assert!(!ran.out.contains("WH0313"), "the project file beside it was not used: {}", ran.out);
}

#[test]
fn usage_and_files_that_are_not_there_are_2() {
    let empty = project(&[]);
    refused(empty.path(), &["chekc"], &["chekc", "check"]);
    refused(empty.path(), &["check"], &["error: no schema file in `.`, expected `schema.xml`"]);
    refused(empty.path(), &["check", "nowhere.xml"], &["error: cannot read `nowhere.xml`", "caused by: No such file"]);
    refused(empty.path(), &["check", "-", "other"], &["expected it alone"]);
    refused(empty.path(), &["explain", "WH9999"], &["there is no code `WH9999`"]);
}

#[test]
fn output_that_cannot_be_written_is_no_success() {
    let folder = project(&[("schema.xml", GOOD)]);
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    for arguments in
        [&["schema", "config"][..], &["check", "--output-format", "sarif"], &["keys", "create", "--all-tenants", "--permission", "*"]]
    {
        let ran = command(folder.path(), arguments).stdout(full.try_clone().unwrap()).stderr(Stdio::piped()).spawn().unwrap();
        let ran = Ran::from(ran.wait_with_output().unwrap());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(
            ran.err.ends_with("error: cannot write to standard output\n  caused by: No space left on device (os error 28)\n"),
            "{}",
            ran.err
        );
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(command(folder.path(), &["schema", "config"]).stdout(writer).status().unwrap().code(), Some(0), "a closed pipe is none");
}

#[test]
fn schemas_of_another_project_are_told_of() {
    let toml = "[vars]\nx = \"1\"\n";
    let folder = project(&[("shop/schema.xml", GOOD), ("shop/webhookc.toml", toml), ("plain/a.xml", GOOD)]);
    let said = "`shop` is a project of its own, whose `webhookc.toml` was not read: try `webhookc check shop`\n";
    assert!(run(folder.path(), &["check"]).err.contains(said));
    assert!(run(folder.path(), &["check", "plain", "shop/schema.xml"]).err.contains(said));
    for arguments in [&["check", "shop"][..], &["check", "shop/schema.xml"], &["check", "plain"]] {
        assert!(!run(folder.path(), arguments).err.contains("of its own"), "{arguments:?}");
    }
    let above = project(&[("schemas/a.xml", GOOD), ("webhookc.toml", toml)]);
    assert!(!run(above.path(), &["check", "schemas"]).err.contains("of its own"), "it is that of the project above");
}

#[test]
fn files_beside_the_folder_of_an_environment_have_their_own_names() {
    let toml = "schemas = \"../model\"\ntemplates = \"../templates\"\n";
    let wrong = GOOD.replace("{name}", "{nmae}");
    let beside = [("model/asset.xml", wrong.as_str()), ("templates/a.json", "{}"), ("webhookc.toml", "schemas = \"model\"\n")];
    let folder = project(&[&beside[..], &[("production/webhookc.toml", toml)]].concat());
    let ran = run(folder.path(), &["check", "production", "--output-format", "concise"]);
    assert!(ran.out.starts_with("model/asset.xml:4:"), "{}{}", ran.out, ran.err);
    assert!(!ran.err.contains("of its own"), "the schemas of this one are named: {}", ran.err);
    // What is above a folder that a link leads to is not what is above the link.
    let elsewhere = project(&[("deep/webhookc.toml", toml), ("model/asset.xml", &wrong), ("templates/a.json", "{}")]);
    std::fs::create_dir(folder.path().join("below")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("deep"), folder.path().join("below/link")).unwrap();
    let ran = run(folder.path(), &["check", "below/link", "--output-format", "concise"]);
    assert!(ran.out.starts_with("below/link/../model/asset.xml:4:"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_mistake_in_the_project_file_is_shown_at_its_place() {
    let toml = "app = \"x\"\nschema = [\"schemas\"]\n[listen]\nadress = \"127.0.0.1:1\"\n";
    let folder = project(&[("schema.xml", GOOD), ("webhookc.toml", toml)]);
    for verb in ["check", "dev", "serve"] {
        refused(
            folder.path(),
            &[verb],
            &[
                "webhookc.toml:2:1",
                "unknown key `schema`",
                "did you mean `schemas`?",
                "webhookc.toml:4:1",
                "did you mean `address`?",
                "error: 2 mistakes in `webhookc.toml`",
            ],
        );
    }
}

#[test]
fn a_template_that_is_not_there_is_a_finding() {
    let toml = "[[endpoints]]\nname = \"all\"\nevents = \"*\"\nurl = \"https://x.example/\"\ntemplate = \"coment.json\"\n";
    let folder = project(&[("schema.xml", GOOD), ("webhookc.toml", toml), ("templates/comment.json", "{}")]);
    let ran = run(folder.path(), &["check", "--output-format", "concise"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("webhookc.toml:5:12: error[WH0409]"), "{}", ran.out);
}

#[test]
fn a_node_says_why_it_cannot_start() {
    let folder = project(&[("schema.xml", GOOD)]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for verb in ["dev", "serve"] {
        refused(
            folder.path(),
            &[verb, "--listen", &address],
            &["cannot listen at", "another process listens there", "--listen 127.0.0.1:"],
        );
        refused(folder.path(), &[verb, "--listen", "here"], &["`here` is not an address to listen at"]);
        refused(folder.path(), &[verb, "--listen", "0.0.0.0:0"], &["asks for no key"]);
    }
    std::fs::create_dir(folder.path().join("webhookc.db")).unwrap();
    refused(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &["webhookc.db", "--store"]);
    refused(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--store", "mysql://x"], &["mysql://x"]);
}

#[test]
fn serve_refuses_a_schema_with_errors_and_a_secret_that_is_not_there() {
    let wrong = project(&[("schema.xml", &GOOD.replace("{name}", "{nmae}"))]);
    let ran = run(wrong.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("WH0203"), "{}", ran.err);
    let secret = project(&[("schema.xml", GOOD), ("webhookc.toml", "[secrets]\ntoken = { env = \"WEBHOOKC_TEST_ABSENT\" }\n")]);
    refused(
        secret.path(),
        &["serve", "--listen", "127.0.0.1:0"],
        &["the secret `token` cannot be had", "`WEBHOOKC_TEST_ABSENT` is not set"],
    );
}

#[test]
fn clients_say_when_nobody_answers() {
    let folder = project(&[]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    refused(folder.path(), &["save", "asset", "a1", "{}", "--url", &url], &["nobody answers at", "webhookc dev"]);
    refused(folder.path(), &["deliveries", "--url", "nonsense"], &["nonsense"]);
}

#[test]
fn explain_prints_the_page_of_a_code() {
    let folder = project(&[]);
    for name in ["WH0203", "wh0203", "unknown-reference"] {
        let ran = run(folder.path(), &["explain", name]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.starts_with("# WH0203 unknown-reference"), "{}", ran.out);
    }
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let folder = project(&[]);
    let mut child = command(folder.path(), &["explain", "WH0203"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = child.wait_with_output().unwrap();
    assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
}

const UNQUOTED: &str = "<data-model>\n    <model name=asset label=\"A & B\">\n        <field name=\"name\" label=\"Name\" type=\"txt\" />\n        <display>{name}</display>\n    </model>\n</data-model>\n";

#[test]
fn fix_writes_what_diff_shows_and_then_nothing_more() {
    let folder = project(&[("schema.xml", UNQUOTED)]);
    let text = || std::fs::read_to_string(folder.path().join("schema.xml")).unwrap();

    let ran = run(folder.path(), &["check", "--diff"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("--- a/schema.xml\n+++ b/schema.xml\n@@ -1,5 +1,5 @@\n"), "{}", ran.out);
    assert!(ran.out.contains("+    <model name=\"asset\" label=\"A &amp; B\">\n"), "{}", ran.out);
    assert!(ran.err.starts_with("2 fixes would be applied in 1 file\n"), "{}", ran.err);
    assert_eq!(text(), UNQUOTED, "a diff changes nothing");

    let ran = run(folder.path(), &["check", "--fix", "--output-format", "concise"]);
    assert_eq!(ran.code, 1, "a guess is not safe");
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains("WH0206"), "{}", ran.out);
    assert!(text().contains("<model name=\"asset\" label=\"A &amp; B\">") && text().contains("\"txt\""), "{}", text());

    let ran = run(folder.path(), &["check", "--fix", "--unsafe-fixes"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.starts_with("1 fix applied in 1 file\n"), "{}", ran.err);
    let ran = run(folder.path(), &["check", "--diff", "--unsafe-fixes"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert_eq!(run(folder.path(), &["check", "--fix", "--diff"]).code, 2);
    refused(folder.path(), &["check", "--fix", "-"], &["`--fix` cannot write to standard input", "--diff"]);
}

#[test]
fn findings_are_selected_ignored_and_counted() {
    let folder = project(&[("schema.xml", UNQUOTED)]);
    let check = |more: &[&str]| run(folder.path(), &[&["check", "--output-format", "concise"], more].concat());
    assert_eq!(check(&[]).out.lines().count(), 3);
    let ran = check(&["--select", "WH00"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 2), "{}", ran.out);
    assert!(ran.err.starts_with("2 errors"), "{}", ran.err);
    let ran = check(&["--ignore", "unknown-type,WH00"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let ran = check(&["--max-diagnostics", "1"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 2), "{}", ran.out);
    assert!(ran.out.ends_with("\n2 more findings are not shown\n") && ran.err.starts_with("3 errors in 1 file"), "{}{}", ran.out, ran.err);
    refused(folder.path(), &["check", "--select", "unknown-typ"], &["`unknown-typ` means no code", "did you mean `unknown-type`?"]);

    let clean = project(&[("schema.xml", GOOD)]);
    assert_eq!(run(clean.path(), &["check"]).code, 0);
    assert_eq!(run(clean.path(), &["check", "--deny-warnings"]).code, 1);
    assert_eq!(run(clean.path(), &["check", "--deny-warnings", "--ignore", "WH0313"]).code, 0);
}

#[test]
fn github_gets_its_format_and_a_job_summary_unasked() {
    let folder = project(&[("schema.xml", UNQUOTED)]);
    let summary = folder.path().join("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let mut github = command(folder.path(), &["check"]);
    let ran = Ran::from(github.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary).output().unwrap());
    assert!(ran.out.starts_with("::error file=schema.xml,line=2,"), "{}", ran.out);
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("before\n### webhookc: 3 errors in 1 file"), "{summary}");
    let mut asked = command(folder.path(), &["check", "--output-format", "concise"]);
    let ran = Ran::from(asked.env("GITHUB_ACTIONS", "true").output().unwrap());
    assert!(ran.out.starts_with("schema.xml:2:"), "{}", ran.out);
}

#[test]
fn rules_lists_every_code() {
    let folder = project(&[]);
    let ran = run(folder.path(), &["rules"]);
    assert!(ran.out.contains("WH0203  error    unknown-reference\n") && ran.out.contains("WH0902  error"), "{}", ran.out);
    let ran = run(folder.path(), &["rules", "--output-format", "json"]);
    let table: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(table["rules"].as_array().unwrap().len(), webhookc::diagnostics::Code::ALL.len());
    assert!(table["rules"][0]["page"].as_str().unwrap().starts_with("# WH0001 "));
}

#[test]
fn serve_says_why_not_and_no_warning_among_the_reasons() {
    let toml = "[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"http://169.254.169.254/x\"\n";
    let folder = project(&[("schema.xml", GOOD), ("webhookc.toml", toml)]);
    let ran = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let (findings, reasons) = ran.err.split_once("error: the program cannot be run\n").expect(&ran.err);
    assert!(findings.contains("warning[WH0503]") && !reasons.contains("warning"), "{}", ran.err);
    assert_eq!(reasons.matches("caused by: ").count(), 1, "{reasons}");
    assert!(reasons.contains("the endpoint `erp` may not be called: the address 169.254.169.254"), "{reasons}");
}
