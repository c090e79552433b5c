//! Standard output and standard error: whether they are coloured and how wide they are. What nobody reads any more is dropped: a closed pipe
//! is no mistake of the one who writes. What cannot be written for another reason, such as a full disk, is remembered, and told at the end.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use crate::report::Style;
pub(super) use crate::report::{harmless, paint};

/// Why something could not be written to standard output: the first reason that there was.
static UNWRITTEN: OnceLock<std::io::Error> = OnceLock::new();

/// Columns when neither `COLUMNS` nor a terminal says.
const WIDTH: usize = 100;

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`; always with `CLICOLOR_FORCE`
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where a verb writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// How standard output looks.
    pub(super) out: Style,
    /// How standard error looks.
    pub(super) err: Style,
}

impl Output {
    pub(super) fn new(color: Color) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
        // A terminal that says of itself that it can do nothing.
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let decide = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !is_set("NO_COLOR") && (forced || terminal && !dumb),
        };
        let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let width = asked.or_else(|| terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0))).unwrap_or(WIDTH);
        Self {
            out: Style { color: decide(std::io::stdout().is_terminal()), width },
            err: Style { color: decide(std::io::stderr().is_terminal()), width },
        }
    }

    /// Writes to standard output as it is.
    #[expect(clippy::unused_self, reason = "whoever may write has been handed an output")]
    pub(super) fn print(self, text: &str) {
        let mut out = std::io::stdout().lock();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            UNWRITTEN.get_or_init(|| error);
        }
    }

    /// Why standard output does not have everything that was written to it, unless its reader has gone.
    #[expect(clippy::unused_self, reason = "whoever may write has been handed an output")]
    pub(super) fn unwritten(self) -> Option<&'static std::io::Error> {
        UNWRITTEN.get().filter(|error| error.kind() != ErrorKind::BrokenPipe)
    }

    /// Whether nobody can read what comes.
    #[expect(clippy::unused_self, reason = "whoever may write has been handed an output")]
    pub(super) fn is_closed(self) -> bool {
        UNWRITTEN.get().is_some()
    }

    /// Writes a line to standard output.
    pub(super) fn line(self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Writes to standard error as it is.
    #[expect(clippy::unused_self, reason = "whoever may write has been handed an output")]
    pub(super) fn complain(self, text: &str) {
        let _closed = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
