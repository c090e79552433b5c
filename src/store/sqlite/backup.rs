//! A copy of the whole store, made by a connection of its own beside a running node.
//!
//! 2026-11-21: `VACUUM INTO` rather than SQLite's backup interface. It reads one snapshot, which holds every save that was acknowledged
//! before, and ends however much is written meanwhile; a backup by pages begins anew after each foreign commit. Nor does it ask anything
//! of the node, so that it works whether one runs or not. The price: while it reads, the write-ahead log of the node cannot be reset and
//! grows.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use crate::store::StoreError;
use crate::store::sqlite::failure::failure;
use crate::store::sqlite::open::reason;

/// Steps of SQLite's machine between two looks at whether to go on.
const STEPS: i32 = 100;

/// Writes the copy under another name, brings it onto the disk, and only then calls it `target`: there never is half a backup.
pub(super) fn backup(connection: &mut Connection, target: &Path, stop: impl FnMut() -> bool + Send + 'static) -> Result<u64, StoreError> {
    let write = |error: io::Error| StoreError::Target { file: target.display().to_string(), why: reason(&error) };
    if target.symlink_metadata().is_ok() {
        return Err(StoreError::Target { file: target.display().to_string(), why: "it exists already".to_owned() });
    }
    let partial = Partial::create(target).map_err(write)?;
    connection.progress_handler(STEPS, Some(stop)).map_err(|error| failure(target, &error))?;
    let path = partial.path.to_str().ok_or_else(|| write(io::Error::from(io::ErrorKind::InvalidFilename)))?;
    connection.execute("VACUUM INTO ?1", [path]).map_err(|error| {
        if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
            return StoreError::Target { file: target.display().to_string(), why: "it was interrupted".to_owned() };
        }
        let failed = failure(target, &error);
        // It is not the store's disk that is full.
        if failed == StoreError::Full { write(io::Error::from(io::ErrorKind::StorageFull)) } else { failed }
    })?;
    partial.finish(target).map_err(write)
}

/// A file that is removed unless it is finished.
struct Partial {
    path: PathBuf,
    finished: bool,
}

impl Partial {
    /// Makes the file, for its owner only, before SQLite fills it.
    fn create(target: &Path) -> io::Result<Self> {
        let mut name = target.file_name().map(OsString::from).ok_or(io::ErrorKind::InvalidFilename)?;
        name.push(format!(".partial-{}", std::process::id()));
        let path = target.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?;
        Ok(Self { path, finished: false })
    }

    /// Gives it its name; its bytes.
    fn finish(mut self, target: &Path) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(&self.path, target)?;
        self.finished = true;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(bytes)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.finished {
            // The failure that led here is reported; a file that cannot be removed is no greater one.
            drop(fs::remove_file(&self.path));
            let mut journal = self.path.clone().into_os_string();
            journal.push("-journal");
            drop(fs::remove_file(journal));
        }
    }
}
