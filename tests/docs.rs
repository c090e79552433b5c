//! The shape of the book in `docs`: every page is in the summary, and every link of a page leads to a page, a heading or a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn book() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/src")
}

/// Every page by its path below `docs/src`.
fn pages() -> BTreeMap<String, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<String, String>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(book()).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&book(), &mut found);
    found
}

/// The text outside blocks and spans of code.
fn prose(page: &str) -> String {
    let mut inside = false;
    let mut text = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside {
            text.extend(line.split('`').step_by(2));
            text.push('\n');
        }
    }
    text
}

/// The targets of `[text](target)`.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// What a heading is called in a link.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if !inside && line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

#[test]
fn every_page_is_in_the_summary_once_and_every_line_of_it_is_a_page() {
    let pages = pages();
    let listed = links(&pages["SUMMARY.md"]);
    let unique: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(listed.len(), unique.len(), "a page is listed twice: {listed:?}");
    let existing: BTreeSet<&String> = pages.keys().filter(|name| *name != "SUMMARY.md").collect();
    assert_eq!(unique, existing, "left: in the summary, right: in docs/src");
    assert!(listed.len() > 2);
}

#[test]
fn every_page_opens_with_its_only_first_heading() {
    for (name, page) in pages() {
        let mut inside = false;
        let mut headings = 0;
        for line in page.lines() {
            inside ^= line.starts_with("```");
            headings += usize::from(!inside && line.starts_with("# "));
        }
        assert!(page.starts_with("# ") && (headings == 1 || name == "SUMMARY.md"), "{name} has {headings} first headings");
        assert!(!inside, "a block of {name} does not end");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, page) in &pages {
        for link in links(page) {
            seen += 1;
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
            let path = if file.is_empty() { book().join(name) } else { book().join(name).parent().unwrap().join(file) };
            if !path.exists() {
                wrong.push(format!("{name}: `{link}` leads to nothing"));
            } else if let Some(anchor) = anchor
                && !anchors(&fs::read_to_string(&path).unwrap()).contains(anchor)
            {
                wrong.push(format!("{name}: `{link}` leads to a page without that heading"));
            }
        }
        for include in page.lines().filter_map(|line| line.trim().strip_prefix("{{#include ")?.strip_suffix("}}")) {
            let path = include.split(':').next().unwrap();
            seen += 1;
            if !book().join(path).is_file() {
                wrong.push(format!("{name}: the file `{path}` that it includes is not there"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 3, "only {seen} links were found");
}

#[test]
fn the_book_is_one() {
    let text = fs::read_to_string(book().parent().unwrap().join("book.toml")).unwrap();
    let settings: toml::Table = text.parse().unwrap();
    assert_eq!(settings["book"]["src"].as_str(), Some("src"));
    assert!(settings["book"]["title"].as_str().is_some_and(|title| !title.is_empty()));
}
