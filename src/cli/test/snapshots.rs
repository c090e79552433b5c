//! The snapshots of a test file: one JSON object beside it, a value for each scenario. They are written only when asked for.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Failure;

/// What is recorded of the scenarios of a file.
pub(super) struct Snapshots {
    path: PathBuf,
    recorded: Map<String, Value>,
    changed: bool,
}

impl Snapshots {
    /// Reads `NAME.snapshot.json` beside `NAME.test.yaml`, if it is there.
    pub(super) fn beside(test: &Path) -> Result<Self, Failure> {
        let name = test.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.strip_suffix(".test.yaml").unwrap_or(&name);
        let path = test.with_file_name(format!("{stem}.snapshot.json"));
        let recorded = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Failure::of(&format!("`{}` is not a snapshot", path.display()), &error)
                    .help("`webhookc test -u` writes it anew, once it is removed")
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(Failure::of(&format!("cannot read `{}`", path.display()), &error)),
        };
        Ok(Self { path, recorded, changed: false })
    }

    pub(super) fn of(&self, scenario: &str) -> Option<&Value> {
        self.recorded.get(scenario)
    }

    pub(super) fn record(&mut self, scenario: &str, value: Value) {
        if self.of(scenario) != Some(&value) {
            self.recorded.insert(scenario.to_owned(), value);
            self.changed = true;
        }
    }

    /// Forgets those of scenarios that are no more.
    pub(super) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        let before = self.recorded.len();
        self.recorded.retain(|name, _| is_there(name));
        self.changed |= self.recorded.len() != before;
    }

    /// Writes them, if anything changed.
    pub(super) fn write(&self) -> Result<(), Failure> {
        if !self.changed {
            return Ok(());
        }
        let failed = |error: &std::io::Error| Failure::of(&format!("cannot write `{}`", self.path.display()), error);
        if self.recorded.is_empty() {
            return std::fs::remove_file(&self.path).map_err(|error| failed(&error));
        }
        let text = serde_json::to_string_pretty(&self.recorded).unwrap_or_default() + "\n";
        std::fs::write(&self.path, text).map_err(|error| failed(&error))
    }
}
