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
pub(super) fn is_ours(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable) || matches!(error.raw_os_error(), Some(23 | 24))
}

/// What rustls says in words of its own code.
const IN_OUR_WORDS: [(&str, &str); 3] = [
    ("Other(OtherError(CaUsedAsEndEntity))", "it is that of an authority itself, as self-signed ones are"),
    ("received corrupt message of type InvalidContentType", "the receiver does not speak TLS on this port"),
    (": https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof", ""),
];

/// The innermost cause, which says what happened; what is around it only says that something did.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let mut text = cause.to_string();
    for (theirs, ours) in IN_OUR_WORDS {
        text = text.replace(theirs, ours);
    }
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_rustls::rustls::{CertificateError, Error, InvalidMessage, OtherError};

    use super::innermost;

    /// As it is called where certificates are judged.
    #[derive(Debug, thiserror::Error)]
    #[error("other words")]
    struct CaUsedAsEndEntity;

    #[test]
    fn what_goes_wrong_with_tls_is_said_in_words() {
        let of_an_authority = CertificateError::Other(OtherError(Arc::new(CaUsedAsEndEntity)));
        for (error, words) in [
            (
                Error::InvalidCertificate(of_an_authority),
                "invalid peer certificate: it is that of an authority itself, as self-signed ones are",
            ),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), "the receiver does not speak TLS on this port"),
        ] {
            assert_eq!(innermost(&error), words);
        }
    }
}
