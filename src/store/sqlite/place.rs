//! Whether the database is still where it was opened. A file that is moved, deleted or replaced while it is open can be written on, and
//! what is written is gone at the next start: so nothing may be acknowledged then. Nor when the file is gone by whose lock other nodes see
//! that the store is taken, or the one by which other programs see what we are reading and writing: they would write beside us.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// The files of an open database.
#[derive(Clone, Debug)]
pub(super) struct Place {
    files: Vec<(PathBuf, Identity)>,
}

/// A file whatever it is called: its device and its number there.
type Identity = (u64, u64);

impl Place {
    /// Of a database with a write-ahead log, which is open and has been written.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let known = |suffix: &str| {
            let mut path = database.as_os_str().to_owned();
            path.push(suffix);
            let path = PathBuf::from(path);
            identity(&path).map(|identity| (path, identity))
        };
        Ok(Self { files: ["", "-wal", "-shm", "-lock"].into_iter().map(known).collect::<io::Result<_>>()? })
    }

    /// Whether every file is where it was.
    ///
    /// # Errors
    /// When one is not.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for (path, known) in &self.files {
            if identity(path).ok() != Some(*known) {
                let path = path.display();
                return Err(StoreError::Failed(format!("`{path}` was moved or replaced; put it back, or stop and start again")));
            }
        }
        Ok(())
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}
