//! The database itself is in trouble: it says no to anything at any time, restarts, is full, or lets nobody in.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::cluster::{Cluster, Disk};
use crate::world::{SCHEMA, World, cluster, save, saved, until};

pub fn all_sent(cluster: &Cluster, database: &str) -> bool {
    cluster.psql(database, "SELECT count(*) FROM webhookc.deliveries WHERE state < 2") == "0"
}

/// Errors of the server that pass: `serialization_failure`, `deadlock_detected`, `lock_not_available`, `query_canceled`,
/// `too_many_connections`, `cannot_connect_now`.
const PASSING: &str = "ARRAY['40001', '40P01', '55P03', '57014', '53300', '57P03']";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_undoes_is_done_again() {
    let world = World::new().await;
    let database = world.name();
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let nodes = [world.node(&folder), world.node(&folder)];
    // One statement in five, wherever it stands in a transaction.
    let trouble = format!(
        "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF random() < 0.2 THEN
                RAISE EXCEPTION 'injected' USING ERRCODE = ({PASSING})[1 + floor(random() * 6)::int];
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER trouble AFTER INSERT OR UPDATE ON webhookc.objects FOR EACH STATEMENT EXECUTE FUNCTION trouble();
        CREATE TRIGGER trouble AFTER INSERT OR UPDATE ON webhookc.deliveries FOR EACH STATEMENT EXECUTE FUNCTION trouble();
        CREATE TRIGGER trouble AFTER INSERT ON webhookc.attempts FOR EACH STATEMENT EXECUTE FUNCTION trouble()"
    );
    cluster().psql(&database, &trouble);
    for number in 0..60 {
        saved(&nodes[number % 2], &format!("o{}", number % 20), &format!(r#"{{"name": "{number}"}}"#)).await;
    }
    until("all is sent", async || all_sent(cluster(), &database)).await;
    assert_eq!(cluster().psql(&database, "SELECT count(*) FROM webhookc.messages"), "60");
    let names = world.names("/all");
    let numbers: Vec<usize> = names.iter().map(|name| name.parse().unwrap()).collect();
    for object in 0..20 {
        let mut of_object: Vec<usize> = numbers.iter().copied().filter(|number| number % 20 == object).collect();
        of_object.dedup();
        assert_eq!(of_object, [object, object + 20, object + 40], "in the order of the saves");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_cannot_do_is_refused_and_nothing_is_half_done() {
    let world = World::new().await;
    let database = world.name();
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let node = world.node(&folder);
    // At the end of the transaction, when everything is written.
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.id = 'big' THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON webhookc.objects DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION full_disk()";
    cluster().psql(&database, full);
    let (status, text) = save(&node, "big", r#"{"name": "1"}"#).await;
    assert!(status == 507 || status == 503, "{status} {text}");
    assert!(text.contains("store-full"), "{text}");
    saved(&node, "small", r#"{"name": "1"}"#).await;
    let left =
        "SELECT (SELECT count(*) FROM webhookc.objects), (SELECT count(*) FROM webhookc.messages), (SELECT count(*) FROM webhookc.traces)";
    assert_eq!(cluster().psql(&database, left), "1|1|1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_deadlock_and_a_statement_that_is_ended_are_waited_out() {
    let world = World::new().await;
    let database = world.name();
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let node = world.node(&folder);
    saved(&node, "first", r#"{"name": "1"}"#).await;
    cluster().psql(&database, &format!("ALTER DATABASE {database} SET deadlock_timeout = '100ms'"));
    // Holds what a save needs last, and asks for what it takes first.
    let other = "BEGIN; LOCK TABLE webhookc.objects IN SHARE MODE; SELECT pg_sleep(1); SELECT count(*) FROM (SELECT FROM webhookc.tenants FOR UPDATE) t; COMMIT";
    let other = std::thread::spawn({
        let database = database.clone();
        move || cluster().try_psql(&database, other)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    saved(&node, "a", r#"{"name": "1"}"#).await;
    // One of the two was undone by the server, and the save is there in any case.
    let _either = other.join().unwrap();
    // Somebody holds its tenant, and an administrator ends what waits for it.
    let held = "BEGIN; SELECT count(*) FROM (SELECT FROM webhookc.tenants FOR UPDATE) t; SELECT pg_sleep(1.5); COMMIT";
    let held = std::thread::spawn({
        let database = database.clone();
        move || cluster().try_psql(&database, held)
    });
    let ended = std::thread::spawn({
        let database = database.clone();
        move || {
            std::thread::sleep(Duration::from_millis(900));
            let waiting = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            cluster().psql(&database, waiting)
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    saved(&node, "b", r#"{"name": "1"}"#).await;
    held.join().unwrap().unwrap();
    assert_eq!(ended.join().unwrap(), "1", "a save that waited");
    until("all have come", async || world.count("/all") >= 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_or_crashes_is_waited_for() {
    let own = Cluster::start(Disk::Careful);
    own.psql("postgres", "CREATE DATABASE nodes");
    let world = World::at(own.url("nodes")).await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let nodes = [world.node(&folder), world.node(&folder)];
    let mut count = 0;
    for mode in ["fast", "immediate"] {
        let running = async {
            let mut done = 0;
            for number in 0..60 {
                saved(&nodes[number % 2], &format!("{mode}{number}"), r#"{"name": "1"}"#).await;
                done += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            done
        };
        let restarting = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            tokio::task::block_in_place(|| {
                own.stop(mode);
                own.begin();
            });
        };
        let (done, ()) = tokio::join!(running, restarting);
        count += done;
    }
    until("all is sent", async || all_sent(&own, "nodes")).await;
    assert_eq!(own.psql("nodes", "SELECT count(*) FROM webhookc.messages"), count.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_connections_are_enough_to_go_on() {
    let world = World::new().await;
    let database = world.name();
    let role = format!("few_{database}");
    cluster().psql(&database, &format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 5; GRANT ALL ON DATABASE {database} TO {role}"));
    let url = world.database.replace("webhookc@", &format!("{role}@"));
    let few = World::at(url).await;
    let folder = few.project("one", SCHEMA, &few.endpoint("all"));
    let node = few.node(&folder);
    for number in 0..30 {
        saved(&node, &format!("o{number}"), r#"{"name": "1"}"#).await;
    }
    until("all is sent", async || all_sent(cluster(), &database)).await;
}

/// A file system of its own with room for so little; gone when dropped.
pub struct Small(pub PathBuf);

impl Small {
    pub fn mount(folder: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs"]).arg(&folder);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then(|| {
            // The server's user has to own it.
            let owned = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(owned.unwrap().success());
            Self(folder)
        })
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_saves_until_there_is_room() {
    let own = Cluster::start(Disk::Careless);
    let Some(small) = Small::mount(own.folder().join("small")) else {
        println!("no file system can be mounted here: left out");
        return;
    };
    own.psql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", small.0.display()));
    own.psql("postgres", "CREATE DATABASE nodes TABLESPACE small");
    let world = World::at(own.url("nodes")).await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let node = world.node(&folder);
    let large = format!(r#"{{"name": "{}"}}"#, incompressible(200_000));
    let mut acknowledged = 0;
    let refused = loop {
        match save(&node, &format!("o{acknowledged}"), &large).await {
            (200 | 201, _) => acknowledged += 1,
            refused => break refused,
        }
        assert!(acknowledged < 500, "the disk is never full");
    };
    assert!(refused.1.contains("store-full"), "{refused:?}");
    assert!(acknowledged > 3, "{acknowledged}");
    let status = Command::new("mount").args(["-o", "remount,size=512m"]).arg(&small.0).status().unwrap();
    assert!(status.success());
    for number in 0..5 {
        saved(&node, &format!("later{number}"), &large).await;
    }
    until("all is sent", async || all_sent(&own, "nodes")).await;
    assert_eq!(own.psql("nodes", "SELECT count(*) FROM webhookc.messages"), (acknowledged + 5).to_string());
    drop(node);
    own.psql("postgres", "DROP DATABASE nodes WITH (FORCE)");
    own.psql("postgres", "DROP TABLESPACE small");
}

/// Text that a database cannot make smaller.
pub fn incompressible(length: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        write!(text, "{state:016x}").unwrap();
    }
    text
}
