//! What the client has open, and the projects that it belongs to with their last compilations. Finds the project of a file, and the places
//! of a compilation in the texts as they are now.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lsp_types::{Location, Url};

use super::document::Document;
use super::index::Entry;
use super::lines::Encoding;
use super::snapshot::{Snapshot, Wanted, canonical, is_test};
use super::wire::Answer;
use crate::config::{FILE_NAME, Overlay, is_project};
use crate::text::Span;

/// How long nothing must be typed before it is compiled: a fast typist's pause between two keys is 100 ms.
const QUIET: Duration = Duration::from_millis(70);
/// How long typing can put a compilation off.
const LONGEST: Duration = Duration::from_millis(400);

/// All that is open.
#[derive(Debug)]
pub(super) struct World {
    pub encoding: Encoding,
    /// The client completes with places to fill in.
    pub snippets: bool,
    /// The client takes edits with the version of the text that they are of.
    pub versioned_edits: bool,
    /// By path.
    pub documents: BTreeMap<PathBuf, Document>,
    /// By folder; a schema file that its folder's project leaves out is a project of its own.
    pub projects: BTreeMap<PathBuf, Project>,
    /// Which project each open text belongs to.
    homes: BTreeMap<PathBuf, PathBuf>,
    /// Open texts that are no business of ours: nothing is said about them.
    foreign: BTreeSet<PathBuf>,
    next_revision: u64,
}

/// A project.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// The last compilation.
    pub last: Option<Arc<Snapshot>>,
    /// The last one without an error.
    pub sound: Option<Arc<Snapshot>>,
    /// The first and the last change since.
    changed: Option<(Instant, Instant)>,
    /// Files of which findings are shown.
    pub shown: BTreeSet<Url>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            encoding: Encoding::Utf16,
            snippets: false,
            versioned_edits: false,
            documents: BTreeMap::new(),
            projects: BTreeMap::new(),
            homes: BTreeMap::new(),
            foreign: BTreeSet::new(),
            next_revision: 0,
        }
    }

    /// Takes in a text that was opened.
    pub(super) fn open(&mut self, url: Url, version: i32, text: String) {
        let Some(path) = path_of(&url) else { return };
        // Two texts of one file never share a revision.
        self.next_revision += 1 << 32;
        let Some(home) = home_of(&path) else {
            self.foreign.insert(path);
            return;
        };
        self.documents.insert(path.clone(), Document::new(url, path.clone(), version, text, self.next_revision));
        self.homes.insert(path, home.clone());
        self.projects.entry(home.clone()).or_default();
        self.touch(&home);
    }

    /// Forgets a text; its file counts again. A project of which nothing is open is forgotten too: the files whose findings were shown.
    pub(super) fn close(&mut self, url: &Url) -> BTreeSet<Url> {
        let Some(path) = path_of(url) else { return BTreeSet::new() };
        self.foreign.remove(&path);
        self.documents.remove(&path);
        let Some(home) = self.homes.remove(&path) else { return BTreeSet::new() };
        if self.homes.values().any(|other| *other == home) {
            self.touch(&home);
            return BTreeSet::new();
        }
        self.projects.remove(&home).map(|project| project.shown).unwrap_or_default()
    }

    /// Whether a text is open and belongs to no project.
    pub(super) fn is_foreign(&self, url: &Url) -> bool {
        path_of(url).is_some_and(|path| self.foreign.contains(&path))
    }

    /// The open text of this address.
    pub(super) fn document(&self, url: &Url) -> Option<&Document> {
        self.documents.get(&path_of(url)?)
    }

    pub(super) fn document_mut(&mut self, url: &Url) -> Option<&mut Document> {
        self.documents.get_mut(&path_of(url)?)
    }

    /// The project that an open text belongs to.
    pub(super) fn home(&self, path: &Path) -> Option<&PathBuf> {
        self.homes.get(path)
    }

    /// Makes a schema that its folder's project leaves out a project of its own; whether anything changed.
    pub(super) fn set_apart(&mut self, home: &Path) {
        let Some(last) = self.projects.get(home).and_then(|project| project.last.clone()) else { return };
        let left_out = |document: &&Document| {
            document.is_xml()
                && crate::schema::is_schema(&document.text)
                && self.homes.get(&document.path).is_some_and(|own| own == home)
                && document.path != home
                && last.file(&document.path).is_none_or(|file| !last.is_schema(file))
        };
        let apart: Vec<PathBuf> = self.documents.values().filter(left_out).map(|document| document.path.clone()).collect();
        for path in apart {
            self.homes.insert(path.clone(), path.clone());
            self.projects.entry(path.clone()).or_default();
            self.touch(&path);
        }
    }

    /// Notes that a project has to be compiled anew.
    pub(super) fn touch(&mut self, home: &Path) {
        let now = Instant::now();
        if let Some(project) = self.projects.get_mut(home) {
            project.changed = Some((project.changed.map_or(now, |(first, _)| first), now));
        }
    }

    /// Notes a change of a file on the disk.
    pub(super) fn touch_all(&mut self) {
        let homes: Vec<PathBuf> = self.projects.keys().cloned().collect();
        for home in &homes {
            self.touch(home);
        }
    }

    /// When the next compilation is due. One that has never been is due at once.
    pub(super) fn due(&self) -> Option<(Instant, &PathBuf)> {
        let due = |project: &Project| {
            let (first, last) = project.changed?;
            Some(if project.last.is_none() { first } else { (last + QUIET).min(first + LONGEST) })
        };
        self.projects.iter().filter_map(|(home, project)| Some((due(project)?, home))).min()
    }

    /// What is to be compiled of a project, which is now no longer due.
    pub(super) fn want(&mut self, home: &Path) -> Wanted {
        let good_config = self.projects.get_mut(home).and_then(|project| {
            project.changed = None;
            project.last.as_ref().and_then(|last| last.good_config.clone())
        });
        let overlay: Overlay = self.documents.values().map(|document| (document.path.clone(), Arc::clone(&document.text))).collect();
        let revisions = self.documents.values().map(|document| (document.path.clone(), document.revision)).collect();
        Wanted { home: home.to_owned(), overlay, revisions, good_config }
    }

    /// Whether a compilation is of the texts as they are.
    pub(super) fn is_current(&self, home: &Path, snapshot: &Snapshot) -> bool {
        let of_project = self.documents.values().filter(|document| self.homes.get(&document.path).is_some_and(|own| own == home));
        of_project.into_iter().all(|document| snapshot.revisions.get(&document.path) == Some(&document.revision))
    }

    /// The texts of a project that have not been laid out, with their paths and revisions.
    pub(super) fn not_laid_out(&self, home: &Path) -> Vec<(PathBuf, u64, Arc<String>)> {
        let open = self.documents.values().filter(|document| self.homes.get(&document.path).is_some_and(|own| own == home));
        let left = open.filter(|document| document.is_xml() && document.layout.is_none());
        left.map(|document| (document.path.clone(), document.revision, Arc::clone(&document.text))).collect()
    }

    /// Takes in the layout of a text, unless it has been changed since.
    pub(super) fn laid_out(&mut self, path: &Path, revision: u64, layout: Answer) {
        if let Some(document) = self.documents.get_mut(path).filter(|document| document.revision == revision) {
            document.layout = Some(layout);
        }
    }

    /// What is known of an open text; `None` when its project has not been compiled.
    pub(super) fn view<'w>(&'w self, document: &'w Document) -> Option<View<'w>> {
        let project = self.projects.get(self.homes.get(&document.path)?)?;
        let snapshot = project.last.as_deref()?;
        let sound = project.sound.as_deref().unwrap_or(snapshot);
        Some(View { world: self, document, snapshot, sound })
    }
}

