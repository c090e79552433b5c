//! Whose failure it is, and in which words.

use std::error::Error;
use std::io;

use crate::delivery::AttemptOutcome;

/// No connection: the receiver's failure unless this machine has run out of something.
pub(super) fn not_connected(error: &io::Error) -> AttemptOutcome {
    if is_ours(error) {
        AttemptOutcome::OurFault(format!("this machine cannot open a connection: {error}"))
    } else {
        connection_failed(error)
    }
}

/// The connection, or what was said over it, came to nothing.
pub(super) fn connection_failed(error: &(dyn Error + 'static)) -> AttemptOutcome {
    AttemptOutcome::ConnectionFailed(innermost(error))
}

/// Out of files (`EMFILE`, `ENFILE`) or of local ports (`EADDRNOTAVAIL`): no receiver can help that.
fn is_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable) || matches!(error.raw_os_error(), Some(23 | 24))
}

/// The innermost cause, which says what happened; what is around it only says that something did.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
