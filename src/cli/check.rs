//! `webhookc check`: compiles and reports, and repairs when asked to. Findings and diffs go to standard output, the summary to standard
//! error.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::dialect_name::DialectName;
use super::failure::Failure;
use super::output::Output;
use super::rewrite::rewrite;
use crate::compile::{Compilation, Input, compile};
use crate::config::{self, FILE_NAME, Overrides};
use crate::diagnostics::{Code, Severity, suggestion};
use crate::fix::{Fixed, Reach, fix};
use crate::report::{Format, Selection, counted, github_summary, render, summary, unified, unsaid};

/// Check schemas, templates and `webhookc.toml`; every mistake in one run
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Schema files, patterns such as `schemas/*.xml`, and folders, linked into one data model; `-` reads a schema from standard input [default: .]
    paths: Vec<PathBuf>,

    /// How findings are written [default: full; under GitHub Actions: github]
    #[arg(long, value_enum, value_name = "FORMAT")]
    output_format: Option<OutputFormat>,

    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, default_value_t = FailLevel::Error, value_name = "LEVEL")]
    fail_level: FailLevel,

    /// The dialect of the schemas; otherwise the root element of each tells
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Option<DialectName>,

    /// Warnings make the exit code 1, as `--fail-level warning`
    #[arg(long)]
    deny_warnings: bool,

    /// Report only these codes; `WH02` means all that begin so
    #[arg(long, value_delimiter = ',', value_name = "CODE|PREFIX")]
    select: Vec<String>,

    /// Do not report these codes
    #[arg(long, value_delimiter = ',', value_name = "CODE|PREFIX")]
    ignore: Vec<String>,

    /// Write at most this many findings; the exit code and the summary are about all
    #[arg(long, value_name = "COUNT")]
    max_diagnostics: Option<usize>,

    #[command(flatten)]
    repairs: Repairs,

    /// What the schema on standard input is called in findings; its folder decides which `webhookc.toml` is used
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<PathBuf>,
}

/// What is done about findings.
#[derive(Clone, Copy, Debug, Args)]
struct Repairs {
    /// Apply the fixes that can only mean what the author meant
    #[arg(long)]
    fix: bool,

    /// With `--fix` or `--diff`: guesses too
    #[arg(long)]
    unsafe_fixes: bool,

