//! Where the time of an attempt went, measured by whoever sends it.

use std::time::Duration;

/// How long the steps of an exchange took; `None`: it was not taken, or not finished. Together they are less than the whole, which also
/// reads the rest of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// The look-up of the name, with the check of what it answers.
    pub resolve: Option<Duration>,
    /// Until the TCP connection was there.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From handing over the request to the head of the answer.
    pub first_byte: Option<Duration>,
    /// Whether the request went over a connection that was kept from an earlier one, so that nothing had to be looked up or connected.
    pub reused: bool,
}
