//! `--from`: a recording of saves → a test file on standard output.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Bench, Failure, Output, complain};
use crate::scenario::{Scenario, read_recording, run, write_scenario};
use crate::text::{Span, Spanned};

/// Runs the recording in the project at `paths` and prints what it comes to.
pub(super) fn print(recording: &Path, paths: &[PathBuf], output: Output) -> Result<ExitCode, Failure> {
    let project = match paths {
        [] => Path::new("."),
        [project] => project,
        [_, other, ..] => {
            return Err(Failure::new(format!("`{}` stands beside another path, expected one project with `--from`", other.display())));
        }
    };
    let mut bench = match Bench::build(project, &[])? {
        Ok(bench) => bench,
        Err(compilation) => {
            complain(&compilation, output);
            return Ok(ExitCode::from(2));
        }
    };
    let file = bench.add(recording)?;
    let saves = bench.read(file, read_recording);
    if bench.compilation.diagnostics.has_errors() {
        complain(&bench.compilation, output);
        return Ok(ExitCode::from(2));
    }
    let name = recording.file_stem().map_or_else(|| "recorded".to_owned(), |name| name.to_string_lossy().into_owned());
    let (steps, items): (Vec<_>, Vec<_>) = saves.into_iter().map(|recorded| (recorded.step, recorded.json)).unzip();
    let scenario = Scenario::of_steps(Spanned::new(name, Span::new(file, 0, 0)), steps);
    let happened = run(&bench.setting(), &scenario, None);
    output.print(&write_scenario(bench.rules(), &scenario, items.iter().map(String::as_str), &happened));
    Ok(ExitCode::SUCCESS)
}
