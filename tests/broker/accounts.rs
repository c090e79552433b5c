//! An operator, an account and a user of it, as a managed NATS has them: what a server has to know of them, and the credentials file of
//! the user.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Who says so, of whom, and what.
fn token(by: &KeyPair, of: &KeyPair, what: &Value) -> String {
    let claims =
        json!({ "jti": "x", "iat": 1_700_000_000, "iss": by.public_key(), "sub": of.public_key(), "name": "webhookc", "nats": what });
    let parts = [json!({ "typ": "JWT", "alg": "ed25519-nkey" }), claims];
    let text = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(by.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

fn account(by: &KeyPair, of: &KeyPair, streams: i32) -> String {
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": streams, "disk_storage": streams, "streams": streams, "consumer": streams,
    });
    token(by, of, &json!({ "type": "account", "version": 2, "limits": limits, "default_permissions": { "pub": {}, "sub": {} } }))
}

/// The text of a credentials file for a user of this account.
fn credentials(account: &KeyPair) -> String {
    let user = KeyPair::new_user();
    let claims = json!({ "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1 });
    format!(
        "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        token(account, &user, &claims),
        user.seed().unwrap()
    )
}

/// Writes `server.conf`, `right.creds`, and `wrong.creds` of an account that the server does not know.
pub fn make(folder: &Path) {
    let (operator, system, known) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let own = token(&operator, &operator, &json!({ "type": "operator", "version": 2 }));
    let accounts = [(&system, 0), (&known, -1)].map(|(of, streams)| format!("{}: {}", of.public_key(), account(&operator, of, streams)));
    let text = format!(
        "operator: {own}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}\n}}\n",
        system.public_key(),
        accounts.join("\n")
    );
    std::fs::write(folder.join("server.conf"), text).unwrap();
    std::fs::write(folder.join("right.creds"), credentials(&known)).unwrap();
    std::fs::write(folder.join("wrong.creds"), credentials(&KeyPair::new_account())).unwrap();
}
