//! Copies of a store that is in use.

use std::fs;

use webhookc::store::{Store, StoreError, backup, examine};

use crate::attempt::take;
use crate::script::{Place, Script, at, delivery, fire, put, tenant, write};

#[tokio::test]
async fn a_copy_holds_what_was_acknowledged_before_and_is_a_healthy_store() {
    let place = Place::new();
    let store = place.open().await;
    for n in 0..50 {
        fire(&store, "t", &format!("before{n}"), vec![delivery("e")]).await;
    }
    let target = place.folder.path().join("copy.db");
    let writing = async {
        for n in 0..50 {
            store.save(Script::new("t", vec![write(put("asset", &format!("after{n}"), "{}"))])).await.unwrap();
        }
    };
    let source = place.url();
    let (bytes, ()) = tokio::join!(backup(&source, target.clone(), || false), writing);
    assert_eq!(bytes.unwrap(), target.metadata().unwrap().len());
    let url = format!("sqlite:{}", target.display());
    assert_eq!(examine(&url, at(0)).await.unwrap(), []);
    let copy = Store::open(&url).await.unwrap();
    for n in 0..50 {
        assert!(copy.object(&tenant("t"), "asset", &format!("before{n}")).await.unwrap().is_some());
    }
    assert_eq!(take(&copy, "e", 0, 100).await.len(), 50, "what was not sent can be");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_copy() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.open().await.close().await;
    let target = place.folder.path().join("copy.db");
    backup(&place.url(), target.clone(), || false).await.unwrap();
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn nothing_is_overwritten_and_a_failure_leaves_nothing() {
    let place = Place::new();
    let store = place.open().await;
    fire(&store, "t", "a", vec![delivery("e")]).await;
    let target = place.folder.path().join("copy.db");
    fs::write(&target, "precious").unwrap();
    let error = backup(&place.url(), target.clone(), || false).await.unwrap_err();
    assert_eq!(error, StoreError::Target { file: target.display().to_string(), why: "it exists already".to_owned() });
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    let nowhere = place.folder.path().join("none").join("copy.db");
    let error = backup(&place.url(), nowhere.clone(), || false).await.unwrap_err().to_string();
    assert_eq!(error, format!("cannot write `{}`: no such file or directory", nowhere.display()));
    let missing = backup("sqlite:/no/such/store.db", nowhere, || false).await.unwrap_err().to_string();
    assert!(missing.contains("`/no/such` cannot be used"), "{missing}");
    assert_eq!(beside(&place), ["copy.db"]);
}

/// The files beside the store's.
fn beside(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter(|name| !name.starts_with("w.db")).collect()
}

#[tokio::test]
async fn an_interrupted_copy_leaves_nothing() {
    let place = Place::new();
    let store = place.open().await;
    for n in 0..50 {
        fire(&store, "t", &format!("a{n}"), vec![delivery("e")]).await;
    }
    let target = place.folder.path().join("copy.db");
    let mut looks = 0;
    let stop = move || {
        looks += 1;
        looks > 1
    };
    let error = backup(&place.url(), target.clone(), stop).await.unwrap_err().to_string();
    assert_eq!(error, format!("cannot write `{}`: it was interrupted", target.display()));
    assert_eq!(beside(&place), Vec::<String>::new());
}
