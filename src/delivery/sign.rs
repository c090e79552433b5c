//! Signatures of a request: Standard Webhooks always, the `journey` profile where asked.

/// The keys of an endpoint. Debug output never shows them.
#[derive(Debug)]
pub struct Signer {}
