//! The files of a store: that only their owner can read them, and that there is room for them to grow.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::{Finding, NAMED, Severity};

/// What stands behind the database's name in those of the files beside it.
const COMPANIONS: [&str; 5] = ["", "-wal", "-shm", "-lock", "-key"];
/// Bytes that must be free on the disk, however small the store is.
const LEAST_FREE: u64 = 256 * 1024 * 1024;
/// What only the owner may do: read and write.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// What is wrong with the files of this database.
pub(in crate::store::sqlite) fn examine_files(database: &Path) -> io::Result<Vec<Finding>> {
    let open: Vec<String> = open_to_others(database)?.iter().map(|file| file.display().to_string()).collect();
    let readable = (!open.is_empty()).then(|| Finding {
        check: "readable-by-others",
        severity: Severity::Error,
        message: "files that others than their owner may use, with the secrets in them".to_owned(),
        count: open.len() as u64,
        ids: open.into_iter().take(NAMED).collect(),
        help: "run `chmod 600` on them, or stop the node and run `webhookc doctor --repair`",
        repairable: true,
    });
    let room = free_bytes(database)?.and_then(|free| little_room(database, free));
    Ok(readable.into_iter().chain(room).collect())
}

/// Takes the rights of others away. How many files had them.
pub(in crate::store::sqlite) fn repair_files(database: &Path) -> io::Result<u64> {
    let open = open_to_others(database)?;
    for file in &open {
        #[cfg(unix)]
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(OWNER_ONLY))?;
    }
    Ok(open.len() as u64)
}

fn open_to_others(database: &Path) -> io::Result<Vec<PathBuf>> {
    let mut open = Vec::new();
    for companion in COMPANIONS {
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push(companion);
        let file = database.with_file_name(name);
        match file.metadata() {
            Ok(metadata) if is_open(&metadata) => open.push(file),
            Ok(_) => {}
            // The others come and go with the node.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(open)
}

#[cfg(unix)]
fn is_open(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o777 & !OWNER_ONLY != 0
}

#[cfg(not(unix))]
fn is_open(_: &std::fs::Metadata) -> bool {
    false
}

/// What this process may still write to the disk of the file.
#[cfg(unix)]
fn free_bytes(file: &Path) -> io::Result<Option<u64>> {
    let disk = rustix::fs::statvfs(file)?;
    Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

fn little_room(database: &Path, free: u64) -> Option<Finding> {
    (free < LEAST_FREE).then(|| Finding {
        check: "disk-almost-full",
        severity: Severity::Warning,
        message: format!("disks with {} MiB free, expected {} MiB or more", free >> 20, LEAST_FREE >> 20),
        count: 1,
        ids: vec![database.display().to_string()],
        help: "make room, or remove what is old with `webhookc prune --vacuum`; a full disk refuses saves",
        repairable: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_little_room_is_a_warning() {
        let finding = little_room(Path::new("w.db"), LEAST_FREE - 1).unwrap();
        assert_eq!(finding.message, "disks with 255 MiB free, expected 256 MiB or more");
        assert_eq!((finding.severity, finding.count), (Severity::Warning, 1));
        assert_eq!(little_room(Path::new("w.db"), LEAST_FREE), None);
    }

    #[test]
    fn free_room_is_known_of_a_file_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap().is_none_or(|free| free > 0));
        assert!(free_bytes(&folder.path().join("none")).is_err());
    }
}
