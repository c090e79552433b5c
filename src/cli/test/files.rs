//! Paths → test files, by the project that each belongs to: the nearest folder, from the test's own upwards, with a `webhookc.toml` or a
//! schema.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::{FILE_NAME, Seen, is_project};

/// How the name of a test file ends.
const SUFFIX: &str = ".test.yaml";

/// The test files of each project.
pub(super) fn find(paths: &[PathBuf]) -> Result<BTreeMap<PathBuf, Vec<PathBuf>>, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let mut projects: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let found = if path.metadata().map_err(|error| unreadable(path, &error))?.is_dir() { below(path)? } else { vec![path.clone()] };
        for file in found {
            let files = projects.entry(project_of(&file)?).or_default();
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    if projects.is_empty() {
        let places: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        let failure = Failure::new(format!("no `*{SUFFIX}` file in {}", places.join(", ")));
        return Err(failure.help("`webhookc init` makes a project with one; `webhookc schema test` describes their format"));
    }
    Ok(projects)
}

/// The test files of a folder and of those below it.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    Seen::default().list(folder, SUFFIX, true).map_err(|error| unreadable(folder, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::of(&format!("cannot read `{}`", path.display()), error)
}

fn project_of(file: &Path) -> Result<PathBuf, Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if is_project(folder) {
        return Ok(folder.to_owned());
    }
    let absolute = folder.canonicalize().map_err(|error| unreadable(folder, &error))?;
    let above = absolute.ancestors().skip(1).find(|folder| is_project(folder)).map(Path::to_owned);
    above.ok_or_else(|| {
        Failure::new(format!("`{}` belongs to no project", file.display())).help(format!(
            "a project is a folder with `{FILE_NAME}`, an `*.xml` schema or a folder `schemas`; tests stand in it or below it"
        ))
    })
}
