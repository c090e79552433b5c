//! Dialects and layout: older schemas mean what their rewriting means, and laying out changes nothing that the compiler sees.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/meaning.rs"]
mod meaning;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use meaning::meaning;
use proptest::prelude::*;
use support::{compile_text, in_words, unescape};
use webhookc::compile::Compilation;
use webhookc::diagnostics::{Code, Diagnostics};
use webhookc::format::{Options, format};
use webhookc::schema::Dialect;
use webhookc::text::SourceMap;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn lay_out(text: &str, options: Options) -> Result<String, Diagnostics> {
    let mut sources = SourceMap::default();
    let file = sources.add("schema.xml", unescape(text));
    format(file, sources.file(file), options)
}

fn schemas_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            schemas_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
    found.sort();
}

fn every_schema() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    schemas_below(&Path::new(ROOT).join("tests/cases"), &mut paths);
    schemas_below(&Path::new(ROOT).join("schemas"), &mut paths);
    assert!(paths.len() > 80, "{} schemas", paths.len());
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn older_dialects_are_read_and_rewritten() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut cases: Vec<_> =
        fs::read_dir(Path::new(ROOT).join("tests/cases/dialects")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 4);
    for case in cases {
        let old = fs::read_to_string(case.join("old.xml")).unwrap();
        let upgraded = lay_out(&old, Options { upgrade: true, dialect: None }).unwrap();
        let (before, after) = (compile_text(&old), compile_text(&upgraded));
        for (file, found) in [("upgraded.xml", &upgraded), ("expected.txt", &in_words(&before))] {
            if update {
                fs::write(case.join(file), found).unwrap();
            }
            let expected = fs::read_to_string(case.join(file)).unwrap_or_default();
            assert_eq!(&expected, found, "{} {file}; if it is right, run with UPDATE_EXPECT=1", case.display());
        }
        let codes = |compilation: &Compilation| compilation.diagnostics.iter().map(|found| found.code).collect::<Vec<_>>();
        assert_eq!(codes(&before), codes(&after), "{}", case.display());
        if before.rules.is_some() {
            assert_eq!(meaning(&before), meaning(&after), "{}", case.display());
        }
        assert_eq!(lay_out(&upgraded, Options { upgrade: true, dialect: None }).unwrap(), upgraded);
    }
}

#[test]
fn a_dialect_that_is_asked_for_has_to_be_that_of_the_root() {
    let found = |text: &str, dialect| {
        let mut input = webhookc::compile::Input { dialect: Some(dialect), ..Default::default() };
        input.schemas.push(input.sources.add("schema.xml", text.as_bytes().to_vec()));
        let compilation = webhookc::compile::compile(input);
        compilation.diagnostics.iter().map(|found| (found.code, found.message.clone())).collect::<Vec<_>>()
    };
    let model = "<object name='a' label='A'><display>a</display></object>";
    assert_eq!(found(&format!("<data-model>{model}</data-model>"), Dialect::V3p0), []);
    assert_eq!(
        found(&format!("<data-model>{model}</data-model>"), Dialect::V2),
        [(Code::WrongRoot, "the root element is `data-model`, which is dialect 3.0; expected `schema` of dialect 2".to_owned())]
    );
    let current = found(&format!("<data-model>{model}</data-model>"), Dialect::V3p1);
    assert!(current.iter().any(|(code, _)| *code == Code::UnknownElement), "{current:?}");
}

#[test]
fn examples_are_laid_out_already() {
    let mut paths = Vec::new();
    schemas_below(&Path::new(ROOT).join("schemas"), &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(lay_out(&text, Options::default()).unwrap(), text, "{}", path.display());
    }
}

#[test]
fn laying_out_keeps_the_meaning_and_is_done_once() {
    let mut done = 0;
    for (path, text) in every_schema() {
        let Ok(once) = lay_out(&text, Options::default()) else {
            continue;
        };
        done += 1;
        assert_eq!(lay_out(&once, Options::default()).unwrap(), once, "{}", path.display());
        assert_eq!(meaning(&compile_text(&once)), meaning(&compile_text(&text)), "{}", path.display());
    }
    assert!(done > 60, "{done}");
}

