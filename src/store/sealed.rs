//! What a tenant has said of an endpoint, as a text that is encrypted: its headers may hold credentials, and so may its URL. The text names
//! the key that it is encrypted with, so that a query finds what is to be encrypted anew. One that an older version has written is open.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::StoreError;
use crate::ids::EndpointId;
use crate::vault::{Place, UnsealError, Vault, VaultKeyId, key_of};

/// How an encrypted text begins; JSON never does.
const MARK: &str = "sealed:";

/// The text encrypted with the key in force.
pub(super) fn seal(vault: &Vault, id: &str, open: &str) -> String {
    let sealed = vault.seal(Place::Endpoint(id), open.as_bytes());
    format!("{}{}", beginning(vault.current()), STANDARD_NO_PAD.encode(sealed))
}

/// How everything begins that is encrypted with a key.
pub(super) fn beginning(key: VaultKeyId) -> String {
    format!("{MARK}{key}:")
}

/// The key that a text is encrypted with; `None` when it is open.
pub(super) fn key(stored: &str) -> Option<Result<VaultKeyId, UnsealError>> {
    stored.starts_with(MARK).then(|| bytes(stored).and_then(|sealed| key_of(&sealed).ok_or(UnsealError::Changed)))
}

/// What was said. `vault` is that of the store, if it was opened with one.
pub(super) fn open(vault: Option<&Vault>, id: &EndpointId, stored: String) -> Result<String, StoreError> {
    if !stored.starts_with(MARK) {
        return Ok(stored);
    }
    let vault = vault.ok_or(StoreError::Locked)?;
    unseal(vault, id.as_str(), &stored).map_err(|why| StoreError::Secret { name: id.to_string(), why: why.to_string() })
}

/// What was encrypted.
pub(super) fn unseal(vault: &Vault, id: &str, stored: &str) -> Result<String, UnsealError> {
    let open = vault.open(Place::Endpoint(id), &bytes(stored)?)?;
    String::from_utf8(open).map_err(|_| UnsealError::Changed)
}

/// The text encrypted anew.
pub(super) fn reseal(vault: &Vault, id: &str, stored: &str) -> Result<String, StoreError> {
    let open = open(Some(vault), &EndpointId::new(id), stored.to_owned())?;
    Ok(seal(vault, id, &open))
}

fn bytes(stored: &str) -> Result<Vec<u8>, UnsealError> {
    let encoded = stored.strip_prefix(MARK).and_then(|rest| rest.split_once(':')).map(|(_, encoded)| encoded);
    encoded.and_then(|encoded| STANDARD_NO_PAD.decode(encoded).ok()).ok_or(UnsealError::Changed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::time::SeededEntropy;
    use crate::vault::{VaultKey, VaultKeys};

    #[test]
    fn what_is_sealed_is_opened_for_its_endpoint_alone_and_what_is_open_is_as_it_is() {
        let vault = |byte| Vault::new(VaultKeys::of(VaultKey::from_bytes([byte; 32])), Arc::new(SeededEntropy::new(1)));
        let (one, other, id) = (vault(1), vault(2), EndpointId::new("ep_a"));
        let sealed = seal(&one, "ep_a", "{\"url\": \"canary\"}");
        assert!(sealed.starts_with(&beginning(one.current())) && !sealed.contains("canary"), "{sealed}");
        assert_eq!(key(&sealed), Some(Ok(one.current())));
        assert_eq!(open(Some(&one), &id, sealed.clone()).unwrap(), "{\"url\": \"canary\"}");
        assert_eq!(open(None, &id, sealed.clone()), Err(StoreError::Locked));
        for (vault, id) in [(&one, "ep_b"), (&other, "ep_a")] {
            assert!(open(Some(vault), &EndpointId::new(id), sealed.clone()).is_err());
        }
        assert!(open(Some(&one), &id, sealed[..sealed.len() - 4].to_owned()).is_err());
        assert_eq!((open(None, &id, "{}".to_owned()).unwrap().as_str(), key("{}")), ("{}", None));
    }
}
