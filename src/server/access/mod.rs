//! Who may call: where in a request its key stands, the check with what is remembered of keys, and the rights that handlers take. A
//! handler says what it needs as the type of a parameter, `scope: Allowed<Webhooks, List>` or `_scope: OfNode<Write>`, and cannot ask
//! the store for anything of a tenant without one.

mod allowed;
mod audit;
mod denied;
mod keychain;
mod layer;
mod pace;
mod place;

pub(super) use allowed::{Allowed, OfNode, whose};
pub use keychain::{Keychain, KeychainOptions};
pub(super) use layer::asked;
pub(super) use place::{Place, SESSION};
