//! What editors and other programs are told: the XML Schema accepts every example and refuses mistakes, the JSON Schemas accept real
//! files and outputs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jsonschema::Validator;
use serde_json::{Value, json};
use support::compile_folder;
use webhookc::report::{Format, Style, render};
use webhookc::schema::xsd;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn xsd_file() -> PathBuf {
    Path::new(ROOT).join("schemas/webhookc.xsd")
}

/// What `xmllint` says against files; empty when all are valid.
fn xmllint(files: &[PathBuf]) -> String {
    let lint = Command::new("xmllint").args(["--noout", "--schema"]).arg(xsd_file()).args(files).output();
    let lint = lint.unwrap_or_else(|error| panic!("xmllint cannot be run ({error}); it is in the package libxml2-utils"));
    let said = String::from_utf8_lossy(&lint.stderr).into_owned();
    if lint.status.success() { String::new() } else { said }
}

fn files_in(folder: &str, name: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(Path::new(ROOT).join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    found = found.into_iter().map(|path| if path.is_dir() { path.join(name) } else { path }).collect();
    found.retain(|path| path.exists() && path.extension() == Path::new(name).extension());
    found.sort();
    assert!(!found.is_empty(), "{folder}");
    found
}

#[test]
fn the_xml_schema_is_current() {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(xsd_file(), xsd()).unwrap();
    }
    let kept = fs::read_to_string(xsd_file()).unwrap_or_default();
    assert_eq!(kept, xsd(), "run with UPDATE_EXPECT=1, or `webhookc schema xsd > schemas/webhookc.xsd`");
}

#[test]
fn the_xml_schema_accepts_every_example() {
    let mut files = files_in("schemas", "schema.xml");
    files.extend(files_in("tests/cases/valid", "schema.xml"));
    // A schema of XSD is of one namespace, the language of none: a root with a default namespace is read, but editors cannot check it.
    files.retain(|file| !fs::read_to_string(file).unwrap().contains("xmlns="));
    assert!(files.len() > 20);
    assert_eq!(xmllint(&files), "");
}

#[test]
fn the_xml_schema_refuses_mistakes() {
    const GOOD: &str = "<data-model><model name=\"a\" label=\"A\"><field name=\"n\" label=\"N\" type=\"text:name\"/><belongs-to model=\"a\"/>\
        <index on=\"n\" database=\"app, cloud\"/><display>{n}</display><webhook type=\"ready\" on=\"create update\"><field name=\"a.n\" \
        state=\"present\" limit=\"10\"/><request url=\"http://x/\"><header name=\"h\">1</header><body>{}</body></request></webhook></model></data-model>";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.xml");
    let lint = |text: &str| {
        fs::write(&file, text).unwrap();
        xmllint(std::slice::from_ref(&file))
    };
    assert_eq!(lint(GOOD), "");
    for (good, bad) in [
        ("name=\"a\" label", "name=\"1a\" label"),
        (" label=\"A\"", ""),
        ("label=\"N\"", "label=\" \""),
        ("text:name", "text:nme"),
        ("<belongs-to", "<belongsto"),
        ("<belongs-to model=\"a\"/>", "<belongs-to/>"),
        ("model=\"a\"/>", "model=\"a\" inverse=\"x\"/>"),
        ("app, cloud", "app, clod"),
        ("<display>{n}</display>", ""),
        ("<display>{n}</display>", "<display>{n}</display><display>{n}</display>"),
        ("<index on=\"n\" database=\"app, cloud\"/>", "<display>x</display><field name=\"z\" label=\"Z\" type=\"text\"/>"),
        ("type=\"ready\"", "type=\"later\""),
        ("create update", "creation"),
        ("a.n\"", "a..n\""),
        ("present", "there"),
        ("limit=\"10\"", "limit=\"0\""),
        ("<request url=\"http://x/\">", "<request>"),
        ("<header name=\"h\">1</header>", "<header>1</header>"),
        ("<body>{}</body>", "<body><b/></body>"),
        ("<body>{}</body>", "<body>{}</body><header name=\"h\">2</header><body>{}</body>"),
        ("<request url=\"http://x/\">", "<request url=\"http://x/\"/><request url=\"http://x/\">"),
        ("type=\"text:name\"", "type=\"attachment\" media=\"image/jpg\""),
        ("data-model>", "datamodel>"),
    ] {
        assert!(GOOD.contains(good), "{good}");
        assert_ne!(lint(&GOOD.replace(good, bad)), "", "{good} -> {bad}");
    }
}

