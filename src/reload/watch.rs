//! News from the file system: that something in one of the watched folders changed, never what. Folders are watched, not files, because
//! editors and deployments replace files; there is no filter by name, because the reader compares contents anyway.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// Watches folders. Where the operating system cannot, the caller's own regular look must do.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    news: mpsc::Receiver<()>,
    /// Events since the last [`Watch::drain`].
    events: Arc<AtomicUsize>,
    /// Keeps `news` open when there is no watcher.
    _news_sender: mpsc::Sender<()>,
}

impl Watch {
    pub(super) fn new() -> Self {
        // One unread note says as much as a thousand.
        let (sender, news) = mpsc::channel(1);
        let note = sender.clone();
        let events = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&events);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let reading = event.as_ref().is_ok_and(|event| matches!(event.kind, EventKind::Access(_)));
            if !reading {
                count.fetch_add(1, Ordering::Relaxed);
                // A full channel means that a note is waiting already.
                let _waiting = note.try_send(());
            }
        });
        let watcher = watcher.inspect_err(|error| tracing::warn!(%error, "changes of files are only seen every two seconds")).ok();
        Self { watcher, folders: BTreeSet::new(), news, events, _news_sender: sender }
    }

    /// Watches these folders and no others.
    pub(super) fn set(&mut self, folders: &BTreeSet<PathBuf>) {
        let Some(notifier) = &mut self.watcher else { return };
        for gone in self.folders.difference(folders) {
            // A folder that was removed is not watched any more.
            let _gone = notifier.unwatch(gone);
        }
        let mut watched: BTreeSet<PathBuf> = self.folders.intersection(folders).cloned().collect();
        for new in folders.difference(&self.folders) {
            match notifier.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(new.clone());
                }
                Err(error) => tracing::debug!(%error, folder = %new.display(), "the folder cannot be watched"),
            }
        }
        self.folders = watched;
    }

    /// Waits for the next note.
    pub(super) async fn changed(&mut self) {
        // The sender kept above means that this never ends with nothing.
        let _note = self.news.recv().await;
    }

    /// Forgets a note that has come since; how many events there were since the last time.
    pub(super) fn drain(&mut self) -> usize {
        while self.news.try_recv().is_ok() {}
        self.events.swap(0, Ordering::Relaxed)
    }
}
