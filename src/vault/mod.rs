//! Encryption at rest: keys, where they come from, and sealing. Everything in the store that would let somebody sign or decrypt in another's
//! name is sealed with AES-256-GCM under a key that is not in the store, bound to the row that it stands in. Absent: rows (`store`), and
//! the keys of the API, of which only hashes are stored.

mod file;
mod key;
mod seal;
mod source;

pub use key::{VaultKey, VaultKeyError, VaultKeyId, VaultKeys};
pub use seal::{Place, UnsealError, Vault, key_of};
pub use source::{Beside, Found, KeySource, KeySourceError, VARIABLE};
