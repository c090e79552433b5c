//! Replaces a file's text: written beside it in full, with its permissions, and then renamed over it, so that nobody ever reads half of
//! it. A link stays a link, and what changed under us in the meantime is left alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `after` into the file, which must still hold `before`.
pub(super) fn rewrite(file: &Path, before: &str, after: &str) -> io::Result<()> {
    let target = file.canonicalize()?;
    if fs::read(&target)? != before.as_bytes() {
        return Err(io::Error::other("the file has changed since it was read"));
    }
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = fill(&beside, &target, after).and_then(|()| fs::rename(&beside, &target));
    if written.is_err() {
        // Left behind it would only be in the way; that it cannot be removed is no further news.
        let _gone = fs::remove_file(&beside);
    }
    written
}

fn fill(beside: &Path, target: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(beside)?;
    file.set_permissions(fs::metadata(target)?.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn text_changes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("schema.xml");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.xml");
        std::os::unix::fs::symlink(&file, &link).unwrap();

        rewrite(&link, "old", "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());

        let refused = rewrite(&file, "old", "newer").unwrap_err();
        assert_eq!(refused.to_string(), "the file has changed since it was read");
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left behind");
    }
}
