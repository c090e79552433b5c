//! A node whose disk and clock are the test's: `shim.c`, compiled here, is preloaded into it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::node::Node;

/// Error numbers of Linux.
pub const EIO: i64 = 5;
pub const EROFS: i64 = 30;
pub const ENOSPC: i64 = 28;

/// What can be set; the order is that of `shim.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Every write to a file fails with this error.
    WriteError,
    /// Every write that makes a file longer fails with this error: a full disk.
    GrowError,
    /// Every sync fails with this error.
    SyncError,
    /// How long a sync takes.
    SyncDelayMs,
    /// How far the machine's clock has been set forward.
    ClockStepSeconds,
}

/// The library, and the numbers that it reads.
pub struct Shim {
    folder: tempfile::TempDir,
    numbers: File,
}

impl Shim {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let compiled = Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(folder.path().join("shim.so")).arg(source).status();
        assert!(compiled.unwrap().success(), "cc makes no library of tests/faults/shim.c");
        fs::write(folder.path().join("numbers"), [0; 40]).unwrap();
        let numbers = File::options().write(true).open(folder.path().join("numbers")).unwrap();
        Self { folder, numbers }
    }

    pub fn set(&self, number: Number, value: i64) {
        self.numbers.write_all_at(&value.to_ne_bytes(), number as u64 * 8).unwrap();
    }

    /// Starts a node on it.
    pub fn start(&self, project: &Path) -> Node {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
        command.arg("serve").current_dir(project).env("LD_PRELOAD", self.path("shim.so")).env("SHIM_NUMBERS", self.path("numbers"));
        Node::launch(command)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
