//! Which files a project is made of, and their bytes. Every file and folder that was looked at is remembered in [`Seen`], so that a
//! watcher knows what a reading depends on and whether it would come out differently now.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::stamp::Stamp;
use super::{FILE_NAME, LoadError};

/// Bytes read of a file: one more than the compiler accepts, so that it can say that a file is too large.
const LONGEST: u64 = 32 * 1024 * 1024 + 1;
/// Folders below a project folder are searched so deep.
const DEEPEST: usize = 16;
/// Folders that hold other people's files.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// Texts that stand for files whatever the disk holds: what an editor has open. By the paths that the links in them lead to.
pub type Overlay = BTreeMap<PathBuf, Arc<String>>;

/// What a reading has looked at.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The folders whose entries matter: of every file as named, and as it is after following links.
    pub folders: BTreeSet<PathBuf>,
    /// A hash of each file's content; `None` for one that could not be read.
    pub contents: BTreeMap<PathBuf, Option<u64>>,
    /// Of the files that were at rest when they were read: while it is the same they need not be read again.
    stamps: BTreeMap<PathBuf, Stamp>,
    /// Of which paths was asked what they are.
    kinds: BTreeMap<PathBuf, Kind>,
    /// Lists of files; `None` for one of a folder that could not be read.
    lists: BTreeMap<Listing, Option<Vec<PathBuf>>>,
    overlay: Overlay,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Nothing,
}

/// The files of a folder whose name ends in a suffix, and of the folders below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listing {
    folder: PathBuf,
    suffix: String,
    deep: bool,
}

/// The `*.xml` files in a folder and below it, in the order of their paths.
pub fn xml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Seen::default().list(folder, ".xml", true)
}

/// The bytes of a file, one more than the compiler accepts at most.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe that nobody writes to would wait for ever.
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no file; what another program writes is read from standard input, with `-`"));
    }
    // A byte more than it is said to have, in which its end is found.
    let size = metadata.len().min(LONGEST - 1) + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    std::fs::File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The paths, with what each pattern (`*`, `?`, `[…]`, `**`) stands for in its place, sorted. A path that exists is no pattern.
///
/// # Errors
/// The first pattern that matches nothing or is none.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LoadError> {
    let mut found = Vec::new();
    for path in paths {
        let text = path.to_string_lossy();
        if !text.contains(['*', '?', '[']) || path.symlink_metadata().is_ok() {
            found.push(path.clone());
            continue;
        }
        let matches = glob::glob(&text).map_err(|error| LoadError::Setting(format!("`{text}` is not a pattern: {}", error.msg)))?;
        let before = found.len();
        found.extend(matches.filter_map(Result::ok));
        if found.len() == before {
            return Err(LoadError::Setting(format!("no file matches `{text}`")));
        }
    }
    Ok(found)
}

/// Whether a folder is that of a project: it has the project file, a schema, or a folder `schemas` with one.
#[must_use]
pub fn is_project(folder: &Path) -> bool {
    let has_schema = |folder: &Path, deep| Seen::default().list(folder, ".xml", deep).is_ok_and(|found| !found.is_empty());
    folder.join(FILE_NAME).is_file() || has_schema(folder, false) || has_schema(&folder.join("schemas"), true)
}

impl Seen {
    /// Whether a reading would come out differently now. Nothing is parsed for it, since what a reading looks at follows from what it
    /// saw, and nothing is read that has been at rest. What is read anyway is known to be at rest the next time.
    #[must_use]
    pub fn is_outdated(&mut self) -> bool {
        let now = self.again();
        let outdated = !now.is_same(self);
        self.stamps = now.stamps;
        outdated
    }