/// An open text and what is known of its project.
#[derive(Clone, Copy)]
pub(super) struct View<'w> {
    pub world: &'w World,
    pub document: &'w Document,
    /// The last compilation.
    pub snapshot: &'w Snapshot,
    /// The last one without an error, or the last.
    pub sound: &'w Snapshot,
}

impl<'w> View<'w> {
    /// The names at a place of the text as it is now.
    pub(super) fn entries(&self, offset: usize) -> Vec<&'w Entry> {
        let Some(file) = self.snapshot.file(&self.document.path) else { return Vec::new() };
        let Some(before) = self.before(offset) else { return Vec::new() };
        let found = self.snapshot.index.at(file, before);
        // What was typed into since is not what it was.
        found.into_iter().filter(|entry| self.now(entry.span).is_some_and(|range| range.start <= offset)).collect()
    }

    /// Where a place of the text stood in the last compilation.
    fn before(&self, offset: usize) -> Option<usize> {
        match self.snapshot.revisions.get(&self.document.path) {
            Some(revision) => self.document.back(*revision, offset),
            None => Some(offset),
        }
    }

    /// Where a span of the compilation stands in this text.
    pub(super) fn now(&self, span: Span) -> Option<Range<usize>> {
        let revision = *self.snapshot.revisions.get(&self.document.path)?;
        self.document.forward(revision, span.range())
    }

    /// Where a span of the compilation stands now, in whichever file.
    pub(super) fn location(&self, span: Span) -> Option<Location> {
        location(self.world, self.snapshot, span)
    }

    pub(super) fn range(&self, range: Range<usize>) -> lsp_types::Range {
        self.document.lines.range(&self.document.text, range, self.world.encoding)
    }
}

/// Where a span of a compilation stands now; `None` when it was touched since.
pub(super) fn location(world: &World, snapshot: &Snapshot, span: Span) -> Option<Location> {
    // Not in the last good project file, when the present one is another.
    let path = snapshot.path(span.file).filter(|path| snapshot.file(path) == Some(span.file))?;
    let encoding = world.encoding;
    if let Some(document) = world.documents.get(path) {
        let revision = snapshot.revisions.get(path);
        let range = match revision {
            Some(revision) => document.forward(*revision, span.range())?,
            None if *document.text == snapshot.sources.file(span.file).text => span.range(),
            None => return None,
        };
        return Some(Location::new(document.url.clone(), document.lines.range(&document.text, range, encoding)));
    }
    let (text, lines) = snapshot.text(span.file);
    let url = Url::from_file_path(path).ok()?;
    Some(Location::new(url, lines.range(text, span.range(), encoding)))
}

/// The path of an address, links followed; `None` for what is no file.
pub(super) fn path_of(url: &Url) -> Option<PathBuf> {
    (url.scheme() == "file").then(|| url.to_file_path().ok()).flatten().map(|path| canonical(&path))
}

/// The folder of the project that a file belongs to: the nearest one with a project file; else that which `schemas` or `templates` stands
/// in; else its own, or for a test the nearest one with a schema. `None` for what no project can be made of.
fn home_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().unwrap_or(path);
    if let Some(home) = folder.ancestors().find(|folder| folder.join(FILE_NAME).is_file()) {
        return Some(home.to_owned());
    }
    let part = folder.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "schemas" || name == "templates"));
    if let Some(home) = part.and_then(Path::parent).filter(|home| is_project(home)) {
        return Some(home.to_owned());
    }
    if is_test(path) {
        return folder.ancestors().find(|folder| is_project(folder)).map(Path::to_owned);
    }
    let is_own = path.extension().is_some_and(|extension| extension == "xml") || path.file_name().is_some_and(|name| name == FILE_NAME);
    is_own.then(|| folder.to_owned())
}
