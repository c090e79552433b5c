//! Secrets in the store: nothing of them is in a file, a wrong key changes nothing, another key takes over while the store is at work.

use std::sync::Arc;

use rusqlite::Connection;
use webhookc::store::{Store, StoreError, examine_secrets, glance};
use webhookc::time::SystemEntropy;
use webhookc::vault::{Vault, VaultKey, VaultKeys};

use crate::script::{Place, at, vault};

const SECRET: &[u8] = b"canary-in-the-store-0123456789";
const OLD: &[u8] = b"canary-before-rotation-0123456789";

/// A store that keeps a secret and one from before a rotation.
async fn lived_in(place: &Place) -> Store {
    let store = place.open().await;
    store.key("endpoint/ep_a", || OLD.to_vec()).await.unwrap();
    store.rotate_key("endpoint/ep_a", SECRET.to_vec(), at(1_000)).await.unwrap();
    store
}

async fn both(store: &Store) -> (Vec<u8>, Vec<u8>) {
    let retired = store.retired_keys("endpoint/ep_a", at(0)).await.unwrap();
    (store.key("endpoint/ep_a", || panic!("it exists")).await.unwrap(), retired[0].material.clone())
}

fn files_hold(place: &Place, needle: &[u8]) -> bool {
    let files = std::fs::read_dir(place.folder.path()).unwrap();
    files.into_iter().any(|file| std::fs::read(file.unwrap().path()).unwrap().windows(needle.len()).any(|part| part == needle))
}

#[tokio::test]
async fn no_file_of_the_store_holds_a_secret() {
    let place = Place::new();
    let store = lived_in(&place).await;
    assert!(!files_hold(&place, SECRET) && !files_hold(&place, OLD), "while it is open, its log too");
    assert_eq!(both(&store).await, (SECRET.to_vec(), OLD.to_vec()));
    store.close().await;
    assert!(!files_hold(&place, SECRET) && !files_hold(&place, OLD));
    assert!(glance(&place.url()).await.unwrap().is_sealed);
}

#[tokio::test]
async fn without_the_key_nothing_is_read_and_nothing_is_changed() {
    let place = Place::new();
    lived_in(&place).await.close().await;
    let before = std::fs::read(place.folder.path().join("w.db")).unwrap();
    let error = Store::open_with(&place.url(), vault(8)).await.unwrap_err().to_string();
    assert!(error.contains(&format!("encrypted with the key {}", vault(7).current())) && error.contains("nothing was changed"), "{error}");
    assert_eq!(std::fs::read(place.folder.path().join("w.db")).unwrap(), before);
    let locked = Store::open(&place.url()).await.unwrap();
    assert_eq!(locked.key("endpoint/ep_a", Vec::new).await.unwrap_err(), StoreError::Locked);
    assert_eq!(locked.key("endpoint/new", || vec![1]).await.unwrap_err(), StoreError::Locked, "nothing is kept in the open");
    assert_eq!(locked.rotate_key("endpoint/ep_a", vec![1], at(0)).await.unwrap_err(), StoreError::Locked);
    assert_eq!(locked.rekey(vault(8)).await.unwrap_err(), StoreError::Locked);
    locked.close().await;
    assert_eq!(both(&place.open().await).await, (SECRET.to_vec(), OLD.to_vec()));
}

#[tokio::test]
async fn another_key_takes_over_while_the_store_is_at_work() {
    let place = Place::new();
    let store = lived_in(&place).await;
    for n in 0..600 {
        store.key(&format!("endpoint/{n}"), move || format!("secret of {n}").into_bytes()).await.unwrap();
    }
    let keys = VaultKeys { current: VaultKey::from_bytes([8; 32]), earlier: vec![VaultKey::from_bytes([7; 32])] };
    let next = Vault::new(keys, Arc::new(SystemEntropy));
    let (busy, made) = (store.clone(), store.clone());
    let reading = tokio::spawn(async move {
        for n in 0..600 {
            assert_eq!(busy.key(&format!("endpoint/{n}"), Vec::new).await.unwrap(), format!("secret of {n}").into_bytes());
        }
    });
    let making = tokio::spawn(async move {
        for n in 0..50 {
            made.key(&format!("endpoint/late{n}"), || b"late".to_vec()).await.unwrap();
        }
    });
    let done = store.rekey(next.clone()).await.unwrap();
    assert!((602..=652).contains(&done), "{done}");
    reading.await.unwrap();
    making.await.unwrap();
    assert_eq!(store.rekey(next).await.unwrap(), 0, "nothing is left for a second time");
    store.close().await;
    // The old key is needed for nothing any more.
    let store = Store::open_with(&place.url(), vault(8)).await.unwrap();
    assert_eq!(both(&store).await, (SECRET.to_vec(), OLD.to_vec()));
    assert_eq!(store.key("endpoint/late49", Vec::new).await.unwrap(), b"late");
}

