//! Why a verb ends early: a sentence, its causes, what to do, and the exit code.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::process::ExitCode;

use super::output::{Output, harmless, paint};
use crate::config::LoadError;
use crate::report::excerpt;

/// A failure, to be printed on standard error.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    /// What is wrong, one a line, where it is more than one thing.
    mistakes: Vec<String>,
    causes: Vec<String>,
    help: Option<String>,
    code: u8,
    /// Mistakes of the configuration, drawn with their places.
    load: Option<Box<LoadError>>,
}

impl Failure {
    /// A failure with exit code 2.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), mistakes: Vec::new(), causes: Vec::new(), help: None, code: 2, load: None }
    }

    /// `what`, because of an error and its causes.
    pub(super) fn of(what: &str, error: &dyn Error) -> Self {
        let mut failure = Self::new(what);
        let mut cause = Some(error);
        while let Some(error) = cause {
            failure.causes.push(error.to_string());
            cause = error.source();
        }
        failure
    }

    /// The sentence.
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    pub(super) fn mistake(mut self, mistake: impl Into<String>) -> Self {
        self.mistakes.push(mistake.into());
        self
    }

    pub(super) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Prints it, and says what to exit with.
    pub(super) fn print(&self, output: Output) -> ExitCode {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _written = self.write(output, &mut text);
        output.complain(&text);
        ExitCode::from(self.code)
    }

    fn write(&self, output: Output, text: &mut String) -> fmt::Result {
        if let Some(LoadError::Mistakes { sources, mistakes, .. }) = self.load.as_deref() {
            for mistake in mistakes {
                text.push_str(&excerpt(sources, mistake.span, &mistake.message, mistake.help.as_deref(), output.err));
            }
        }
        writeln!(text, "{} {}", paint(output.err, "1;31", "error:"), harmless(&self.what))?;
        for mistake in &self.mistakes {
            writeln!(text, "  {}", harmless(mistake))?;
        }
        for cause in &self.causes {
            writeln!(text, "  caused by: {}", harmless(cause))?;
        }
        match &self.help {
            Some(help) => writeln!(text, "{} {}", paint(output.err, "36", "help:"), harmless(help)),
            None => Ok(()),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let mut failure = Self::new(error.to_string());
        failure.causes.extend(error.source().map(ToString::to_string));
        failure.load = Some(Box::new(error));
        failure
    }
}
