//! `webhookc test`: runs the scenario tests of one or more projects. Outcomes go to standard output, the summary to standard error.

mod bench;
mod coverage;
mod files;
mod from;
mod snapshots;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::failure::Failure;
use super::output::Output;
use crate::compile::Compilation;
use crate::report::{self, Format as Findings, counted};
use crate::scenario::{Coverage, Format, Outcome, Point, Tested, TestedFile, count, judge, render, run, snapshot, summary};
pub(super) use bench::Bench;
use coverage::Wanted;
use snapshots::Snapshots;

/// Run scenario tests: what is saved, how receivers answer, what must come of it; no sockets, no waiting
#[derive(Debug, Args)]
pub(super) struct Test {
    /// Test files (`*.test.yaml`) and folders that hold some [default: .]
    paths: Vec<PathBuf>,

    /// Run only scenarios whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// How outcomes are written [default: full; under GitHub Actions: github]
    #[arg(long, value_enum, value_name = "FORMAT")]
    output_format: Option<OutputFormat>,

    /// Record the snapshots of scenarios with `snapshot: true` anew
    #[arg(short, long)]
    update: bool,

    /// Print a test file made from a recording of saves, one a line as `POST …/saves` takes them, with what comes of them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["update", "coverage", "filter", "output_format"])]
    from: Option<PathBuf>,

    #[command(flatten)]
    coverage: Wanted,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OutputFormat {
    /// Every scenario, and each failure with its line and the difference
    Full,
    /// A report in the XML of `JUnit`
    Junit,
    /// Test Anything Protocol, version 14
    Tap,
    /// One JSON object
    Json,
    /// Workflow commands of GitHub Actions
    Github,
}

impl Test {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        if let Some(recording) = &self.from {
            return from::print(recording, &self.paths, output);
        }
        let projects = files::find(&self.paths)?;
        let mut benches = Vec::with_capacity(projects.len());
        let mut sound = true;
        for (project, files) in projects {
            match Bench::build(&project, &files)? {
                Ok(bench) => benches.push(bench),
                Err(compilation) => {
                    sound = false;
                    complain(&compilation, output);
                }
            }
        }
        if !sound {
            return Ok(ExitCode::from(2));
        }
        let mut tested = Vec::with_capacity(benches.len());
        let mut points = Vec::with_capacity(benches.len());
        for bench in benches {
            let (outcomes, seen) = self.run_bench(bench)?;
            tested.push(outcomes);
            points.push(seen);
        }
        let (passed, failed) = count(&tested);
        if passed + failed == 0 {
            let what = self
                .filter
                .as_ref()
                .map_or_else(|| "no scenario".to_owned(), |filter| format!("no scenario whose name contains `{filter}`"));
            return Err(Failure::new(what));
        }
        output.print(&render(&tested, self.format(), output.out));
        let sources = tested.iter().map(|tested| &tested.sources);
        self.coverage.write(sources.zip(points), output)?;
        output.complain(&format!("{}\n", summary(&tested)));
        Ok(ExitCode::from(u8::from(failed > 0)))
    }

    fn run_bench(&self, bench: Bench) -> Result<(Tested, Vec<Point>), Failure> {
        let setting = bench.setting();
        let mut coverage = self.coverage.is_wanted().then(|| Coverage::new(setting.rules));
        let mut files = Vec::with_capacity(bench.files.len());
        for (file, path, tests) in &bench.files {
            let mut snapshots = Snapshots::beside(path)?;
            let mut outcomes = Vec::new();
            for scenario in &tests.scenarios {
                let name = &scenario.name;
                if self.filter.as_ref().is_some_and(|filter| !name.value.contains(filter.as_str())) {
                    continue;
                }
                let happened = run(&setting, scenario, coverage.as_ref().map(Coverage::watch));
                if let Some(coverage) = &mut coverage {
                    coverage.add(setting.rules, &happened);
                }
                if self.update && scenario.snapshot.is_some() && happened.broken_off.is_none() {
                    snapshots.record(&name.value, snapshot(setting.rules, &happened));
                }
                let failures = judge(&setting, scenario, &happened, snapshots.of(&name.value));
                outcomes.push(Outcome { name: name.clone(), failures });
            }
            if self.update {
                snapshots.keep(|name| tests.scenarios.iter().any(|scenario| scenario.snapshot.is_some() && scenario.name.value == name));
                snapshots.write()?;
            }
            files.push(TestedFile { file: *file, outcomes });
        }
        let points = coverage.map(|coverage| coverage.points(setting.rules)).unwrap_or_default();
        Ok((Tested { sources: bench.compilation.sources, files }, points))
    }

    fn format(&self) -> Format {
        match self.output_format {
            Some(OutputFormat::Junit) => Format::Junit,
            Some(OutputFormat::Tap) => Format::Tap,
            Some(OutputFormat::Json) => Format::Json,
            Some(OutputFormat::Github) => Format::Github,
            None if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") => Format::Github,
            Some(OutputFormat::Full) | None => Format::Full,
        }
    }
}

/// Says why nothing of a project was run.
pub(super) fn complain(compilation: &Compilation, output: Output) {
    output.complain(&report::render(compilation, Findings::Full, output.err));
    let errors = compilation.diagnostics.count(crate::diagnostics::Severity::Error);
    output.complain(&format!("{}, nothing was run\n", counted(errors, "error")));
}

/// The test files of a project: in its folder and below.
pub(super) fn test_files(project: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = if project.is_dir() { project } else { project.parent().unwrap_or(project) };
    files::below(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}
