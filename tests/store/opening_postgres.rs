//! What a database, and the way to it, must be like to be opened, and what an open store holds of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Mutex;
use webhookc::store::{Store, StoreError, examine, glance, repair};

use crate::proxy::{Proxy, Way};
use crate::script::{Place, Script, at, cluster, delivery, fire, put, tenant, vault, write};

async fn refused(url: &str) -> String {
    Store::open(url).await.err().unwrap().to_string()
}

#[tokio::test]
async fn a_role_that_may_make_no_schema_works_in_one_that_was_made_for_it() {
    let place = Place::new();
    let role = format!("plain_{}", place.database());
    place.change(&format!("DROP SCHEMA webhookc CASCADE; CREATE ROLE {role} LOGIN"));
    let url = place.url().replace("webhookc@", &format!("{role}@"));
    let why = refused(&url).await;
    let expected = format!("the schema `webhookc` could not be made: permission denied for database {} (SQLSTATE 42501)", place.database());
    assert!(why.contains(&expected), "{why}");
    place.change(&format!("CREATE SCHEMA webhookc; GRANT USAGE ON SCHEMA webhookc TO {role}"));
    let why = refused(&url).await;
    assert!(why.contains("its format could not be brought up to date"), "{why}");
    assert!(why.contains("permission denied for schema webhookc (SQLSTATE 42501)"), "{why}");
    place.change(&format!("ALTER SCHEMA webhookc OWNER TO {role}"));
    let store = Store::open_with(&url, vault(7)).await.unwrap();
    fire(&store, "t", "a", vec![delivery("erp")]).await;
    store.close().await;
    assert_eq!(examine(&url, at(0)).await.unwrap(), []);
}

#[tokio::test]
async fn a_migration_that_fails_says_why() {
    let place = Place::new();
    place.change("DROP SCHEMA webhookc CASCADE");
    // Somebody else's, by one of our names.
    place.change("CREATE SCHEMA webhookc; CREATE TABLE webhookc.tenants (name text)");
    let why = refused(&place.url()).await;
    assert!(why.contains("V1__begin") && why.contains("relation \"tenants\" already exists (SQLSTATE 42P07)"), "{why}");
}

