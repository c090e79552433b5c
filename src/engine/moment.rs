//! Whose save it is, and when: what the engine is told because it must not look.

use jiff::Timestamp;

use crate::check::TenantEndpoints;
use crate::ids::Sequence;

/// The circumstances of a save.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Whose object it is.
    pub tenant: &'a str,
    /// The endpoints that its owner has made, if any.
    pub own: Option<&'a TenantEndpoints>,
    /// The save's position.
    pub sequence: Sequence,
    /// The time of the save.
    pub now: Timestamp,
}
