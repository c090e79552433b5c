//! `webhookc fmt`: lays out schemas in place, or says what it would do. A file that is not well-formed is left alone, with its findings
//! on standard error.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::dialect_name::DialectName;
use super::failure::Failure;
use super::output::Output;
use super::rewrite::rewrite;
use crate::compile::Compilation;
use crate::config::{expand, read_file, xml_files};
use crate::diagnostics::Diagnostics;
use crate::format::{Options, changes, format};
use crate::ids::FileId;
use crate::report::{Format, counted, render};
use crate::schema::is_schema;
use crate::text::SourceMap;

/// Lay out schemas; with `--upgrade`, rewrite older dialects to 3.1
#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Schema files, patterns such as `schemas/*.xml`, and folders of which every data model is laid out; `-` goes from standard input to standard output [default: .]
    paths: Vec<PathBuf>,

    /// Write nothing; exit with 1 when something would change
    #[arg(long)]
    check: bool,

    /// Write nothing; show what would change
    #[arg(long)]
    diff: bool,

    /// Rewrite the words of older dialects to those of 3.1
    #[arg(long)]
    upgrade: bool,

    /// The dialect of the schemas; otherwise the root element of each tells
    #[arg(long, value_enum, value_name = "DIALECT", requires = "upgrade")]
    dialect: Option<DialectName>,

    /// What the schema on standard input is called in findings
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<PathBuf>,
}

/// What came of all files.
#[derive(Default)]
struct Tally {
    files: usize,
    changed: usize,
    broken: usize,
}

/// Where what is laid out goes.
#[derive(Clone, Copy)]
enum Target {
    /// Back into its file, when it differs.
    File,
    /// To standard output, always.
    Output,
}

impl Fmt {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let mut tally = Tally::default();
        if self.paths.iter().any(|path| path.as_os_str() == "-") {
            if self.paths.len() > 1 {
                return Err(Failure::new("`-` stands beside other paths, expected it alone"));
            }
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::of("cannot read standard input", &error))?;
            let name = self.stdin_filename.clone().unwrap_or_else(|| PathBuf::from("stdin.xml"));
            self.one(&name, bytes, Target::Output, &mut tally, output)?;
        } else {
            for path in self.files()? {
                let bytes = read(&path)?;
                self.one(&path, bytes, Target::File, &mut tally, output)?;
            }
            let files = counted(tally.files, "file");
            let done = if self.check || self.diff { "to lay out" } else { "laid out" };
            output.complain(&format!("{} of {files} {done}\n", tally.changed));
        }
        Ok(match tally {
            Tally { broken: 1.., .. } => ExitCode::from(2),
            Tally { changed: 1.., .. } if self.check => ExitCode::from(1),
            Tally { .. } => ExitCode::SUCCESS,
        })
    }

    /// The files that are meant: of a folder, those that hold a data model.
    fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        let here = [PathBuf::from(".")];
        let mut found = Vec::new();
        for path in expand(if self.paths.is_empty() { &here } else { &self.paths })? {
            if !path.is_dir() {
                found.push(path);
                continue;
            }
            let before = found.len();
            for file in xml_files(&path).map_err(|error| Failure::of(&format!("cannot read `{}`", path.display()), &error))? {
                if is_schema(&String::from_utf8_lossy(&read(&file)?)) {
                    found.push(file);
                }
            }
            if found.len() == before {
                return Err(Failure::new(format!("no schema in `{}`, expected `*.xml` files with a data model", path.display())));
            }
        }
        Ok(found)
    }

    /// Lays out one file.
    fn one(&self, path: &Path, bytes: Vec<u8>, target: Target, tally: &mut Tally, output: Output) -> Result<(), Failure> {
        let mut sources = SourceMap::default();
        let name = path.display().to_string();
        let file: FileId = sources.add(name.clone(), bytes);
        let options = Options { upgrade: self.upgrade, dialect: self.dialect.map(DialectName::dialect) };
        tally.files += 1;
        let text = match format(file, sources.file(file), options) {
            Ok(text) => text,
            Err(diagnostics) => {
                tally.broken += 1;
                complain(sources, diagnostics, output);
                return Ok(());
            }
        };
        let old = &sources.file(file).text;
        let changed = *old != text;
        tally.changed += usize::from(changed);
        if self.diff {
            output.print(&changes(&name, old, &text));
        } else if self.check {
            if changed {
                output.line(&name);
            }
        } else if let Target::Output = target {
            output.print(&text);
        } else if changed {
            rewrite(path, old, &text).map_err(|error| Failure::of(&format!("cannot write `{name}`"), &error))?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_file(path).map_err(|error| Failure::of(&format!("cannot read `{}`", path.display()), &error))
}

fn complain(sources: SourceMap, diagnostics: Diagnostics, output: Output) {
    let found = Compilation { sources, diagnostics, suppressed: Vec::new(), rules: None, rejected: None, models: 0, webhooks: 0 };
    output.complain(&render(&found, Format::Full, output.err));
}
