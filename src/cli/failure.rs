//! Why a verb ends early: a sentence, its causes, what to do, and the exit code.

use std::error::Error;
use std::process::ExitCode;

use super::output::{Output, harmless, paint};
use crate::config::LoadError;
use crate::report::excerpt;

/// A failure, to be printed on standard error.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    causes: Vec<String>,
    help: Option<String>,
    code: u8,
    /// Mistakes of the configuration, drawn with their places.
    load: Option<LoadError>,
}

impl Failure {
    /// A failure with exit code 2.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), causes: Vec::new(), help: None, code: 2, load: None }
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
    pub(super) fn print(&self, output: &Output) -> ExitCode {
        let error = paint(output.err, "1;31", "error:");
        let mut text = String::new();
        if let Some(LoadError::Mistakes { sources, mistakes, .. }) = &self.load {
            for mistake in mistakes {
                let place = sources.file(mistake.span.file).position(mistake.span.start);
                let file = &sources.file(mistake.span.file).name;
                text.push_str(&format!("{file}:{}:{}\n", place.line, place.column));
                text.push_str(&excerpt(sources, mistake.span, &mistake.message, mistake.help.as_deref(), output.err));
            }
        }
        text.push_str(&format!("{error} {}\n", harmless(&self.what)));
        for cause in &self.causes {
            text.push_str(&format!("  caused by: {}\n", harmless(cause)));
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("{} {help}\n", paint(output.err, "36", "help:")));
        }
        output.complain(&text);
        ExitCode::from(self.code)
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let mut failure = Self::new(error.to_string());
        failure.causes.extend(error.source().map(ToString::to_string));
        failure.load = Some(error);
        failure
    }
}
