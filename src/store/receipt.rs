//! What is known of a request with an `Idempotency-Key`.

use bytes::Bytes;

/// An answer that is kept for whoever asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: Box<str>,
    /// The body.
    pub body: Bytes,
}

/// Whether a request is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It has not come before; it is noted as under way.
    New,
    /// It has come before and has no answer yet.
    UnderWay,
    /// Another request came with the same key.
    OfAnother,
    /// It has been done, and answered like this.
    Answered(KeptAnswer),
}
