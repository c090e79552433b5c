//! The log of a node: lines for people, or one JSON object a line for programs. In JSON every attempt to deliver has its line, with the
//! ids by which it is found in the store; people are told of failed ones.

use tracing_subscriber::EnvFilter;

/// Under this name every attempt is logged.
pub(crate) const ATTEMPTS: &str = "webhookc::attempt";

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// What is to be logged cannot be understood.
    #[error("`{filter}` is not a log filter: {why}")]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is one already.
    #[error("cannot start the log: {0}")]
    Start(String),
}

/// Starts the log of this process, on standard error.
///
/// # Errors
/// When the filter cannot be understood.
pub fn start_log(filter: &str, format: LogFormat, color: Color) -> Result<(), LogError> {
    let parsed = EnvFilter::try_new(filter).map_err(|error| LogError::Filter { filter: filter.to_owned(), why: error.to_string() })?;
    // In text, whoever wants these lines asks for them by name.
    let parsed = match (format, format!("{ATTEMPTS}=off").parse()) {
        (LogFormat::Text, Ok(off)) if !filter.contains(ATTEMPTS) => parsed.add_directive(off),
        (LogFormat::Text | LogFormat::Json, _) => parsed,
    };
    let log = tracing_subscriber::fmt().with_env_filter(parsed).with_writer(std::io::stderr).with_ansi(color == Color::Yes);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
    started.map_err(|error| LogError::Start(error.to_string()))
}

/// Whether the log is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// It is.
    Yes,
    /// It is not.
    No,
}
