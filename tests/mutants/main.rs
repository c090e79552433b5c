//! Mistakes that people make, made in schemas that are right: each is caught, with one diagnostic, at the text that was changed. The
//! tables of `markup`, `language` and `templates` list the mistakes; each is made in up to [`SITES`] places of every document.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod document;
mod language;
mod markup;
mod places;
mod templates;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use document::{Change, Document};
use support::{in_words, settings};
use webhookc::compile::{Compilation, Input, compile};
use webhookc::diagnostics::{Code, Diagnostic, Severity};

/// Places of one document in which a mistake is made, at most.
const SITES: usize = 4;

/// A mistake: its name, the codes that may tell of it, and the places in a document where it can be made.
pub struct Mistake {
    name: &'static str,
    codes: &'static [Code],
    places: fn(&Document) -> Vec<Change>,
}

/// Mistakes that are not tried in a document, because the text that they leave can be read in two ways, and is read in the other one. A value
/// without its quote ends at its line, a space or a `>`, which in these documents are part of it. An element that holds nothing wherever
/// else it stands in a file, or whose children are indented no further than itself, is taken to have lost its `/`, not its closing tag.
/// And `t&#xq65;xt` is a mistake in the reference before it is one in the type.
const READ_OTHERWISE: &[(&str, &str)] = &[
    ("the closing quote is missing", "greater_than_in_value"),
    ("the closing quote is missing", "line_break_in_label"),
    ("the closing quote is missing", "template_forms"),
    ("both quotes are missing", "line_break_in_label"),
    ("the opening quote is missing", "request_get_without_body"),
    ("the `>` of an opening tag is missing", "greater_than_in_value"),
    ("the closing tag is missing", "boolean_options"),
    ("the closing tag is missing", "option_without_label"),
    ("the closing tag is missing", "tabs"),
    ("a type is misspelt", "references_in_names"),
];

/// The schema that the template files are compiled with.
const TEMPLATE_SCHEMA: &str = "schemas/deployments/schema.xml";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn documents() -> Vec<Document> {
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let stories = files("schemas").into_iter().filter(|path| path.is_dir()).map(|folder| folder.join("schema.xml"));
    let schemas = stories.chain(files("tests/cases/valid"));
    let mut documents: Vec<Document> = schemas.map(|path| Document::schema(relative(&path), read(&path))).collect();
    documents.extend(files("templates").iter().map(|path| Document::template(relative(path), read(path))));
    documents
}

/// Compiles a document with this text instead of its own.
fn compiled(document: &Document, text: &str) -> Compilation {
    let mut input = Input::default();
    let schema = if document.is_template { read(&root().join(TEMPLATE_SCHEMA)) } else { text.to_owned() };
    input.schemas.push(input.sources.add("schema.xml", schema.into_bytes()));
    for path in files("templates") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let own = root().join(&document.path) == path;
        let file = input.sources.add(format!("templates/{name}"), if own { text.to_owned() } else { read(&path) }.into_bytes());
        input.templates.push((name, file));
    }
    input.settings = settings(&mut input.sources);
    for name in ["api", "base_url"] {
        input.settings.vars.insert(name.to_owned(), "https://api.example.com".to_owned());
    }
    input.settings.secrets.extend(["token", "github_token"].map(str::to_owned));
    compile(input)
}

fn grave(compilation: &Compilation) -> impl Iterator<Item = &Diagnostic> {
    compilation.diagnostics.iter().filter(|found| found.severity() != Severity::Info)
}

/// What is wrong with the answer to a mistake; `None` when it is right.
fn objection(mistake: &Mistake, document: &Document, change: &Change) -> Option<String> {
    let mut text = document.text.clone();
    text.replace_range(change.at.clone(), &change.with);
    let inside = change.near.end >= change.at.end;
    let near = change.near.start..if inside { change.near.end + change.with.len() - change.at.len() } else { change.near.end };
    let before = compiled(document, &document.text);
    let is_new = |found: &&Diagnostic| !grave(&before).any(|old| (old.code, &old.message) == (found.code, &found.message));
    let compilation = compiled(document, &text);
    let found: Vec<&Diagnostic> = grave(&compilation).filter(is_new).collect();
    let objection = match found.as_slice() {
        [] => "it is not caught".to_owned(),
        [one] => {
            let place = one.primary.span.range();
            let file = &compilation.sources.file(one.primary.span.file).name;
            let is_file = if document.is_template { document.path == *file } else { file == "schema.xml" };
            if !mistake.codes.contains(&one.code) {
                "it is taken for something else".to_owned()
            } else if !is_file || place.start < near.start || place.end > near.end {
                format!("it is not underlined; expected a place in {:?}", &text[near.clone()])
            } else {
                return None;
            }
        }
        more => format!("it costs {} diagnostics", more.len()),
    };
    let line = text[..change.at.start].bytes().filter(|&byte| byte == b'\n').count();
    let seen = text.lines().nth(line).unwrap_or("").chars().take(160).collect::<String>();
    Some(format!("{}: {} in line {}: {objection}\n  | {seen}\n{}", mistake.name, document.path, line + 1, in_words(&compilation)))
}

/// Up to [`SITES`] of the places, always the same ones, spread over the document.
fn some(places: Vec<Change>, seed: usize) -> Vec<Change> {
    let count = places.len();
    let step = count.div_ceil(SITES).max(1);
    places.into_iter().skip(seed % step).step_by(step).collect()
}

#[test]
fn every_mistake_is_caught_once_at_its_place() {
    let documents = documents();
    let (mut made, mut wrong) = (0, Vec::new());
    for (index, mistake) in [markup::MISTAKES, language::MISTAKES, templates::MISTAKES].into_iter().flatten().enumerate() {
        let before = made;
        for (seed, document) in documents.iter().enumerate() {
            for change in some((mistake.places)(document), seed + index) {
                let is_named = |name: &str| Path::new(&document.path).file_stem().is_some_and(|stem| stem == name);
                if !READ_OTHERWISE.iter().any(|(known, name)| *known == mistake.name && is_named(name)) {
                    made += 1;
                    wrong.extend(objection(mistake, document, &change));
                }
            }
        }
        if made == before {
            wrong.push(format!("{}: it can be made in no document", mistake.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {made} mutants:\n{}", wrong.len(), wrong.join("\n"));
    assert!(made >= 200, "{made} mutants");
}

#[test]
fn the_documents_are_right_before_the_mistakes() {
    for document in documents() {
        let compilation = compiled(&document, &document.text);
        let errors = compilation.diagnostics.count(Severity::Error);
        assert_eq!(errors, 0, "{}\n{}", document.path, in_words(&compilation));
    }
}
