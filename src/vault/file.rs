//! A file with keys that only its owner can read, made whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{VaultKey, VaultKeys};

/// Bytes that a file of keys may have: more than any number of keys, and no disk image named by mistake.
const LONGEST: u64 = 16 * 1024;
/// What the file says about itself.
const NOTE: &str = "# The secrets in webhookc's store are encrypted with the first of these keys. Without it they are lost:\n\
                    # keep a copy, apart from the copies of the store.\n";

/// The text of a file of keys.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes a file that was not there before.
pub(super) fn create(path: &Path, keys: &VaultKeys) -> io::Result<()> {
    let (partial, text) = (beside(path), text(keys));
    write(&partial, &text)?;
    // A link is made only where there is nothing: of two who make one, one wins, and nobody reads half a file.
    let linked = fs::hard_link(&partial, path);
    fs::remove_file(&partial)?;
    linked?;
    sync(path)
}

/// Puts other keys into a file that is there.
pub(super) fn replace(path: &Path, keys: &VaultKeys) -> io::Result<()> {
    // What the path leads to stays where it is.
    let path = path.canonicalize()?;
    let partial = beside(&path);
    write(&partial, &text(keys))?;
    fs::rename(&partial, &path)?;
    sync(&path)
}

fn text(keys: &VaultKeys) -> String {
    let keys: Vec<String> = keys.iter().map(VaultKey::reveal).collect();
    format!("{NOTE}{}\n", keys.join("\n"))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The name, too, has to be on the disk.
fn sync(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
