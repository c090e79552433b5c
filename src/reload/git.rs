//! Whether git is in the middle of writing files: it holds `index.lock` from before the first to after the last. So that a checkout of many
//! files is read as a whole, however long it takes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A lock of that age was left behind by a git that has died; git itself says so too when it is next run.
const STALE: Duration = Duration::from_secs(10);

/// Whether a repository to which one of these folders belongs is locked.
pub(super) fn is_at_work(folders: &BTreeSet<PathBuf>) -> bool {
    let repositories: BTreeSet<PathBuf> = folders.iter().filter_map(|folder| repository(folder)).collect();
    repositories.iter().any(|repository| is_fresh(&repository.join("index.lock")))
}

fn is_fresh(lock: &Path) -> bool {
    let made = lock.metadata().and_then(|metadata| metadata.modified());
    made.is_ok_and(|made| SystemTime::now().duration_since(made).unwrap_or_default() < STALE)
}

/// Where git keeps what it knows of the folder: `.git` in it or above it, or the folder that a file of this name points to.
fn repository(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let found = folder.ancestors().map(|above| above.join(".git")).find(|git| git.exists())?;
    if found.is_dir() {
        return Some(found);
    }
    let text = std::fs::read_to_string(&found).ok()?;
    let target = text.strip_prefix("gitdir:")?.trim();
    Some(found.parent()?.join(target))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lock_is_seen_from_below_and_from_a_work_tree_and_not_when_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("schemas/deep");
        fs::create_dir_all(&below).unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir_all(&tree).unwrap();
        let at_work = |path: &Path| is_at_work(&[path.to_owned()].into());
        fs::create_dir_all(folder.path().join(".git/worktrees/tree")).unwrap();
        assert!(!at_work(&below) && !at_work(&folder.path().join("nowhere")));
        fs::write(folder.path().join(".git/index.lock"), "").unwrap();
        assert!(at_work(&below));
        fs::write(tree.join(".git"), "gitdir: ../.git/worktrees/tree\n").unwrap();
        assert!(!at_work(&tree));
        let lock = fs::File::create(folder.path().join(".git/worktrees/tree/index.lock")).unwrap();
        assert!(at_work(&tree));
        lock.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        assert!(!at_work(&tree));
    }
}