#[test]
fn the_layout_of_everything_at_once() {
    let text = "\u{feff}<?xml version='1.0'?><?a b?> <!-- c --><data-model   x = '1' ><!-- first -->\n\n\n<model name=\"a\"\n label='\"A\"&apos;' >\
        <field name='n' label='multi\n line' type='text'></field> <!-- behind -->\n\t<!-- two\n\t     lines\n\n\t-->\n\n\n\
        <display> <![CDATA[ {n} ]]>\n </display  ></model><?pi?><model name='b' label='B'><!-- only --></model>\n<!-- last --></data-model>\n\n\n<!-- end -->";
    let expected = "\u{feff}<?xml version='1.0'?> <?a b?> <!-- c -->\n<data-model x=\"1\"> <!-- first -->\n\n    <model name=\"a\" label='\"A\"&apos;'>\n\
        \x20       <field name=\"n\" label=\"multi\n line\" type=\"text\" /> <!-- behind -->\n        <!-- two\n             lines\n\n        -->\n\n\
        \x20       <display> <![CDATA[ {n} ]]>\n </display>\n    </model> <?pi?>\n\n    <model name=\"b\" label=\"B\"> <!-- only -->\n    </model>\n\n    <!-- last -->\n\
        </data-model>\n\n<!-- end -->\n";
    let once = lay_out(text, Options::default()).unwrap();
    assert_eq!(once, expected);
    assert_eq!(lay_out(&once, Options::default()).unwrap(), once);
}

#[test]
fn long_tags_are_broken_and_line_ends_are_kept() {
    let label = "x".repeat(120);
    let text = format!("<data-model>\r\n<model name='a' label='{label}'/>\r\n</data-model>");
    let expected = format!("<data-model>\r\n    <model\r\n        name=\"a\"\r\n        label=\"{label}\" />\r\n</data-model>\r\n");
    assert_eq!(lay_out(&text, Options::default()).unwrap(), expected);
    assert_eq!(lay_out(&expected, Options::default()).unwrap(), expected);
}

#[test]
fn text_between_elements_stays_and_what_stands_in_it_is_upgraded() {
    let text = "<data-model><object name='a' label='A'> x <belongs-to  type='a'/>y\n <display >{a_id}</display> </object></data-model>";
    let expected = "<data-model>\n    <model name=\"a\" label=\"A\"> x <belongs-to model=\"a\" />y\n <display>{a_id}</display> </model>\n</data-model>\n";
    let options = Options { upgrade: true, dialect: None };
    assert_eq!(lay_out(text, options).unwrap(), expected);
    assert_eq!(lay_out(expected, options).unwrap(), expected);
}

#[test]
fn what_is_not_well_formed_is_left_alone() {
    let found = lay_out("<data-model><model name=a/></data-model>", Options::default()).unwrap_err();
    assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), [Code::UnquotedValue]);
    assert!(lay_out("", Options::default()).is_err());
}

/// Pieces that may stand between two elements.
const GAPS: [&str; 9] = ["", " ", "\n", "\n\n\n", "\t", "\r\n", "<!-- a -->", "\n  <!-- b\n   c -->\n", "<?p i?>"];

proptest! {
    #[test]
    fn any_gaps_between_elements(
        schema in any::<prop::sample::Index>(),
        gaps in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(GAPS.to_vec())), 1..12),
    ) {
        let mut paths = Vec::new();
        schemas_below(&Path::new(ROOT).join("tests/cases/valid"), &mut paths);
        let mut text = fs::read_to_string(&paths[schema.index(paths.len())]).unwrap();
        for (at, gap) in gaps {
            let ends: Vec<usize> = text.match_indices("/>").map(|(at, end)| at + end.len()).collect();
            if !ends.is_empty() {
                text.insert_str(ends[at.index(ends.len())], gap);
            }
        }
        if let Ok(once) = lay_out(&text, Options::default()) {
            prop_assert_eq!(&lay_out(&once, Options::default()).unwrap(), &once);
            prop_assert_eq!(meaning(&compile_text(&once)), meaning(&compile_text(&text)));
        }
    }
}