#[tokio::test]
async fn every_character_has_a_place_or_the_database_is_refused() {
    let place = Place::new();
    for (encoding, is_taken) in [("LATIN1", false), ("SQL_ASCII", true)] {
        let database = format!("{}_{}", place.database(), encoding.to_lowercase());
        cluster().psql("postgres", &format!("CREATE DATABASE {database} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"));
        let url = cluster().url(&database);
        match Store::open(&url).await {
            Ok(store) => {
                assert!(is_taken, "{encoding}");
                store.save(Script::new("t", vec![write(put("asset", "a", r#"{"price": "5 €"}"#))])).await.unwrap();
                let row = store.object(&tenant("t"), "asset", "a").await.unwrap().unwrap();
                assert!(format!("{row:?}").contains("5 €"), "{row:?}");
                store.close().await;
            }
            Err(error) => {
                assert!(!is_taken, "{error}");
                assert!(error.to_string().contains("the encoding of the database is LATIN1"), "{error}");
            }
        }
        cluster().forget(&database);
    }
}

#[tokio::test]
async fn connections_that_nobody_needs_are_closed() {
    let place = Place::new();
    let store = place.open().await;
    let count = || -> usize {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'webhookc'";
        place.change(sql).parse().unwrap()
    };
    let id = fire(&store, "t", "a", vec![delivery("erp")]).await[0];
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.delivery(&tenant("t"), id).await.unwrap().unwrap() })
        })
        .collect();
    for asked in asked {
        asked.await.unwrap();
    }
    assert!(count() > 5, "{}", count());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    for round in 0.. {
        // Two that are shared, that of the saves, and that on which the node is heard of; one more beside an open transaction.
        if count() <= 5 {
            break;
        }
        assert!(round < 100, "{} connections", count());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(store.delivery(&tenant("t"), id).await.unwrap().is_some());
    store.close().await;
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_named() {
    let place = Place::new();
    for sessions in 1..5 {
        let port = pooler(&place.database(), sessions).await;
        let url = format!("postgres://webhookc@127.0.0.1:{port}/{}", place.database());
        let refusals = [
            Store::open(&url).await.err(),
            Store::open_existing(&url).await.err(),
            glance(&url).await.err(),
            examine(&url, at(0)).await.err(),
            repair(&url, at(0)).await.err(),
        ];
        for refused in refusals {
            let Some(StoreError::Open { why, .. }) = &refused else { panic!("{refused:?}") };
            assert!(why.starts_with("a pooler in transaction mode"), "{sessions} sessions: {why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_do_not_wait_one_after_the_other_for_a_database_that_says_nothing() {
    let place = Place::new();
    let proxy = Proxy::to(cluster().socket()).await;
    let url = format!("postgres://webhookc@127.0.0.1:{}/{}", proxy.port(), place.database());
    let store = Store::open_with(&url, vault(7)).await.unwrap();
    let id = fire(&store, "t", "a", vec![delivery("erp")]).await[0];
    proxy.be(Way::Silent);
    let began = Instant::now();
    let asked: Vec<_> = (0..120)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.delivery(&tenant("t"), id).await })
        })
        .collect();
    for asked in asked {
        assert!(matches!(asked.await.unwrap(), Err(StoreError::Away(_))));
    }
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    proxy.be(Way::Cut);
}

#[tokio::test]
async fn whether_there_is_a_pooler_is_looked_at_once() {
    let place = Place::new();
    let sessions = async || -> usize {
        place.wait_for_the_end().await;
        place.change("SELECT sessions FROM pg_stat_database WHERE datname = current_database()").parse().unwrap()
    };
    glance(&place.url()).await.unwrap();
    let before = sessions().await;
    for _ in 0..3 {
        glance(&place.url()).await.unwrap();
    }
    // One has asked for their number.
    assert_eq!(sessions().await - before - 1, 3);
}

/// A pooler whose sessions take turns: each statement goes to the next one.
async fn pooler(database: &str, sessions: usize) -> u16 {
    let mut servers = VecDeque::new();
    for _ in 0..sessions {
        servers.push_back(session(database).await);
    }
    let servers = Arc::new(Mutex::new(servers));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, Arc::clone(&servers)));
        }
    });
    port
}

async fn session(database: &str) -> UnixStream {
    let mut server = UnixStream::connect(cluster().socket()).await.unwrap();
    let named = format!("user\0webhookc\0database\0{database}\0\0");
    server.write_u32(u32::try_from(named.len()).unwrap() + 8).await.unwrap();
    // The version of the protocol.
    server.write_u32(3 << 16).await.unwrap();
    server.write_all(named.as_bytes()).await.unwrap();
    while message(&mut server).await.unwrap()[0] != b'Z' {}
    server
}

async fn serve(mut client: TcpStream, servers: Arc<Mutex<VecDeque<UnixStream>>>) {
    let length = client.read_u32().await.unwrap() as usize;
    client.read_exact(&mut vec![0; length - 4]).await.unwrap();
    // Welcome, and ready.
    client.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.unwrap();
    let mut asked = Vec::new();
    while let Some(part) = message(&mut client).await {
        let kind = part[0];
        asked.extend(part);
        if !matches!(kind, b'Q' | b'S') {
            continue;
        }
        let mut servers = servers.lock().await;
        let mut server = servers.pop_front().unwrap();
        server.write_all(&std::mem::take(&mut asked)).await.unwrap();
        while let Some(said) = message(&mut server).await {
            let is_last = said[0] == b'Z';
            let _gone = client.write_all(&said).await;
            if is_last {
                break;
            }
        }
        servers.push_back(server);
    }
}

/// A message: its kind, its length with these four bytes, and the rest.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut message = vec![from.read_u8().await.ok()?];
    let length = from.read_u32().await.ok()?;
    message.extend(length.to_be_bytes());
    message.resize(1 + length as usize, 0);
    from.read_exact(&mut message[5..]).await.ok()?;
    Some(message)
}
