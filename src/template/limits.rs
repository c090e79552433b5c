//! What a template may cost. Absent: the limits of a received response, which are the sender's business.

/// The text of a template, in bytes: larger ones belong into the receiver.
pub(super) const SOURCE_BYTES: usize = 16 * 1024;

/// Tokens inside the delimiters of one template, counted before parsing: the parser recurses without a bound of its own in chains of
/// `not`, `-`, `elif` and inline `if`, and this many cannot overflow its stack.
pub(super) const TOKENS: usize = 400;

/// Turns of all loops of one template while it is rendered.
pub(super) const LOOP_TURNS: u32 = 100_000;

/// A rendered URL, in bytes: what common servers accept in a request line.
pub(super) const URL_BYTES: usize = 8 * 1024;

/// A rendered subject of a broker, in bytes: of the 4 KiB that a server reads as one line of its protocol, with room for the rest of it.
pub(super) const SUBJECT_BYTES: usize = 1024;

/// A rendered header value, in bytes.
pub(super) const HEADER_BYTES: usize = 4 * 1024;

/// A rendered body, and every text on the way to it, in bytes.
pub(super) const BODY_BYTES: usize = 1024 * 1024;
