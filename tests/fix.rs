//! Fixes: each one applied alone removes its finding and adds none; all of them together end, and a second time there is nothing to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::{compile_folder, folder_input, in_words};
use webhookc::compile::{Compilation, compile};
use webhookc::diagnostics::{Code, Diagnostic, Fix};
use webhookc::fix::{Reach, fix};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/check");

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// How often each code and message is found, but for files that cannot be repaired.
fn counted(compilation: &Compilation) -> BTreeMap<(Code, &str), usize> {
    let mut counts = BTreeMap::new();
    for found in &compilation.diagnostics {
        *counts.entry((found.code, found.message.as_str())).or_default() += 1;
    }
    counts
}

/// What is found after `one` alone has been applied.
fn after(folder: &Path, one: &Fix) -> Compilation {
    let mut input = folder_input(folder);
    let mut edits = one.edits.clone();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
    for edit in edits {
        let mut text = input.sources.file(edit.span.file).text.clone();
        text.replace_range(edit.span.range(), &edit.text);
        input.sources.replace(edit.span.file, text);
    }
    compile(input)
}

fn is_editable(compilation: &Compilation, finding: &Fix) -> bool {
    finding.edits.iter().all(|edit| compilation.sources.file(edit.span.file).invalid_at.is_none())
}

#[test]
fn every_fix_removes_its_finding_and_adds_none() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for folder in folders() {
        let before = compile_folder(&folder);
        let known = counted(&before);
        for finding in &before.diagnostics {
            for one in finding.fixes.iter().filter(|one| is_editable(&before, one)) {
                seen += 1;
                let repaired = after(&folder, one);
                let found = counted(&repaired);
                let key = (finding.code, finding.message.as_str());
                let new: Vec<_> = found.keys().filter(|key| !known.contains_key(*key)).collect();
                let kept = found.get(&key).copied().unwrap_or(0) >= known.get(&key).copied().unwrap_or(0);
                if kept || (one.safe && !new.is_empty()) {
                    wrong.push(format!("{}: {} → {} (kept: {kept}, new: {new:?})", folder.display(), finding.message, one.title));
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} fixes in the cases");
    assert!(wrong.is_empty(), "{} of {seen}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn applying_all_ends_and_a_second_time_changes_nothing() {
    for folder in folders() {
        for reach in [Reach::Safe, Reach::All] {
            let wanted = |_: &Diagnostic| true;
            let first = fix(folder_input(&folder), reach, wanted);
            let mut input = folder_input(&folder);
            for file in first.before.keys() {
                input.sources.replace(*file, first.compilation.sources.file(*file).text.clone());
            }
            let second = fix(input, reach, wanted);
            assert!(second.before.is_empty() && second.applied == 0, "{} {reach:?}\n{}", folder.display(), in_words(&first.compilation));
            let left = first.compilation.diagnostics.iter().flat_map(|found| &found.fixes);
            let left = left.filter(|one| (one.safe || reach == Reach::All) && is_editable(&first.compilation, one)).count();
            assert_eq!(left, 0, "{} {reach:?}\n{}", folder.display(), in_words(&first.compilation));
        }
    }
}

#[test]
fn only_what_is_wanted_is_repaired() {
    let folder = Path::new(CASES).join("unquoted-value");
    let none = fix(folder_input(&folder), Reach::All, |_| false);
    assert!(none.before.is_empty() && none.applied == 0);
    let all = fix(folder_input(&folder), Reach::Safe, |found| found.code == Code::UnquotedValue);
    assert!(!all.before.is_empty() && all.applied > 0);
}
