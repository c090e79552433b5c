//! What a file or folder is, whatever path leads to it. Where the system has no numbers for that, it is its real path.

use std::path::Path;
use std::time::SystemTime;

/// Which file or folder it is. One that was made anew may have the number of the one before, but not its time of birth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity(Number, Option<SystemTime>);

#[cfg(unix)]
type Number = (u64, u64);
#[cfg(not(unix))]
type Number = std::path::PathBuf;

impl Identity {
    /// Of what the path leads to, if there is anything.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self(number(path, &metadata)?, metadata.created().ok()))
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there may be none")]
fn number(_: &Path, metadata: &std::fs::Metadata) -> Option<Number> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn number(path: &Path, _: &std::fs::Metadata) -> Option<Number> {
    path.canonicalize().ok()
}