#[tokio::test]
async fn an_exchange_that_was_cut_off_is_ended_by_the_next_start() {
    let place = Place::new();
    lived_in(&place).await.close().await;
    // Half of it is done: one row is sealed with the new key.
    let keys = VaultKeys { current: VaultKey::from_bytes([8; 32]), earlier: vec![VaultKey::from_bytes([7; 32])] };
    let store = Store::open_with(&place.url(), vault(7)).await.unwrap();
    store.key("endpoint/ep_b", || b"b".to_vec()).await.unwrap();
    store.close().await;
    let both_keys = Vault::new(keys, Arc::new(SystemEntropy));
    let sealed = both_keys.seal(webhookc::vault::Place::Key("endpoint/ep_b"), b"b");
    let connection = Connection::open(place.folder.path().join("w.db")).unwrap();
    connection.execute("UPDATE keys SET material = ?1 WHERE name = 'endpoint/ep_b'", [sealed]).unwrap();
    drop(connection);
    assert!(Store::open_with(&place.url(), vault(7)).await.is_err(), "the new key alone is missing");
    assert!(Store::open_with(&place.url(), vault(8)).await.is_err(), "the old one is");
    Store::open_with(&place.url(), both_keys).await.unwrap().close().await;
    let store = Store::open_with(&place.url(), vault(8)).await.unwrap();
    assert_eq!(store.key("endpoint/ep_b", Vec::new).await.unwrap(), b"b");
    assert_eq!(both(&store).await, (SECRET.to_vec(), OLD.to_vec()));
}

#[tokio::test]
async fn what_an_older_version_wrote_in_the_open_is_sealed_first() {
    let place = Place::new();
    place.open().await.close().await;
    let connection = Connection::open(place.folder.path().join("w.db")).unwrap();
    connection.execute("INSERT INTO keys (name, material) VALUES ('endpoint/ep_a', ?1)", [SECRET]).unwrap();
    connection
        .execute("INSERT INTO retired_keys (name, until, material) VALUES ('endpoint/ep_a', ?1, ?2)", (at(1_000).as_millisecond(), OLD))
        .unwrap();
    drop(connection);
    assert!(files_hold(&place, SECRET));
    let store = place.open().await;
    assert!(!files_hold(&place, SECRET) && !files_hold(&place, OLD));
    assert_eq!(both(&store).await, (SECRET.to_vec(), OLD.to_vec()));
    store.close().await;
    // From now on, what is in the open was put there by somebody else.
    let connection = Connection::open(place.folder.path().join("w.db")).unwrap();
    connection.execute("INSERT INTO keys (name, material) VALUES ('endpoint/ep_b', ?1)", [SECRET]).unwrap();
    drop(connection);
    let error = Store::open_with(&place.url(), vault(7)).await.unwrap_err().to_string();
    assert!(error.contains("1 of its secrets are not encrypted"), "{error}");
}

#[tokio::test]
async fn the_check_finds_what_cannot_be_read() {
    let place = Place::new();
    lived_in(&place).await.close().await;
    let check = async |key: u8| {
        let found = examine_secrets(&place.url(), vault(key)).await.unwrap();
        found.into_iter().map(|finding| (finding.check, finding.count)).collect::<Vec<_>>()
    };
    assert_eq!(check(7).await, []);
    assert_eq!(check(8).await, [("secret-unreadable", 2)]);
    let connection = Connection::open(place.folder.path().join("w.db")).unwrap();
    connection.execute("UPDATE keys SET name = 'endpoint/ep_other'", []).unwrap();
    drop(connection);
    assert_eq!(check(7).await, [("secret-unreadable", 1)], "moved to another endpoint");
    let store = place.open().await;
    let error = store.key("endpoint/ep_other", Vec::new).await.unwrap_err().to_string();
    assert!(error.contains("the secret `endpoint/ep_other` in the store cannot be read"), "{error}");
}
