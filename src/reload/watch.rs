//! News from the file system: that something in one of the watched folders changed, hardly ever what. Folders are watched, not files,
//! because editors and deployments replace files; there is no filter by name, because the reader compares contents anyway. What is kept of
//! the events is only what tells when to read: how long ago the last one was, of which names, and which files somebody is in the middle of
//! writing.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, mpsc};

use super::identity::Identity;

/// Events without a quiet time between them after which whoever looks for a change need not wait for one: something writes in the folders
/// all the time, such as a store in the project folder under load.
pub(super) const CROWD: usize = 64;
/// How many quiet times are waited at most for one without an event.
const RESTLESS: u32 = 10;
/// How long a file that is open for writing is waited for: some programs never close what they write.
const WRITING: Duration = Duration::from_secs(2);
/// How often it is looked whether it is still written to.
const GLANCE: Duration = Duration::from_millis(10);
/// Files that are remembered as being written, and names that there was news of. More are not waited for.
const MOST: usize = 1024;

/// Watches folders. Where the operating system cannot, the caller's own regular look must do.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Each folder once, whatever paths lead to it: the system knows them by what they are.
    folders: BTreeMap<Identity, PathBuf>,
    news: mpsc::Receiver<()>,
    heard: Arc<Mutex<Heard>>,
    /// Rings when the events have become a crowd.
    crowd: Arc<Notify>,
    /// Keeps `news` open when there is no watcher.
    _news_sender: mpsc::Sender<()>,
}

/// What the events came to.
#[derive(Default)]
struct Heard {
    /// Since the last [`Watch::settled`].
    events: usize,
    last: Option<Instant>,
    /// Written to, and not closed since.
    writing: BTreeSet<PathBuf>,
    /// Removed, or moved away, watched folders among them.
    gone: BTreeSet<PathBuf>,
    /// The names that there was news of, and when the last of it was.
    names: BTreeMap<OsString, Instant>,
}

impl Watch {
    pub(super) fn new() -> Self {
        // One unread note says as much as a thousand.
        let (sender, news) = mpsc::channel(1);
        let note = sender.clone();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let crowd = Arc::new(Notify::new());
        let (hearing, bell) = (Arc::clone(&heard), Arc::clone(&crowd));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let mut heard = lock(&hearing);
            let (is_news, events) = (heard.hear(event), heard.events);
            drop(heard);
            if events == CROWD {
                bell.notify_one();
            }
            if is_news {
                // A full channel means that a note is waiting already.
                let _waiting = note.try_send(());
            }
        });
        let watcher = watcher.inspect_err(|error| tracing::warn!(%error, "changes of files are only seen every two seconds")).ok();
        Self { watcher, folders: BTreeMap::new(), news, heard, crowd, _news_sender: sender }
    }

    /// Watches these folders and no others; in the place of one that is not there, the nearest above it that is. A folder that has been
    /// removed and made again is another one.
    pub(super) fn set(&mut self, folders: &BTreeSet<PathBuf>) {
        let Some(notifier) = &mut self.watcher else { return };
        let gone = std::mem::take(&mut lock(&self.heard).gone);
        let wanted: BTreeMap<Identity, PathBuf> = folders.iter().filter_map(|folder| nearest(folder)).collect();
        self.folders.retain(|identity, folder| {
            let keep = wanted.contains_key(identity) && !gone.contains(folder);
            if !keep {
                // One that was removed is not watched any more.
                let _gone = notifier.unwatch(folder);
            }
            keep
        });
        for (identity, folder) in wanted {
            if self.folders.contains_key(&identity) {
                continue;
            }
            match notifier.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(identity, folder);
                }
                Err(error) => tracing::debug!(%error, folder = %folder.display(), "the folder cannot be watched"),
            }
        }
    }

    /// Waits for the next note.
    pub(super) async fn changed(&mut self) {
        // The sender kept above means that this never ends with nothing.
        let _note = self.news.recv().await;
    }

    /// Waits until nothing has happened for the time of `quiet` and nobody is writing to one of these files; not for ever. How many
    /// events there were since the last time.
    pub(super) async fn settled<'p>(&mut self, quiet: Duration, files: impl Iterator<Item = &'p PathBuf> + Clone) -> usize {
        let began = Instant::now();
        loop {
            while self.news.try_recv().is_ok() {}
            let rest = lock(&self.heard).last.map_or(Duration::ZERO, |last| quiet.saturating_sub(last.elapsed()));
            let waited = began.elapsed();
            if !rest.is_zero() && waited < quiet * RESTLESS {
                tokio::time::sleep(rest).await;
            } else if waited < WRITING && self.is_written_to(files.clone()) {
                tokio::time::sleep(GLANCE).await;
            } else {
                return std::mem::take(&mut lock(&self.heard).events);
            }
        }
    }

    /// As [`Watch::settled`], and no longer than until the events are a [`CROWD`].
    pub(super) async fn settled_or_crowded<'p>(&mut self, quiet: Duration, files: impl Iterator<Item = &'p PathBuf> + Clone) -> usize {
        let (heard, crowd) = (Arc::clone(&self.heard), Arc::clone(&self.crowd));
        let crowded = async {
            while lock(&heard).events < CROWD {
                crowd.notified().await;
            }
        };
        tokio::select! {
            events = self.settled(quiet, files) => events,
            () = crowded => std::mem::take(&mut lock(&heard).events),
        }
    }

    /// Whether something has happened since then to a file whose name is one of these.
    pub(super) fn has_heard_of(&self, is_one: impl Fn(&OsStr) -> bool, then: Instant) -> bool {
        lock(&self.heard).names.iter().any(|(name, last)| *last > then && is_one(name))
    }

    fn is_written_to<'p>(&self, mut files: impl Iterator<Item = &'p PathBuf>) -> bool {
        let writing: BTreeSet<Identity> = lock(&self.heard).writing.iter().filter_map(|path| Identity::of(path)).collect();
        !writing.is_empty() && files.any(|file| Identity::of(file).is_some_and(|identity| writing.contains(&identity)))
    }
}

impl Heard {
    /// Whether it is news.
    fn hear(&mut self, event: notify::Result<Event>) -> bool {
        let now = Instant::now();
        if let Ok(event) = event {
            if !matches!(event.kind, EventKind::Access(_)) {
                self.remember(&event.paths, now);
            }
            match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => self.forget(&event.paths),
                EventKind::Access(_) => return false,
                EventKind::Modify(ModifyKind::Data(_)) if self.writing.len() < MOST => self.writing.extend(event.paths),
                EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                    self.forget(&event.paths);
                    if self.gone.len() < MOST {
                        self.gone.extend(event.paths);
                    }
                }
                EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => {}
            }
        }
        self.events += 1;
        self.last = Some(now);
        true
    }

    fn remember(&mut self, paths: &[PathBuf], now: Instant) {
        for name in paths.iter().filter_map(|path| path.file_name()) {
            if let Some(last) = self.names.get_mut(name) {
                *last = now;
            } else {
                if self.names.len() == MOST {
                    self.names.clear();
                }
                self.names.insert(name.to_owned(), now);
            }
        }
    }

    fn forget(&mut self, paths: &[PathBuf]) {
        for path in paths {
            self.writing.remove(path);
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder, or the nearest above it that exists.
fn nearest(folder: &Path) -> Option<(Identity, PathBuf)> {
    // Above `a` is the working directory.
    let above = folder.ancestors().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let mut existing = above.filter_map(|above| Some((Identity::of(above)?, above.to_owned())));
    existing.next()
}
