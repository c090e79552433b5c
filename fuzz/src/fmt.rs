//! Any bytes laid out: what can be laid out keeps its meaning, and is laid out for good.

use webhookc::compile::{Compilation, Input, compile};
use webhookc::format::{Options, changes, format};
use webhookc::text::SourceMap;

use super::meaning::{meaning, tables};
use super::sound::is_place;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    for upgrade in [false, true] {
        let options = Options { upgrade, dialect: None };
        let Some(once) = laid_out(bytes, options) else { continue };
        let twice = laid_out(once.as_bytes(), options);
        assert_eq!(twice.as_ref(), Some(&once), "laid out again it is something else");
        let before = compiled(bytes);
        let after = compiled(once.as_bytes());
        if !upgrade {
            assert_eq!(meaning(&before), meaning(&after), "laid out it means something else:\n{once}");
        } else if before.rules.is_some() {
            // What is found is said in other words.
            assert_eq!(tables(&before), tables(&after), "upgraded it means something else:\n{once}");
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            assert_eq!(changes("schema.xml", text, &once).is_empty(), text == once, "a diff is shown when there is a difference");
        }
    }
}

fn laid_out(bytes: &[u8], options: Options) -> Option<String> {
    let mut sources = SourceMap::default();
    let file = sources.add("schema.xml", bytes.to_vec());
    match format(file, sources.file(file), options) {
        Ok(text) => Some(text),
        Err(found) => {
            assert!(!found.is_empty() || sources.file(file).text.is_empty(), "left alone without a reason");
            found.iter().for_each(|finding| is_place(&sources, finding.primary.span));
            None
        }
    }
}

fn compiled(bytes: &[u8]) -> Compilation {
    let mut input = Input::default();
    input.schemas.push(input.sources.add("schema.xml", bytes.to_vec()));
    compile(input)
}
