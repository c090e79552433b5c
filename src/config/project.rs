//! A path → the project it belongs to: `webhookc.toml` there or above it, the schema files, the template files.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Mistake;
use super::file::{address, parse};
use super::files::{Overlay, Seen, expand, from_folder, shown};
use super::{Config, FILE_NAME, Overrides};
use crate::compile::Input;
use crate::ids::FileId;
use crate::report::harmless;
use crate::text::{SourceMap, SourceText, Span};

/// Template files in one project.
const MOST_TEMPLATES: usize = 2_000;

/// A project, ready to compile.
#[derive(Debug)]
pub struct Project {
    /// How it is configured.
    pub config: Config,
    /// Its files.
    pub input: Input,
}

/// A project as it was found, and what was looked at to find it.
#[derive(Debug)]
pub struct Reading {
    /// The project, or why there is none.
    pub outcome: Result<Project, LoadError>,
    /// What the outcome depends on.
    pub seen: Seen,
}

/// Why a project could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// As shown to people.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file or folder that the project file names cannot be read.
    #[error("cannot read `{path}`, which `{key}` in `{file}` names{more}")]
    Named {
        /// As shown to people.
        path: String,
        /// Where it stands in the project file.
        key: &'static str,
        /// The project file, as shown to people.
        file: String,
        /// What is to be said besides.
        more: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No schema file was found.
    #[error("no schema file in `{0}`, expected `schema.xml`, or other `*.xml` files there or in its folder `schemas`")]
    NoSchema(String),
    /// An argument or environment variable is wrong.
    #[error("{0}")]
    Setting(String),
    /// `webhookc.toml` has mistakes.
    #[error("{} in `{path}`", crate::report::counted(mistakes.len(), "mistake"))]
    Mistakes {
        /// The file, as shown to people.
        path: String,
        /// Its text, to show the places with.
        sources: Box<SourceMap>,
        /// All of them, in the order of the file.
        mistakes: Vec<Mistake>,
    },
    /// There are more template files than a project can mean.
    #[error("more than {MOST_TEMPLATES} files in the template folder `{0}`")]
    TooManyTemplates(String),
}

impl Project {
    /// The folders, other than its own, that have a project file and from which schemas were taken that nobody named.
    #[must_use]
    pub fn others(&self) -> Vec<PathBuf> {
        if !self.config.schemas.is_empty() {
            return Vec::new();
        }
        let own = self.config.folder.canonicalize().ok();
        let mut looked_at = BTreeSet::new();
        let mut found = BTreeSet::new();
        for schema in &self.input.schemas {
            for folder in Path::new(&self.input.sources.file(*schema).name).ancestors().skip(1) {
                if !looked_at.insert(folder.to_owned()) {
                    break;
                }
                let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                if here.join(FILE_NAME).is_file() {
                    found.extend((here.canonicalize().ok() != own).then(|| here.to_owned()));
                    break;
                }
            }
        }
        found.into_iter().collect()
    }
}

/// Reads the project at `paths`: folders or schema files, linked into one data model. Its `webhookc.toml` is the one beside or nearest
/// above the first of them.
#[must_use]
pub fn read(paths: &[PathBuf], overrides: &Overrides) -> Reading {
    read_over(paths, overrides, Overlay::default())
}

/// The same, with the texts of an editor in place of what its files hold.
#[must_use]
pub fn read_over(paths: &[PathBuf], overrides: &Overrides, overlay: Overlay) -> Reading {
    let mut seen = Seen::over(overlay);
    let outcome = load(paths, overrides, &mut seen);
    Reading { outcome, seen }
}

/// Reads the project that a schema file called `name` belongs to, with `bytes` as its only schema, whether the file exists or not.
#[must_use]
pub fn read_text(name: &Path, bytes: Vec<u8>, overrides: &Overrides) -> Reading {
    let mut seen = Seen::default();
    let mut sources = SourceMap::default();
    let load = || {
        let config = configuration(folder_of(name), overrides, &mut sources, &mut seen)?;
        let schema = sources.add(shown(name), bytes);
        finish(config, vec![schema], std::mem::take(&mut sources), &mut seen)
    };
    let outcome = load();
    Reading { outcome, seen }
}

