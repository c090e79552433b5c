//! The ways in which programs save a file, as system calls.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// A way to save a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Truncated and written at once.
    InPlace,
    /// Truncated, and written in pieces with pauses longer than any quiet time.
    InPieces,
    /// Truncated, and filled a moment later by another program.
    TruncatedThenWritten,
    /// Written beside and renamed over it.
    Renamed,
    /// vim: the old one renamed to `~`, a new one written, the backup removed; and its probe whether the folder is writable.
    Vim,
    /// vim with `backupcopy=yes`: a copy made, the old one overwritten, the copy removed.
    VimCopy,
    /// The safe write of IDEs: written beside, the old one renamed, the new one renamed over it, the old one removed.
    JetBrains,
    /// Emacs: an auto-save file, the old one renamed to a backup that stays, a new one.
    Emacs,
    /// Removed and made again.
    RemovedAndMade,
    /// Opened without truncating, overwritten, cut to its new length.
    Overwritten,
    /// Written with its times set into the past, as archives are unpacked.
    WithOldTimes,
    /// Replaced by a hard link to another file.
    HardLink,
}

impl Pattern {
    pub const ALL: [Self; 12] = [
        Self::InPlace,
        Self::InPieces,
        Self::TruncatedThenWritten,
        Self::Renamed,
        Self::Vim,
        Self::VimCopy,
        Self::JetBrains,
        Self::Emacs,
        Self::RemovedAndMade,
        Self::Overwritten,
        Self::WithOldTimes,
        Self::HardLink,
    ];

    /// Saves `text` in this way; pauses are of this length.
    pub fn save(self, file: &Path, text: &str, pause: Duration) {
        let beside = |suffix: &str| file.with_file_name(format!("{}{suffix}", file.file_name().unwrap().to_str().unwrap()));
        match self {
            Self::InPlace => fs::write(file, text).unwrap(),
            Self::InPieces => {
                let mut open = File::create(file).unwrap();
                for piece in text.as_bytes().chunks(text.len() / 3 + 1) {
                    sleep(pause);
                    open.write_all(piece).unwrap();
                }
            }
            Self::TruncatedThenWritten => {
                File::create(file).unwrap();
                sleep(pause);
                fs::write(file, text).unwrap();
            }
            Self::Renamed => {
                fs::write(beside(".tmp"), text).unwrap();
                fs::rename(beside(".tmp"), file).unwrap();
            }
            Self::Vim => {
                let probe = file.with_file_name("4913");
                File::create(&probe).unwrap();
                fs::remove_file(&probe).unwrap();
                fs::rename(file, beside("~")).unwrap();
                fs::write(file, text).unwrap();
                fs::remove_file(beside("~")).unwrap();
            }
            Self::VimCopy => {
                fs::copy(file, beside("~")).unwrap();
                fs::write(file, text).unwrap();
                fs::remove_file(beside("~")).unwrap();
            }
            Self::JetBrains => {
                fs::write(beside("___jb_tmp___"), text).unwrap();
                fs::rename(file, beside("___jb_old___")).unwrap();
                fs::rename(beside("___jb_tmp___"), file).unwrap();
                fs::remove_file(beside("___jb_old___")).unwrap();
            }
            Self::Emacs => {
                let auto = file.with_file_name(format!("#{}#", file.file_name().unwrap().to_str().unwrap()));
                fs::write(&auto, text).unwrap();
                fs::rename(file, beside("~")).unwrap();
                fs::write(file, text).unwrap();
                fs::remove_file(&auto).unwrap();
            }
            Self::RemovedAndMade => {
                fs::remove_file(file).unwrap();
                sleep(pause);
                fs::write(file, text).unwrap();
            }
            Self::Overwritten => {
                let mut open = OpenOptions::new().write(true).open(file).unwrap();
                open.write_all(text.as_bytes()).unwrap();
                open.set_len(text.len() as u64).unwrap();
            }
            Self::WithOldTimes => {
                let mut open = File::create(beside(".new")).unwrap();
                open.write_all(text.as_bytes()).unwrap();
                open.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
                drop(open);
                fs::rename(beside(".new"), file).unwrap();
            }
            Self::HardLink => {
                fs::write(beside(".other"), text).unwrap();
                fs::hard_link(beside(".other"), beside(".link")).unwrap();
                fs::rename(beside(".link"), file).unwrap();
                fs::remove_file(beside(".other")).unwrap();
            }
        }
    }
}