    /// Show what `--fix` would change, and change nothing; exit code 1 if there is anything
    #[arg(long, conflicts_with = "fix")]
    diff: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OutputFormat {
    /// The source with every place underlined, and help
    Full,
    /// One line a finding
    Concise,
    /// One JSON object
    Json,
    /// One JSON object a line
    Jsonl,
    /// Workflow commands of GitHub Actions, and a job summary
    Github,
    /// A Code Quality report of GitLab
    Gitlab,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// A report in the XML of `JUnit`
    Junit,
    /// The Reviewdog Diagnostic Format
    Rdjson,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FailLevel {
    Error,
    Warning,
    Info,
}

impl Check {
    pub(super) fn run(self, output: Output) -> Result<ExitCode, Failure> {
        let selection = self.selection()?;
        let (mut input, others) = self.read()?;
        input.dialect = self.dialect.map(DialectName::dialect);
        let mut changed = false;
        let mut compilation = if self.repairs.fix || self.repairs.diff {
            let reach = if self.repairs.unsafe_fixes { Reach::All } else { Reach::Safe };
            let fixed = fix(input, reach, |finding| selection.wants(finding));
            changed = !fixed.before.is_empty();
            if self.repairs.diff {
                show(&fixed, output);
            } else {
                save(&fixed, output)?;
            }
            fixed.compilation
        } else {
            compile(input)
        };
        compilation.diagnostics.remove(|finding| !selection.wants(finding));
        compilation.suppressed.retain(|suppressed| selection.wants(&suppressed.diagnostic));
        let least = self.least();
        let failed = compilation.diagnostics.reach(least);
        let summary = summary(&compilation);
        if !self.repairs.diff {
            self.report(&mut compilation, output)?;
        }
        for folder in others.iter().map(|folder| folder.display()) {
            output.complain(&format!(
                "`{folder}` is a project of its own, whose `{FILE_NAME}` was not read: try `webhookc check {folder}`\n"
            ));
        }
        output.complain(&format!("{summary}\n"));
        // The process ends here: to take a large program apart piece by piece would be work for nobody.
        std::mem::forget(compilation);
        Ok(ExitCode::from(u8::from(failed || (self.repairs.diff && changed))))
    }

    /// What to compile, and the folders of other projects that some of it belongs to.
    fn read(&self) -> Result<(Input, Vec<PathBuf>), Failure> {
        let overrides = Overrides::default();
        if !self.paths.iter().any(|path| path.as_os_str() == "-") {
            let project = config::read(&self.paths, &overrides).outcome?;
            let others = project.others();
            return Ok((project.input, others));
        }
        if self.paths.len() > 1 {
            return Err(Failure::new("`-` stands beside other paths, expected it alone"));
        }
        if self.repairs.fix {
            return Err(Failure::new("`--fix` cannot write to standard input").help("`--diff` shows what it would change"));
        }
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::of("cannot read standard input", &error))?;
        let name = self.stdin_filename.clone().unwrap_or_else(|| PathBuf::from("stdin.xml"));
        Ok((config::read_text(&name, bytes, &overrides).outcome?.input, Vec::new()))
    }

    fn selection(&self) -> Result<Selection, Failure> {
        Selection::new(&self.select, &self.ignore).map_err(|word| {
            let failure = Failure::new(format!("`{word}` means no code, expected one like `WH0203` or a beginning like `WH02`"));
            match suggestion(&word, Code::ALL.iter().flat_map(|code| [code.as_str(), code.name()])) {
                Some(near) => failure.help(format!("did you mean `{near}`?")),
                None => failure.help("`webhookc rules` lists them"),
            }
        })
    }

    fn least(&self) -> Severity {
        match self.fail_level {
            FailLevel::Info => Severity::Info,
            FailLevel::Warning => Severity::Warning,
            FailLevel::Error if self.deny_warnings => Severity::Warning,
            FailLevel::Error => Severity::Error,
        }
    }

    /// Writes the findings, and the job summary where GitHub wants one.
    fn report(&self, compilation: &mut Compilation, output: Output) -> Result<(), Failure> {
        let format = self.format();
        let job = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| format == Format::Github && !file.is_empty());
        if let Some(file) = job {
            let text = github_summary(compilation);
            let written = OpenOptions::new().append(true).create(true).open(&file).and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| Failure::of(&format!("cannot write the job summary `{}`", Path::new(&file).display()), &error))?;
        }
        compilation.diagnostics.keep(self.max_diagnostics.unwrap_or(usize::MAX));
        output.print(&render(compilation, format, output.out));
        if let Some(sentence) = unsaid(compilation, format) {
            output.complain(&format!("{sentence}\n"));
        }
        Ok(())
    }

    fn format(&self) -> Format {
        match self.output_format {
            Some(OutputFormat::Concise) => Format::Concise,
            Some(OutputFormat::Json) => Format::Json,
            Some(OutputFormat::Jsonl) => Format::Jsonl,
            Some(OutputFormat::Github) => Format::Github,
            Some(OutputFormat::Gitlab) => Format::Gitlab,
            Some(OutputFormat::Sarif) => Format::Sarif,
            Some(OutputFormat::Junit) => Format::Junit,
            Some(OutputFormat::Rdjson) => Format::Rdjson,
            None if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") => Format::Github,
            Some(OutputFormat::Full) | None => Format::Full,
        }
    }
}

/// Prints what the fixes would change.
fn show(fixed: &Fixed, output: Output) {
    for (id, before) in &fixed.before {
        let file = fixed.compilation.sources.file(*id);
        output.print(&unified(&file.name, before, &file.text));
    }
    tell(fixed, "would be applied", output);
}

/// Writes what the fixes changed.
fn save(fixed: &Fixed, output: Output) -> Result<(), Failure> {
    for (id, before) in &fixed.before {
        let file = fixed.compilation.sources.file(*id);
        rewrite(Path::new(&file.name), before, &file.text)
            .map_err(|error| Failure::of(&format!("cannot write `{}`", file.name), &error))?;
    }
    tell(fixed, "applied", output);
    Ok(())
}

fn tell(fixed: &Fixed, what: &str, output: Output) {
    if fixed.applied > 0 {
        let count = if fixed.applied == 1 { "1 fix".to_owned() } else { format!("{} fixes", fixed.applied) };
        output.complain(&format!("{count} {what} in {}\n", counted(fixed.before.len(), "file")));
    }
}