/// The configuration of the project in a folder, without its schema: for what needs only the store.
///
/// # Errors
/// When `webhookc.toml` cannot be read or has mistakes, or there is no such folder.
pub fn read_settings(folder: &Path, overrides: &Overrides) -> Result<Config, LoadError> {
    folder.metadata().map_err(|source| LoadError::Unreadable { path: shown(folder), source })?;
    let home = if folder.is_dir() { folder } else { folder_of(folder) };
    configuration(home, overrides, &mut SourceMap::default(), &mut Seen::default())
}

fn load(paths: &[PathBuf], overrides: &Overrides, seen: &mut Seen) -> Result<Project, LoadError> {
    let here = [PathBuf::from(".")];
    let paths = &expand(if paths.is_empty() { &here[..] } else { paths })?;
    for path in paths {
        path.metadata().map_err(|source| {
            seen.note_absent(path);
            LoadError::Unreadable { path: shown(path), source }
        })?;
    }
    let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
    let home = if first.is_dir() { first } else { folder_of(first) };
    let mut sources = SourceMap::default();
    let config = configuration(home, overrides, &mut sources, seen)?;
    let mut schemas = Vec::new();
    for path in schema_paths(paths, &config, seen)? {
        schemas.push(add(&path, &mut sources, seen).map_err(|error| if_named(error, &path, &config))?);
    }
    finish(config, schemas, sources, seen)
}

/// What is configured for a folder.
fn configuration(home: &Path, overrides: &Overrides, sources: &mut SourceMap, seen: &mut Seen) -> Result<Config, LoadError> {
    let mut config = match nearest_file(home, seen) {
        Some(file) => configured(&file, sources, seen)?,
        None => Config::of_folder(home.to_owned()),
    };
    config.apply(overrides)?;
    Ok(config)
}