    /// Whether two readings saw the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.contents, &self.kinds, &self.lists) == (&other.contents, &other.kinds, &other.lists)
    }

    /// Whether a file of this name was looked at, or would be found by its ending.
    #[must_use]
    pub fn looks_for(&self, name: &OsStr) -> bool {
        let is_listed = |Listing { suffix, .. }: &Listing| !suffix.is_empty() && name.as_encoded_bytes().ends_with(suffix.as_bytes());
        self.contents.keys().any(|file| file.file_name() == Some(name)) || self.lists.keys().any(is_listed)
    }

    /// The same looks once more.
    fn again(&self) -> Self {
        let mut seen = Self::over(self.overlay.clone());
        let now = SystemTime::now();
        for (path, content) in &self.contents {
            match self.stamps.get(path) {
                Some(stamp) if Stamp::of(path, now).as_ref() == Some(stamp) => {
                    seen.contents.insert(path.clone(), *content);
                    seen.stamps.insert(path.clone(), *stamp);
                }
                // That a file cannot be read is part of what is seen, here and below.
                Some(_) | None => drop(seen.read(path)),
            }
        }
        for path in self.kinds.keys() {
            seen.kind(path);
        }
        for Listing { folder, suffix, deep } in self.lists.keys() {
            drop(seen.list(folder, suffix, *deep));
        }
        seen
    }

    /// Looks at files with these texts over them.
    #[must_use]
    pub fn over(overlay: Overlay) -> Self {
        Self { overlay, ..Self::default() }
    }

    /// The text of an editor that stands for a file.
    fn overlaid(&self, path: &Path) -> Option<&Arc<String>> {
        if self.overlay.is_empty() {
            return None;
        }
        self.overlay.get(path).or_else(|| self.overlay.get(&path.canonicalize().ok()?))
    }

    /// Reads a file of the project.
    pub fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.note_folders_of(path);
        // Before reading: what is written while it is read changes the stamp.
        let stamp = Stamp::of(path, SystemTime::now());
        let read = match self.overlaid(path) {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => read_file(path),
        };
        let hash = |bytes: &Vec<u8>| {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            hasher.finish()
        };
        self.contents.insert(path.to_owned(), read.as_ref().ok().map(hash));
        if let Some(stamp) = stamp {
            self.stamps.insert(path.to_owned(), stamp);
        }
        read
    }

    /// Whether a file exists; that it does not is remembered too.
    pub(super) fn has_file(&mut self, path: &Path) -> bool {
        if let Some(folder) = path.parent() {
            self.note_folder(folder);
        }
        self.kind(path) == Kind::File
    }

    /// Whether a path is a folder; that it is not is remembered too.
    pub(super) fn has_folder(&mut self, path: &Path) -> bool {
        self.kind(path) == Kind::Folder
    }

    /// Remembers that there is nothing at this path, so that it is noticed when there is something.
    pub(super) fn note_absent(&mut self, path: &Path) {
        self.note_folder(path);
        self.kind(path);
    }

    fn kind(&mut self, path: &Path) -> Kind {
        let kind = match path.metadata() {
            Ok(entry) if entry.is_dir() => Kind::Folder,
            Ok(entry) if entry.is_file() => Kind::File,
            Ok(_) | Err(_) => Kind::Nothing,
        };
        self.kinds.insert(path.to_owned(), kind);
        kind
    }

    /// The files of a folder, and of those below it when `deep`, whose name ends in `suffix`; in the order of their paths.
    pub fn list(&mut self, folder: &Path, suffix: &str, deep: bool) -> io::Result<Vec<PathBuf>> {
        let mut walk = Walk { suffix, deeper: if deep { DEEPEST } else { 0 }, visited: BTreeSet::new(), found: Vec::new() };
        let walked = self.walk(folder, &mut walk);
        walk.found.extend(self.unsaved(folder, suffix, deep));
        walk.found.sort();
        let listing = Listing { folder: folder.to_owned(), suffix: suffix.to_owned(), deep };
        self.lists.insert(listing, walked.is_ok().then(|| walk.found.clone()));
        walked.map(|()| walk.found)
    }

    /// The texts of an editor that are in a folder, though the disk has no file for them yet.
    fn unsaved(&self, folder: &Path, suffix: &str, deep: bool) -> Vec<PathBuf> {
        if self.overlay.is_empty() {
            return Vec::new();
        }
        let Ok(home) = folder.canonicalize() else { return Vec::new() };
        let is_there = |path: &&PathBuf| if deep { path.starts_with(&home) } else { path.parent() == Some(&home) };
        let is_meant = |path: &&PathBuf| path.to_string_lossy().ends_with(suffix) && !path.exists();
        let unsaved = self.overlay.keys().filter(is_there).filter(is_meant);
        unsaved.map(|path| folder.join(path.strip_prefix(&home).unwrap_or(path))).collect()
    }

    fn walk(&mut self, folder: &Path, walk: &mut Walk<'_>) -> io::Result<()> {
        self.note_folder(folder);
        // A folder that links lead to again, or round and round, is searched once.
        if !walk.visited.insert(folder.canonicalize()?) {
            return Ok(());
        }
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            // Editors' swap and backup files are hidden or end differently.
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_ref()) {
                    folders.push((entry.file_type()?.is_symlink(), path));
                }
            } else if name.ends_with(walk.suffix) && is_worth_reading(&path) {
                walk.found.push(path);
            }
        }
        if walk.deeper > 0 {
            // Its own folders before those that it links to, so that files are called by their own names.
            folders.sort();
            walk.deeper -= 1;
            for (_, below) in folders {
                self.walk(&below, walk)?;
            }
            walk.deeper += 1;
        }
        Ok(())
    }

    fn note_folders_of(&mut self, path: &Path) {
        // Each hop of a chain of links may be replaced on its own; forty is where the operating system gives up, too.
        let mut hop = path.to_owned();
        for _ in 0..40 {
            if let Some(folder) = hop.parent() {
                self.note_folder(folder);
            }
            let Ok(target) = std::fs::read_link(&hop) else { break };
            hop = hop.parent().unwrap_or(Path::new("")).join(target);
        }
        if let Some(folder) = path.canonicalize().ok().as_deref().and_then(Path::parent) {
            self.note_folder(folder);
        }
    }

    fn note_folder(&mut self, folder: &Path) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        self.folders.insert(folder.to_owned());
    }
}

/// A search for files.
struct Walk<'s> {
    suffix: &'s str,
    deeper: usize,
    /// Where it has been, after following links.
    visited: BTreeSet<PathBuf>,
    found: Vec<PathBuf>,
}

/// A pipe or device in a folder is nobody's schema; a link that leads nowhere is worth a message.
fn is_worth_reading(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file()) || path.metadata().is_err()
}

/// A path that stands in a file of `folder`. A `..` that only leads back is not kept, so that a file is called by its own name.
pub(super) fn from_folder(folder: &Path, path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in folder.join(path).components() {
        // What is behind a link is not where the link stands.
        let leads_back = part == Component::ParentDir
            && matches!(found.components().next_back(), Some(Component::Normal(_)))
            && found.symlink_metadata().is_ok_and(|entry| entry.is_dir());
        if leads_back {
            found.pop();
        } else {
            found.push(part);
        }
    }
    if found.as_os_str().is_empty() { PathBuf::from(".") } else { found }
}

/// A path as messages show it: below the working directory without it, always with `/`.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let text = path.to_string_lossy().replace('\\', "/");
    let text = text.strip_prefix("./").unwrap_or(&text);
    if text.is_empty() { ".".to_owned() } else { text.to_owned() }
}