fn validator(name: &str) -> Validator {
    let text = fs::read_to_string(Path::new(ROOT).join("schemas").join(name)).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert!(jsonschema::meta::is_valid(&schema), "{name} is no JSON Schema");
    jsonschema::validator_for(&schema).unwrap()
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn real_findings_match_their_json_schema() {
    let validator = validator("check.schema.json");
    let mut findings = 0;
    for folder in fs::read_dir(Path::new(ROOT).join("tests/cases/check")).unwrap().map(|entry| entry.unwrap().path()) {
        let report: Value = serde_json::from_str(&render(&compile_folder(&folder), Format::Json, Style::PLAIN)).unwrap();
        findings += report["diagnostics"].as_array().unwrap().len();
        assert_eq!(errors(&validator, &report), Vec::<String>::new(), "{}", folder.display());
        let mut broken = report.clone();
        broken["summary"]["files"] = json!("one");
        assert_ne!(errors(&validator, &broken), Vec::<String>::new());
    }
    assert!(findings > 90, "{findings}");
}

#[test]
fn project_files_match_their_json_schema() {
    let validator = validator("webhookc.toml.schema.json");
    let read = |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap();
    for file in files_in("schemas", "webhookc.toml") {
        assert_eq!(errors(&validator, &read(&fs::read_to_string(&file).unwrap())), Vec::<String>::new(), "{}", file.display());
    }
    let whole = "app = \"a\"\nserver = \"http://x\"\nschemas = [\"s\"]\ntemplates = \"t\"\nlisten.address = \"127.0.0.1:1\"\nstore.url = \"sqlite:x\"\n\
        [retention]\ndelivered = \"12h\"\ndiverted = \"forever\"\n\
        [vars]\nbase = \"x\"\nport = 1\n[secrets]\nt = { env = \"T\" }\n[egress]\nallow_networks = [\"10.0.0.0/8\"]\n\
        [receivers.cloudcode]\nurl = \"http://x/{{ action }}\"\nheaders = { a = [\"1\", \"2\"] }\n\
        [[endpoints]]\nname = \"erp\"\nevents = [\"a\"]\nurl = \"http://x\"\nsecret = { file = \"k\" }\nsignatures = [\"standard\", \"asymmetric\", \"journey\"]\n\
        signing_key = { env = \"K\" }\nprevious_secrets = [{ secret = \"whsec_x\", until = 2026-12-01T00:00:00Z }]\n\
        timeout = \"15s\"\nconcurrency = 4\nrate_limit = \"100/s\"\norder = \"object\"\nenabled = true\n[endpoints.failure_handling]\ntriggers = [\"5xx\", 429]\n\
        alert_endpoint = \"ops\"\ndivert = false\nsuspend = true\nretry = { pattern = \"linear\", interval = \"1s\", max_attempts = 5 }\n\
        [nats.main]\nservers = [\"nats://x\"]\nuser = \"u\"\npassword = { env = \"P\" }\ntls = true\nca = \"f\"\n\
        [source.nats]\nstream = \"S\"\nsubject = \"s.>\"\ntenant = { part = 2 }\nmodel = \"asset\"\nid = { part = 3 }\nack_wait = \"5s\"\norder = \"none\"\n";
    assert_eq!(errors(&validator, &read(whole)), Vec::<String>::new());
    for wrong in [
        "ap = \"a\"",
        "app = 1",
        "[listen]\nadress = \"x\"",
        "[secrets]\nt = \"in the file\"",
        "[nats.main]\ntls = true",
        "[source.nats]\nstream = \"S\"\nid = { part = 0 }",
        "[retention]\ndelivered = \"soon\"",
        "[retention]\nfaild = \"1d\"",
        "[receivers.x]\nurl = \"u\"\nprevious_secrets = [{ secret = \"s\" }]",
        "[receivers.x]\nurl = \"u\"\nsignatures = [\"v1a\"]",
        "[secrets]\nt = { env = \"T\", file = \"f\" }",
        "[receivers.x]\nmethod = \"POST\"",
        "[receivers.x]\nurl = \"u\"\nbody = \"b\"\ntemplate = \"t\"",
        "[receivers.x]\nurl = \"u\"\nevents = \"a\"",
        "[[endpoints]]\nname = \"sink\"\nevents = \"*\"\nurl = \"u\"",
        "[[endpoints]]\nname = \"a\"\nurl = \"u\"",
        "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"u\"\nconcurency = 1",
        "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"u\"\ntimeout = 5",
        "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"u\"\nrate_limit = \"100\"",
        "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"u\"\nfailure_handling = { divert = \"no\" }",
        "[[endpoints]]\nname = \"a\"\nevents = \"*\"\nurl = \"u\"\nfailure_handling = { retry = { pattern = \"square\" } }",
    ] {
        assert_ne!(errors(&validator, &read(wrong)), Vec::<String>::new(), "{wrong}");
    }
}