/// Adds the templates.
fn finish(mut config: Config, schemas: Vec<FileId>, mut sources: SourceMap, seen: &mut Seen) -> Result<Project, LoadError> {
    let templates = templates(&config, &mut sources, seen)?;
    config.fill_templates(&sources, &templates);
    let input = Input { sources, schemas, dialect: None, templates, settings: config.settings() };
    Ok(Project { config, input })
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The project file in `folder` or the nearest folder above it.
fn nearest_file(folder: &Path, seen: &mut Seen) -> Option<PathBuf> {
    let beside = folder.join(FILE_NAME);
    if seen.has_file(&beside) {
        return Some(beside);
    }
    let absolute = folder.canonicalize().ok()?;
    absolute.ancestors().skip(1).map(|above| above.join(FILE_NAME)).find(|file| file.is_file())
}

fn configured(file: &Path, sources: &mut SourceMap, seen: &mut Seen) -> Result<Config, LoadError> {
    let id = add(file, sources, seen)?;
    let source = sources.file(id);
    if let Some(at) = source.invalid_at {
        let mistake = Mistake::new(Span::new(id, at, at), "the file is not UTF-8 from here on");
        return Err(LoadError::Mistakes { path: shown(file), sources: Box::new(std::mem::take(sources)), mistakes: vec![mistake] });
    }
    let (config, mistakes) = parse(id, &source.text, folder_of(file).to_owned());
    if mistakes.is_empty() {
        return Ok(config);
    }
    Err(LoadError::Mistakes { path: shown(file), sources: Box::new(std::mem::take(sources)), mistakes })
}

fn add(path: &Path, sources: &mut SourceMap, seen: &mut Seen) -> Result<FileId, LoadError> {
    let bytes = seen.read(path).map_err(|source| LoadError::Unreadable { path: shown(path), source })?;
    Ok(sources.add(shown(path), bytes))
}

/// The schema files: those named on the command line, else those that the configuration names, else those that are there.
fn schema_paths(paths: &[PathBuf], config: &Config, seen: &mut Seen) -> Result<Vec<PathBuf>, LoadError> {
    let mut found = Vec::new();
    for path in paths {
        let is_project = path.canonicalize().ok() == config.folder.canonicalize().ok();
        if !seen.has_folder(path) {
            // The project file itself stands for its project.
            if path.file_name().is_some_and(|name| name == FILE_NAME) {
                found.extend(configured_schemas(config, seen)?);
            } else {
                found.push(path.clone());
            }
        } else if is_project {
            found.extend(configured_schemas(config, seen)?);
        } else {
            found.extend(schemas_in(path, seen)?);
        }
    }
    let mut known = BTreeSet::new();
    found.retain(|path| known.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    Ok(found)
}

fn configured_schemas(config: &Config, seen: &mut Seen) -> Result<Vec<PathBuf>, LoadError> {
    if config.schemas.is_empty() {
        return schemas_in(&config.folder, seen);
    }
    let mut found = Vec::new();
    for entry in &config.schemas {
        let path = from_folder(&config.folder, entry);
        if seen.has_folder(&path) {
            let below = seen.list(&path, ".xml", true).map_err(|source| LoadError::Unreadable { path: shown(&path), source })?;
            if below.is_empty() {
                return Err(LoadError::NoSchema(shown(&path)));
            }
            found.extend(below);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// The same error, with where the path stands if it is one of those that the project file names.
fn if_named(error: LoadError, path: &Path, config: &Config) -> LoadError {
    if !config.schemas.iter().any(|entry| from_folder(&config.folder, entry) == path) {
        return error;
    }
    let LoadError::Unreadable { source, .. } = error else { return error };
    let is_pattern = path.to_string_lossy().contains('*');
    let more = if is_pattern { "; patterns are for the command line, expected a file or folder" } else { "" };
    LoadError::Named { path: shown(path), key: "schemas", file: shown(&config.folder.join(FILE_NAME)), more, source }
}

/// `*.xml` of the folder itself, else below its `schemas`, else anywhere below it.
fn schemas_in(folder: &Path, seen: &mut Seen) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: shown(folder), source };
    let mut found = seen.list(folder, ".xml", false).map_err(unreadable)?;
    let schemas = folder.join("schemas");
    if found.is_empty() && seen.has_folder(&schemas) {
        found = seen.list(&schemas, ".xml", true).map_err(unreadable)?;
    }
    if found.is_empty() {
        found = seen.list(folder, ".xml", true).map_err(unreadable)?;
    }
    if found.is_empty() { Err(LoadError::NoSchema(shown(folder))) } else { Ok(found) }
}

/// Every file of the template folder by its path in it, sorted.
fn templates(config: &Config, sources: &mut SourceMap, seen: &mut Seen) -> Result<Vec<(String, FileId)>, LoadError> {
    let folder = from_folder(&config.folder, config.templates.as_deref().unwrap_or(Path::new("templates")));
    if config.templates.is_none() && !seen.has_folder(&folder) {
        return Ok(Vec::new());
    }
    let paths = seen.list(&folder, "", true).map_err(|source| match config.templates {
        Some(_) => {
            let file = shown(&config.folder.join(FILE_NAME));
            LoadError::Named { path: shown(&folder), key: "templates", file, more: "", source }
        }
        None => LoadError::Unreadable { path: shown(&folder), source },
    })?;
    if paths.len() > MOST_TEMPLATES {
        return Err(LoadError::TooManyTemplates(shown(&folder)));
    }
    let mut found = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        found.push((name, add(&path, sources, seen)?));
    }
    found.sort();
    Ok(found)
}

impl Config {
    pub(super) fn apply(&mut self, overrides: &Overrides) -> Result<(), LoadError> {
        if let Some(listen) = &overrides.listen {
            self.listen = address(listen).map_err(LoadError::Setting)?;
        }
        if let Some(store) = &overrides.store {
            self.store = Some(store.clone());
        }
        self.app = overrides.app.clone().or(self.app.take());
        self.server = overrides.server.clone().or(self.server.take());
        Ok(())
    }

    /// Gives endpoints whose body is a template file that file's text.
    pub(super) fn fill_templates(&mut self, sources: &SourceMap, templates: &[(String, FileId)]) {
        for endpoint in &mut self.endpoints {
            // Nobody shares it yet, so that nothing is cloned.
            let Some(body) = &mut Arc::make_mut(&mut endpoint.source).request.body else { continue };
            let Some(name) = &body.file else { continue };
            let file = templates.binary_search_by(|(known, _)| known.as_str().cmp(&name.value)).ok().and_then(|index| templates.get(index));
            body.text = file.map(|(_, id)| SourceText::of_file(*id, &sources.file(*id).text));
        }
    }
}

impl LoadError {
    /// What to tell, a line each: every mistake with its place, or the error with its cause.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        if let Self::Mistakes { sources, mistakes, .. } = self {
            let line = |mistake: &Mistake| {
                let file = sources.file(mistake.span.file);
                let at = file.position(mistake.span.start);
                let help = mistake.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
                harmless(&format!("{}:{}:{}: error: {}{help}", file.name, at.line, at.column, mistake.message))
            };
            return mistakes.iter().map(line).collect();
        }
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        vec![format!("{self}{cause}")]
    }
}
