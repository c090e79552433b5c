//! Which files a project is made of, and their bytes. Every file and folder that was looked at is remembered in [`Seen`], so that a
//! watcher knows what a reading depends on and whether it would come out differently now.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Bytes read of a file: one more than the compiler accepts, so that it can say that a file is too large.
const LONGEST: u64 = 32 * 1024 * 1024 + 1;
/// Folders below a project folder are searched so deep.
const DEEPEST: usize = 16;
/// Folders that hold other people's files.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// What a reading has looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The folders whose entries matter: of every file as named, and as it is after following links.
    pub folders: BTreeSet<PathBuf>,
    /// A hash of each file's content; `None` for one that could not be read.
    pub contents: BTreeMap<PathBuf, Option<u64>>,
    /// Of which paths was asked what they are.
    kinds: BTreeMap<PathBuf, Kind>,
    /// Lists of files; `None` for one of a folder that could not be read.
    lists: BTreeMap<Listing, Option<Vec<PathBuf>>>,
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

impl Seen {
    /// Whether a reading would come out differently now. Nothing is parsed for it: what a reading looks at follows from what it saw.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        let now = self.again();
        (&now.contents, &now.kinds, &now.lists) != (&self.contents, &self.kinds, &self.lists)
    }

    /// The same looks once more.
    fn again(&self) -> Self {
        let mut seen = Self::default();
        for path in self.contents.keys() {
            // That a file cannot be read is part of what is seen, here and below.
            drop(seen.read(path));
        }
        for path in self.kinds.keys() {
            seen.kind(path);
        }
        for Listing { folder, suffix, deep } in self.lists.keys() {
            drop(seen.list(folder, suffix, *deep));
        }
        seen
    }

    /// Reads a file of the project.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.note_folders_of(path);
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path).and_then(|file| {
            // A byte more, in which the end of the file is found.
            let size = file.metadata()?.len().min(LONGEST - 1) + 1;
            bytes.reserve_exact(usize::try_from(size).unwrap_or_default());
            file.take(LONGEST).read_to_end(&mut bytes)
        });
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        self.contents.insert(path.to_owned(), read.is_ok().then(|| hasher.finish()));
        read.map(|_| bytes)
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
    pub(super) fn list(&mut self, folder: &Path, suffix: &str, deep: bool) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let walked = self.walk(folder, suffix, if deep { DEEPEST } else { 0 }, &mut found);
        found.sort();
        let listing = Listing { folder: folder.to_owned(), suffix: suffix.to_owned(), deep };
        self.lists.insert(listing, walked.is_ok().then(|| found.clone()));
        walked.map(|()| found)
    }

    fn walk(&mut self, folder: &Path, suffix: &str, deeper: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
        self.note_folder(folder);
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
                if deeper > 0 && !SKIPPED.contains(&name.as_ref()) {
                    self.walk(&path, suffix, deeper - 1, found)?;
                }
            } else if name.ends_with(suffix) {
                found.push(path);
            }
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

/// A path as messages show it: below the working directory without it, always with `/`.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    let text = path.to_string_lossy().replace('\\', "/");
    let text = text.strip_prefix("./").unwrap_or(&text);
    if text.is_empty() { ".".to_owned() } else { text.to_owned() }
}
