//! Who may do what: keys and links as text, permissions, and the one check that turns a call into a [`TenantScope`] or a [`NodeScope`].
//! Whatever belongs to a tenant is asked of the store with such a scope, and nothing else makes one for the API, so that a handler that
//! forgets the check does not compile. Absent: headers and status codes (`server`), rows (`store`).

mod admit;
mod key;
pub mod may;
mod order;
mod permission;
mod session;
mod token;

pub use admit::{Caller, Denied, Gate, NodeScope, TenantScope};
pub use key::{Actor, Key, KeyState};
pub use order::{KeyOrder, OrderError};
pub use permission::{Group, Permission, PermissionError, Permissions, Verb};
pub use session::{ParseSessionError, Session, SessionToken};
pub use token::{KeyId, Kind, ParseKeyIdError, ParseTokenError, Token};
