//! What the file system says of a file → whether its bytes may differ from those that were read. Absent: reading them.
//!
//! A stamp says "unchanged" only of a file that had been at rest for a while when the stamp was taken: two writes within one tick of the
//! file system's clock leave the same times. What was written too recently, or in the future by this machine's clock, is read again.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a file must have been at rest: the coarsest clock of a file system in use ticks every two seconds.
const AT_REST: Duration = Duration::from_secs(3);

/// Size, times and identity of a file that was at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: SystemTime,
    /// Device, inode, and when content or attributes last changed, which no program can set back: seconds and nanoseconds.
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    /// The stamp of a file, taken at `now`; `None` when it cannot be relied on.
    pub(super) fn of(path: &Path, now: SystemTime) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let (size, modified, identity) = (metadata.len(), metadata.modified().ok()?, identity(&metadata)?);
        let (.., seconds, nanoseconds) = identity;
        let changed = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        let last = modified.max(SystemTime::UNIX_EPOCH.checked_add(changed)?);
        let rested = now.duration_since(last).ok()?;
        (rested >= AT_REST).then_some(Self { size, modified, identity })
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there may be none")]
fn identity(metadata: &Metadata) -> Option<(u64, u64, i64, i64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

/// Elsewhere nothing is known that a program cannot set back.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64, i64, i64)> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs::{File, write};
    use std::time::{Duration, SystemTime};

    use super::Stamp;

    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_mins(1)
    }

    #[test]
    fn what_was_written_just_now_or_in_the_future_is_not_relied_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schema.xml");
        assert_eq!(Stamp::of(&path, later()), None, "there is no file");
        write(&path, "<a/>").unwrap();
        assert_eq!(Stamp::of(&path, SystemTime::now()), None);
        let stamp = Stamp::of(&path, later());
        assert!(stamp.is_some());
        assert_eq!(Stamp::of(&path, later()), stamp);
        File::options().write(true).open(&path).unwrap().set_modified(later()).unwrap();
        assert_eq!(Stamp::of(&path, SystemTime::now() + Duration::from_secs(30)), None);
    }

    #[test]
    fn a_change_that_keeps_size_and_time_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["schema.xml", "other.xml"].map(|name| folder.path().join(name));
        write(&path, "<a/>").unwrap();
        let stamp = Stamp::of(&path, later());
        let modified = path.metadata().unwrap().modified().unwrap();
        let keep_time = |path| File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();

        write(&path, "<b/>").unwrap();
        keep_time(&path);
        let rewritten = Stamp::of(&path, later());
        assert_ne!(rewritten, stamp);

        write(&other, "<c/>").unwrap();
        keep_time(&other);
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(Stamp::of(&path, later()), rewritten);
    }
}
