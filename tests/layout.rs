//! The shape of the source: modules import only what stands above them, third-party crates stay in their folders, files stay short,
//! and every diagnostic code has its page and its case.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use webhookc::diagnostics::{Code, page};

/// Lines that a source file may have.
const LONGEST: usize = 400;

/// Third-party crates and the only folders (or files) that may use them.
const FENCES: &[(&str, &[&str])] = &[
    ("quick_xml", &["syntax"]),
    ("minijinja", &["template"]),
    ("miette", &["report", "cli", "main.rs"]),
    ("rusqlite", &["store"]),
    ("refinery", &["store"]),
    ("tokio_postgres", &["store", "source"]),
    ("postgres_protocol", &["source"]),
    ("fallible_iterator", &["source"]),
    ("async_nats", &["broker", "consume"]),
    ("reqwest", &[]),
    ("hyper", &["egress"]),
    ("hyper_util", &["egress"]),
    ("http_body_util", &["egress"]),
    ("tokio_rustls", &["egress", "store"]),
    ("rustls_platform_verifier", &["egress", "store"]),
    ("flate2", &["egress"]),
    ("notify", &["reload"]),
    ("axum", &["server"]),
    ("rustix", &["store", "egress", "cli"]),
    ("clap", &["cli", "main.rs"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("toml", &["config"]),
    ("saphyr_parser", &["scenario"]),
    ("maud", &["server"]),
    ("schemars", &["ids.rs", "server"]),
    ("serde_path_to_error", &["server"]),
    ("prometheus_client", &["telemetry"]),
    ("opentelemetry", &["spans"]),
    ("opentelemetry_http", &["spans"]),
    ("opentelemetry_otlp", &["spans"]),
    ("opentelemetry_sdk", &["spans"]),
    ("tracing_subscriber", &["telemetry"]),
    ("regex_lite", &["scenario"]),
    ("lsp_types", &["lsp"]),
];

/// File names that say nothing about what is in them.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "types", "misc", "prelude"];

/// Words that must not be left in the source.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "todo!(", "unimplemented!(", "dbg!("];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder` as (path relative to it, text).
fn rust_files(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, base: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(base).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    assert!(!found.is_empty(), "no Rust file below {}", folder.display());
    found
}

/// The first path segment of a file: the module it belongs to.
fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Code without comments, so that prose may name what it likes.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

/// The identifiers that follow `prefix` in the code: for `crate::`, the modules that are named, also in `crate::{a::B, c}`.
fn named_after(code: &str, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut fresh = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.push(std::mem::take(&mut word));
                        fresh = true;
                    }
                    c if depth == 0 && fresh && (c.is_alphanumeric() || c == '_') => word.push(c),
                    c if depth == 0 && !c.is_whitespace() => fresh = false,
                    _ => {}
                }
            }
            found.push(word);
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

#[test]
fn modules_import_only_what_stands_above_them() {
    let files = rust_files(&root().join("src"));
    let order: Vec<&str> = files["lib.rs"].lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(order.len() > 15, "the module list of lib.rs was not understood: {order:?}");
    let rank = |module: &str| order.iter().position(|known| *known == module);
    let mut wrong = Vec::new();
    for (file, text) in &files {
        if file == "main.rs" || file == "lib.rs" {
            continue;
        }
        let own = rank(module_of(file)).unwrap_or_else(|| panic!("{file} is in no module of lib.rs"));
        for named in named_after(&without_comments(text), "crate::") {
            match rank(&named) {
                Some(other) if other > own => wrong.push(format!("{file} uses crate::{named}, which stands below it")),
                Some(_) => {}
                None => wrong.push(format!("{file} names crate::{named}, which is no module of lib.rs")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn third_party_crates_stay_in_their_folders() {
    let mut wrong = Vec::new();
    for (file, text) in rust_files(&root().join("src")) {
        let code = without_comments(&text);
        for (name, homes) in FENCES {
            let at_home = homes.iter().any(|home| file == *home || module_of(&file) == *home);
            let used = !named_after(&code, &format!("use {name}")).is_empty()
                || code.contains(&format!("use {name}::"))
                || code.contains(&format!("use {name};"))
                || code
                    .match_indices(&format!("{name}::"))
                    .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            if used && !at_home {
                wrong.push(format!("{file} uses {name}, which belongs to {homes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_api_makes_no_right_of_its_own() {
    let mut wrong = Vec::new();
    for (file, text) in rust_files(&root().join("src")) {
        if module_of(&file) == "server" && without_comments(&text).contains("Scope::of_node") {
            wrong.push(format!("{file} makes a scope without a check: take `Allowed` or `OfNode` as a parameter"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_named_after_a_concept_and_finished() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz/src"] {
        for (file, text) in rust_files(&root().join(folder)) {
            let lines = text.lines().count();
            if lines > LONGEST {
                wrong.push(format!("{folder}/{file} has {lines} lines, more than {LONGEST}: split it by concept"));
            }
            if file.split('/').any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"))) {
                wrong.push(format!("{folder}/{file}: the name says nothing"));
            }
            if folder == "src" {
                wrong.extend(UNFINISHED.iter().filter(|word| text.contains(**word)).map(|word| format!("{folder}/{file} contains {word}")));
                let first = text.lines().next().unwrap_or("");
                if !first.starts_with("//!") && !file.ends_with("tests.rs") && !file.contains("/tests/") {
                    wrong.push(format!("{folder}/{file} does not open with a //! paragraph"));
                }
            }
            if file != "layout.rs" && text.contains("#[ignore") {
                wrong.push(format!("{folder}/{file} ignores a test"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_its_page_and_its_case() {
    let mut wrong = Vec::new();
    for &code in Code::ALL {
        let (number, name) = (code.as_str(), code.name());
        match page(code) {
            None => wrong.push(format!("{number} has no page src/diagnostics/pages/{number}.md")),
            Some(page) => {
                if !page.text.starts_with(&format!("# {number} {name}\n")) {
                    wrong.push(format!("the page of {number} does not open with `# {number} {name}`"));
                }
                if page.wrong().is_none() || page.right().is_none() {
                    wrong.push(format!("the page of {number} lacks a wrong or a right example"));
                }
            }
        }
        let case = root().join("tests/cases/check").join(name);
        match fs::read_to_string(case.join("expected.txt")) {
            Err(_) => wrong.push(format!("{number} has no case {}/expected.txt", case.display())),
            Ok(expected) if !expected.contains(number) => wrong.push(format!("the case {} does not expect {number}", case.display())),
            Ok(_) => {}
        }
    }
    let pages = fs::read_dir(root().join("src/diagnostics/pages"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "md"));
    assert_eq!(pages.count(), Code::ALL.len(), "a page without a code");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn codes_are_unique_and_in_order() {
    assert!(Code::ALL.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
    let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), Code::ALL.len());
}
