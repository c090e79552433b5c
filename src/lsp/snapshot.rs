//! A project as it was compiled at one moment: what was found, what every name stands for, and which state of the open texts that was.
//! Answers are given from the last one, whatever has been typed since.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::declared::{self, Part};
use super::index::Index;
use super::lines::Lines;
use crate::check::{Rules, Valid};
use crate::compile::{Compilation, Input, examine};
use crate::config::{self, DEFAULT_LISTEN, FILE_NAME, LoadError, Mistake, Overlay, Overrides, Project, Reading, Seen};
use crate::diagnostics::Diagnostics;
use crate::ids::FileId;
use crate::reload::add_sink;
use crate::scenario::{mentions, read_tests};
use crate::template::Uses;
use crate::text::SourceMap;

/// How the name of a scenario test file ends.
pub(super) const TEST_SUFFIX: &str = ".test.yaml";

/// What to compile.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The project's folder, or a schema file alone.
    pub home: PathBuf,
    /// What is open.
    pub overlay: Overlay,
    /// The state of each open text.
    pub revisions: BTreeMap<PathBuf, u64>,
    /// The project file as it was when it last had no mistake.
    pub good_config: Option<Arc<String>>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The project's folder, or a schema file alone.
    pub home: PathBuf,
    pub sources: SourceMap,
    pub diagnostics: Diagnostics,
    pub rules: Option<Valid<Rules>>,
    rejected: Option<Box<Rules>>,
    /// The mistakes of the project file.
    pub mistakes: Vec<Mistake>,
    /// Why nothing could be read at all, in words.
    pub failure: Option<String>,
    pub index: Index,
    pub parts: Vec<Part>,
    /// The schema files.
    pub schemas: Vec<FileId>,
    /// Template files by name.
    pub templates: Vec<(String, FileId)>,
    pub revisions: BTreeMap<PathBuf, u64>,
    /// The project file as it is, when it has no mistake.
    pub good_config: Option<Arc<String>>,
    paths: Vec<PathBuf>,
    files: HashMap<PathBuf, FileId>,
    lines: Vec<OnceLock<Lines>>,
    seen: Seen,
}

impl Snapshot {
    /// Reads and compiles a project, its scenario tests too. Blocks.
    pub(super) fn make(wanted: &Wanted) -> Self {
        let read = |overlay: Overlay| config::read_over(std::slice::from_ref(&wanted.home), &Overrides::default(), overlay);
        let Reading { outcome, mut seen } = read(wanted.overlay.clone());
        match outcome {
            Ok(project) => {
                let made = Self::of(project, wanted, Vec::new(), &mut seen);
                Self { seen, ..made }
            }
            Err(LoadError::Mistakes { path, sources, mistakes }) => {
                let file = mistakes.first().map_or(FileId(0), |mistake| mistake.span.file);
                let text = sources.file(file).text.clone();
                let retry = wanted.good_config.as_ref().and_then(|good| {
                    let mut overlay = wanted.overlay.clone();
                    overlay.insert(absolute(&path), Arc::clone(good));
                    read(overlay).outcome.ok()
                });
                match retry {
                    // Everything else is judged by the last project file that could be read; its mistakes are shown in the present one.
                    Some(mut project) => {
                        let shown = project.input.sources.add(path, text.into_bytes());
                        let mistakes = mistakes.into_iter().map(|mut mistake| {
                            mistake.span.file = shown;
                            mistake
                        });
                        let mistakes = mistakes.collect();
                        let mut made = Self::of(project, wanted, mistakes, &mut seen);
                        made.good_config.clone_from(&wanted.good_config);
                        made
                    }
                    None => Self::failed(*sources, mistakes, None, wanted),
                }
            }
            Err(error) => Self::failed(SourceMap::default(), Vec::new(), Some(error.lines().join("\n")), wanted),
        }
    }

    fn of(project: Project, wanted: &Wanted, mistakes: Vec<Mistake>, seen: &mut Seen) -> Self {
        let Project { config, mut input } = project;
        let compiler_files = input.sources.iter().count();
        let tests = add_tests(&config.folder, seen, &mut input);
        let (schemas, templates) = (input.schemas.clone(), input.templates.clone());
        let uses = Uses::default();
        let (compilation, found) = examine(input, Some(&uses), declared::read);
        let Compilation { sources, mut diagnostics, rules, rejected, .. } = compilation;
        let mut index = Index::new(found.entries);
        index.add_uses(uses.into_noted(), &sources);
        if let Some(rules) = rules.as_deref().or(rejected.as_deref()) {
            index.add_config(&config, &rules.program);
            for file in &tests {
                index.add_mentions(mentions(*file, sources.file(*file)), rules);
            }
        }
        if rules.is_some() && !tests.is_empty() {
            judge_tests(&tests, &sources, wanted, &mut diagnostics);
        }
        let good_config =
            sources.iter().take(compiler_files).find(|(_, file)| is_project_file(&file.name)).map(|(_, file)| file.text.clone());
        let index = index.finish(&sources);
        let mut made = Self::empty(sources, wanted);
        made.good_config = good_config.map(Arc::new);
        Self { diagnostics, rules, rejected, mistakes, index, parts: found.parts, schemas, templates, ..made }
    }

