//! The compiler on whole schemas: every case folder against its `expected.txt`, every page against its own examples, and odd but legal
//! schemas without a finding. `UPDATE_EXPECT=1` rewrites what is expected.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{compile_folder, compile_test, compile_text, compile_without_targets, in_words};
use webhookc::diagnostics::{Code, Severity, page};
use webhookc::schema::{FIELD_TYPES, TEXT_FORMATS};
use webhookc::template::{FILTERS, TESTS};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Compares what is found in each case of a folder with its `expected.txt`; `named` looks at what was found.
fn compare(cases: &str, named: impl Fn(&str, &str)) {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for folder in sorted(&Path::new(CASES).join(cases)) {
        let found = in_words(&compile_folder(&folder));
        let file = folder.join("expected.txt");
        if update {
            fs::write(&file, &found).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != found {
            wrong.push(format!("{}\n{found}", file.display()));
        }
        named(folder.file_name().unwrap().to_str().unwrap(), &found);
    }
    assert!(wrong.is_empty(), "not as expected; if it is right, run with UPDATE_EXPECT=1:\n{}", wrong.join("\n"));
}

#[test]
fn every_case_finds_what_is_expected() {
    compare("check", |name, found| {
        let code = Code::find(name).unwrap_or_else(|| panic!("the case folder `{name}` is named after no code"));
        assert!(found.contains(code.as_str()), "the case of {} does not find it:\n{found}", code.as_str());
    });
}

#[test]
fn odd_projects_are_told_exactly_what_is_wrong() {
    compare("odd", |_, _| {});
}

#[test]
fn every_page_is_right_about_its_examples() {
    let mut wrong_pages = Vec::new();
    for (code, page) in Code::ALL.iter().filter_map(|code| page(*code).map(|page| (*code, page))) {
        let mut say = |what: &str, found: &str| wrong_pages.push(format!("{}: {what}\n{found}", code.as_str()));
        if !page.text.starts_with(&format!("# {} {}\n", code.as_str(), code.name())) || !page.text.contains("\n## Why\n") {
            say("no title or no reason", "");
        }
        let (Some(wrong), Some(right)) = (page.wrong(), page.right()) else {
            say("an example is missing", "");
            continue;
        };
        let compile = if code == Code::WebhookWithoutTarget {
            compile_without_targets
        } else if code.as_str().starts_with("WH08") {
            compile_test
        } else {
            compile_text
        };
        let found = compile(wrong);
        if !found.diagnostics.iter().any(|diagnostic| diagnostic.code == code) {
            say("the wrong example does not yield it", &in_words(&found));
        }
        let found = compile(right);
        if found.diagnostics.has_errors() || found.diagnostics.iter().any(|diagnostic| diagnostic.code == code) {
            say("the right example is not right", &in_words(&found));
        }
    }
    assert!(wrong_pages.is_empty(), "{}", wrong_pages.join("\n"));
}

#[test]
fn pages_list_all_that_there_is() {
    let text = |code| page(code).unwrap().text;
    for filter in FILTERS {
        assert!(text(Code::UnknownFilter).contains(&format!("| `{}", filter.name)), "filter {}", filter.name);
        assert!(text(Code::UnknownFilter).contains(&format!("| {} |", filter.about)), "filter {}", filter.name);
    }
    for test in TESTS {
        assert!(text(Code::UnknownFunctionOrTest).contains(&format!("| `{}", test.name)), "test {}", test.name);
        assert!(text(Code::UnknownFunctionOrTest).contains(&format!("| {} |", test.about)), "test {}", test.name);
    }
    for (word, _) in FIELD_TYPES {
        assert!(text(Code::UnknownType).contains(&format!("`{word}`")), "type {word}");
    }
    for (word, _) in TEXT_FORMATS {
        assert!(text(Code::UnknownTextFormat).contains(&format!("`{word}`")), "format {word}");
    }
}

#[test]
fn legal_schemas_have_no_finding() {
    let schemas = sorted(&Path::new(CASES).join("valid"));
    assert!(schemas.len() >= 50, "{} schemas", schemas.len());
    let mut wrong = Vec::new();
    for path in schemas {
        let compilation = compile_text(&fs::read_to_string(&path).unwrap());
        let errors = compilation.diagnostics.count(Severity::Error) + compilation.diagnostics.count(Severity::Warning);
        if errors > 0 {
            wrong.push(format!("{}\n{}", path.display(), in_words(&compilation)));
            continue;
        }
        assert!(compilation.rules.is_some(), "{} has rules", path.display());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_linked_and_named() {
    let folder = Path::new(CASES).join("check").join("duplicate-definition");
    let found = in_words(&compile_folder(&folder));
    assert!(found.contains("a.xml:") && found.contains("b.xml:"), "{found}");
}
