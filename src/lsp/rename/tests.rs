//! What is answered at once is compared with what compiling says, for the names of every example.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::config::Overlay;

/// Names looked at in one project: each is compiled once for each new name.
const MOST: usize = 24;

/// The mark of the place that a case is about.
const MARK: char = '‸';

fn compiled(home: &Path) -> (Wanted, Snapshot) {
    let home = home.canonicalize().unwrap();
    let files = glob::glob(&home.join("**/*.*").to_string_lossy()).unwrap().map(Result::unwrap);
    let texts = files.map(|path| (std::fs::read_to_string(&path).unwrap(), path)).filter(|(text, _)| text.contains(MARK));
    let overlay: Overlay = texts.map(|(text, path)| (path, Arc::new(text.replace(MARK, "")))).collect();
    let wanted = Wanted { home, overlay, revisions: BTreeMap::new(), good_config: None };
    let snapshot = Snapshot::make(&wanted);
    (wanted, snapshot)
}

/// The places where names are declared, spread over the project.
fn declared(snapshot: &Snapshot) -> Vec<Entry> {
    let all: Vec<&Entry> = snapshot.index.all().filter(|entry| matches!(entry.role, Role::Declared | Role::Unnamed)).collect();
    all.iter().step_by(all.len().div_ceil(MOST).max(1)).map(|entry| (*entry).clone()).collect()
}

fn rename(snapshot: &Snapshot, entry: &Entry, name: &str) -> Rename {
    Rename {
        path: snapshot.path(entry.span.file).unwrap().to_owned(),
        offset: entry.span.start as usize,
        name: name.to_owned(),
        encoding: Encoding::Utf8,
        addresses: Addresses::default(),
    }
}

fn projects() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders =
        |folder: &str| std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut found: Vec<PathBuf> = folders("schemas").chain([root.join("tests/cases/lsp/rename/field")]).collect();
    found.sort();
    found
}

#[test]
fn what_is_answered_at_once_is_what_compiling_allows() {
    let mut at_once = 0;
    let mut asked = 0;
    for home in projects() {
        let (wanted, snapshot) = compiled(&home);
        assert!(snapshot.rules.is_some(), "{}", home.display());
        // Besides what is new, words of the language and names that stand elsewhere in the project.
        let elsewhere: BTreeSet<String> = snapshot.index.all().map(|entry| snapshot.sources.slice(entry.span).to_owned()).collect();
        let elsewhere: Vec<String> = elsewhere.into_iter().collect();
        let words = ["object", "loop", "id", "updated_at", "not", "true", "changed", "type"];
        for (number, entry) in declared(&snapshot).iter().enumerate() {
            let others = elsewhere.iter().cycle().skip(number * 7).take(2);
            let names = ["quite_new", words[number % words.len()]].into_iter().map(str::to_owned).chain(others.cloned());
            for name in names {
                let rename = rename(&snapshot, entry, &name);
                let Some(Ok(_)) = rename.at_once(&snapshot) else { continue };
                asked += 1;
                at_once += usize::from(name == "quite_new");
                let Some(plan) = rename.plan(&snapshot, snapshot.rules().unwrap()).unwrap() else { continue };
                let judged = rename.judge(&wanted, &snapshot, &plan);
                assert!(judged.is_ok(), "{}: `{}` to `{name}`: {judged:?}", home.display(), plan.old);
            }
        }
    }
    assert!(at_once > 60 && asked > at_once, "{at_once} of {asked}");
}

#[test]
fn a_file_that_was_changed_on_the_disk_is_not_answered_for() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("schema.xml");
    let text = |field: &str| {
        format!(
            "<data-model>\n<model name=\"asset\" label=\"Asset\">\n<field name=\"{field}\" label=\"Name\" type=\"text\" />\n\
             <display>{{{field}}}</display>\n</model>\n</data-model>\n"
        )
    };
    std::fs::write(&schema, text("name")).unwrap();
    let (_, snapshot) = compiled(folder.path());
    let entry = snapshot.index.all().find(|entry| matches!(entry.symbol, Symbol::Property(..))).unwrap().clone();
    let rename = rename(&snapshot, &entry, "title");
    assert!(matches!(rename.at_once(&snapshot), Some(Ok(_))));
    std::fs::write(&schema, text("nome")).unwrap();
    assert!(rename.at_once(&snapshot).is_none());
}