    fn failed(sources: SourceMap, mistakes: Vec<Mistake>, failure: Option<String>, wanted: &Wanted) -> Self {
        Self { mistakes, failure, good_config: wanted.good_config.clone(), ..Self::empty(sources, wanted) }
    }

    fn empty(sources: SourceMap, wanted: &Wanted) -> Self {
        let paths: Vec<PathBuf> = sources.iter().map(|(_, file)| canonical(&absolute(&file.name))).collect();
        // The last of a path: of two texts of the project file, the present one.
        let files = paths.iter().cloned().zip((0..).map(FileId)).collect();
        let lines = paths.iter().map(|_| OnceLock::new()).collect();
        Self {
            home: wanted.home.clone(),
            sources,
            diagnostics: Diagnostics::default(),
            rules: None,
            rejected: None,
            mistakes: Vec::new(),
            failure: None,
            index: Index::default(),
            parts: Vec::new(),
            schemas: Vec::new(),
            templates: Vec::new(),
            revisions: wanted.revisions.clone(),
            good_config: None,
            paths,
            files,
            lines,
            seen: Seen::default(),
        }
    }

    /// The rules, as far as they could be read.
    pub(super) fn rules(&self) -> Option<&Rules> {
        self.rules.as_deref().or(self.rejected.as_deref())
    }

    /// The rules of a project without any mistake, of which every file is as it was read.
    pub(super) fn current_rules(&self) -> Option<&Rules> {
        self.rules.as_deref().filter(|_| self.mistakes.is_empty() && self.failure.is_none() && !self.seen.clone().is_outdated())
    }

    /// The file at a path.
    pub(super) fn file(&self, path: &Path) -> Option<FileId> {
        self.files.get(path).copied()
    }

    /// The path of a file.
    pub(super) fn path(&self, file: FileId) -> Option<&Path> {
        self.paths.get(file.index()).map(PathBuf::as_path)
    }

    /// The text of a file as it was compiled, and its lines.
    pub(super) fn text(&self, file: FileId) -> (&str, &Lines) {
        static NONE: OnceLock<Lines> = OnceLock::new();
        let text = self.sources.file(file).text.as_str();
        let lines =
            self.lines.get(file.index()).map_or_else(|| NONE.get_or_init(|| Lines::of("")), |lines| lines.get_or_init(|| Lines::of(text)));
        (text, lines)
    }

    /// Whether a file is one of the schema.
    pub(super) fn is_schema(&self, file: FileId) -> bool {
        self.schemas.contains(&file)
    }
}

/// Adds the scenario tests of a project to its sources.
fn add_tests(folder: &Path, seen: &mut Seen, input: &mut Input) -> Vec<FileId> {
    // A folder without a project file may be anybody's, and have very much below it.
    let paths = seen.list(folder, TEST_SUFFIX, folder.join(FILE_NAME).is_file()).unwrap_or_default();
    let read = paths.into_iter().filter_map(|path| Some((seen.read(&path).ok()?, path)));
    let here = std::env::current_dir().unwrap_or_default();
    let shown = |path: PathBuf| path.strip_prefix(&here).unwrap_or(&path).to_string_lossy().into_owned();
    read.map(|(bytes, path)| input.sources.add(shown(path), bytes)).collect()
}

/// Reads tests against the rules that `webhookc test` runs them on: those with the built-in receiver.
fn judge_tests(tests: &[FileId], sources: &SourceMap, wanted: &Wanted, out: &mut Diagnostics) {
    let reading = config::read_over(std::slice::from_ref(&wanted.home), &Overrides::default(), wanted.overlay.clone());
    let Ok(mut project) = reading.outcome else { return };
    add_sink(&mut project.input, DEFAULT_LISTEN);
    let Some(rules) = crate::compile::compile(project.input).rules else { return };
    for file in tests {
        let _scenarios = read_tests(*file, sources.file(*file), &rules, out);
    }
    out.sort();
}

/// Whether a file is a scenario test.
pub(super) fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(TEST_SUFFIX))
}

fn is_project_file(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|name| name == FILE_NAME)
}

/// A path as messages show it, from the root on.
fn absolute(shown: &str) -> PathBuf {
    std::env::current_dir().unwrap_or_default().join(shown)
}

/// A path with its links followed, as far as it exists.
pub(super) fn canonical(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if !folder.as_os_str().is_empty() => canonical(folder).join(name),
        _ => path.to_owned(),
    }
}
