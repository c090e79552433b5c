//! `--coverage`: which format, and where it is written.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Output};
use crate::scenario::{CoverageFormat, Covered, Point, write_coverage};
use crate::text::SourceMap;

/// What is wanted of the coverage.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Say what of the rules was tried: webhooks fired and suppressed, conditions true and false, branches of templates
    #[arg(long, value_enum, value_name = "FORMAT")]
    coverage: Option<Kind>,

    /// Where the coverage is written [default: text to standard output, lcov to `lcov.info`, html to `coverage.html`]
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// What was never tried, a line each
    Text,
    /// A tracefile of lcov
    Lcov,
    /// One page with the sources
    Html,
}

impl Wanted {
    pub(super) fn is_wanted(&self) -> bool {
        self.coverage.is_some()
    }

    /// Writes the points of each project, with its sources.
    pub(super) fn write<'s>(&self, projects: impl Iterator<Item = (&'s SourceMap, Vec<Point>)>, output: Output) -> Result<(), Failure> {
        let (format, usual) = match self.coverage {
            None => return Ok(()),
            Some(Kind::Text) => (CoverageFormat::Text, None),
            Some(Kind::Lcov) => (CoverageFormat::Lcov, Some("lcov.info")),
            Some(Kind::Html) => (CoverageFormat::Html, Some("coverage.html")),
        };
        let projects: Vec<_> = projects.map(|(sources, points)| Covered { sources, points }).collect();
        let text = write_coverage(&projects, format);
        let Some(file) = self.coverage_file.clone().or(usual.map(PathBuf::from)) else {
            output.print(&text);
            return Ok(());
        };
        std::fs::write(&file, text).map_err(|error| Failure::of(&format!("cannot write `{}`", file.display()), &error))?;
        output.complain(&format!("coverage of the rules is in `{}`\n", file.display()));
        Ok(())
    }
}
