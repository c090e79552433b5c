//! That every secret in the store can be read.

use rusqlite::Connection;

use crate::store::sqlite::{keys, own_sealed};
use crate::store::{Finding, NAMED, Severity, sealed};
use crate::vault::Vault;

/// What cannot be read with these keys, and what is not encrypted.
pub(in crate::store::sqlite) fn examine_secrets(connection: &Connection, vault: &Vault) -> rusqlite::Result<Vec<Finding>> {
    let (mut unreadable, mut open) = (Vec::new(), Vec::new());
    for (row, sealed) in keys::all(connection)? {
        if !sealed.is_sealed() {
            open.push(row.name().to_owned());
        } else if let Err(why) = sealed.open(vault, row.place()) {
            unreadable.push(format!("{}: {why}", row.name()));
        }
    }
    for (id, stored) in own_sealed::all(connection)? {
        match sealed::key(&stored) {
            None => open.push(id),
            Some(_) => {
                if let Err(why) = sealed::unseal(vault, &id, &stored) {
                    unreadable.push(format!("{id}: {why}"));
                }
            }
        }
    }
    let finding = |check, severity, what: &str, help, found: Vec<String>| {
        let count = found.len() as u64;
        let ids = found.into_iter().take(NAMED).collect();
        (count > 0).then(|| Finding { check, severity, message: what.to_owned(), count, ids, help, repairable: false })
    };
    let restore = "give the key that they were encrypted with, in front of or behind the present one; otherwise restore a backup";
    let start = "start a node of this version once, which encrypts them";
    let found = [
        finding("secret-unreadable", Severity::Error, "secrets that cannot be read with the key that was given", restore, unreadable),
        finding("secret-not-encrypted", Severity::Error, "secrets that are not encrypted", start, open),
    ];
    Ok(found.into_iter().flatten().collect())
}
