//! One slot and two stores: what one of them has taken is missing in the other, whether that is another's or an older copy of itself. It is said
//! before anything is taken, and what to do about it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::copy::copied;
use crate::node::{Node, send};
use crate::world::{ORDERS, PATIENCE, World, stands_still};

const TABLE: &str = "CREATE TABLE orders (id int PRIMARY KEY, name text); CREATE TABLE other (filler text)";
/// What is to be done when a store lacks something.
const ANEW: &str = "run `webhookc source drop` and `webhookc source init --snapshot`";

/// A project with the same source, and a store of its own.
fn another(world: &World) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["webhookc.toml", "schema.xml"] {
        fs::copy(world.folder.path().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn serve(folder: &TempDir) -> Node {
    Node::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"])
}

fn insert(world: &World, id: usize) {
    world.sql(&format!("INSERT INTO orders VALUES ({id}, 'new')"));
}

/// Waits until the slot is acknowledged up to where the log ends now.
fn is_acknowledged(world: &World) {
    let end = world.sql("SELECT pg_current_wal_lsn()");
    let sql = format!("SELECT confirmed_flush_lsn >= '{end}'::pg_lsn FROM pg_replication_slots WHERE slot_name = '{}'", world.database);
    let began = Instant::now();
    while world.sql(&sql) != "t" {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn keep_store(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        if file.file_name().to_str().unwrap().starts_with("webhookc.db") {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_does_not_go_on_behind_what_another_one_has_taken() {
    let world = World::new(ORDERS, TABLE).await;
    world.init();
    let other = another(&world);
    let slot = format!("the slot `{}` is read up to ", world.database);

    // It has read nothing yet when the other one reads a row.
    let mut first = world.serve();
    first.wait_for_line("that it reads", |line| line.contains("the source is read"));
    first.kill();
    let mut second = serve(&other);
    insert(&world, 1);
    assert_eq!(world.ids(1, &second).await, ["1"]);
    is_acknowledged(&world);
    let mut first = world.serve();
    let own = "give each its own `slot` and `publication` in `[source.postgres]`";
    stands_still(&mut first, &[&slot, "this store has taken it in up to ", "somebody else has taken what is between", own, ANEW]);
    let (_, answer) = send("GET", &format!("{}/readyz", first.url), "").await;
    assert_eq!(answer["source"]["state"], "stopped", "{answer}");
    let (is_well, said) = world.webhookc(&["doctor"]);
    let both = [&slot[..], "this store has taken it in up to ", "error[source-read-elsewhere]", "1 finding in", own];
    assert!(!is_well && both.iter().all(|part| said.contains(part)), "{said}");
    let (is_well, said) = world.webhookc(&["doctor", other.path().to_str().unwrap()]);
    assert!(is_well, "of the one that reads nothing is said: {said}");

    // Nothing is taken from the one that reads, also when that is not there for a while.
    second.kill();
    insert(&world, 2);
    std::thread::sleep(Duration::from_secs(1));
    let stays = world.confirmed();
    first.kill();
    let mut first = world.serve();
    stands_still(&mut first, &[&slot]);
    assert_eq!(world.confirmed(), stays);
    let mut second = serve(&other);
    assert_eq!(world.ids(2, &second).await, ["1", "2"]);

    // One that is new finds the same, while the slot is read and afterwards.
    let third = another(&world);
    let mut newest = serve(&third);
    let nothing = [&slot, "this store has taken in nothing of it", own, ANEW];
    stands_still(&mut newest, &nothing);
    second.kill();
    newest.kill();
    let mut newest = serve(&third);
    stands_still(&mut newest, &nothing);
    newest.kill();

    // The way out: with a slot of its own.
    let toml = fs::read_to_string(world.folder.path().join("webhookc.toml")).unwrap();
    let own = format!("{}_own", world.database);
    fs::write(world.folder.path().join("webhookc.toml"), toml.replace(&format!("\"{}\"", world.database), &format!("\"{own}\""))).unwrap();
    let (made, said) = world.webhookc(&["source", "init"]);
    assert!(made && said.contains(&format!("made the slot `{own}`")), "{said}");
    first.kill();
    let first = world.serve();
    let second = serve(&other);
    insert(&world, 3);
    assert_eq!(world.ids(4, &second).await, ["1", "2", "3", "3"], "each has told of it");
    drop((first, second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_put_back_does_not_go_on_and_what_others_write_is_no_reason() {
    let world = World::new(ORDERS, TABLE).await;
    world.init();
    let mut node = world.serve();
    insert(&world, 1);
    assert_eq!(world.ids(1, &node).await, ["1"]);

    // What is not ours moves the slot, too, and a node may end at any time meanwhile.
    for count in 0..4 {
        world.sql("INSERT INTO other SELECT repeat('x', 1000) FROM generate_series(1, 1000)");
        if count % 2 == 0 {
            is_acknowledged(&world);
        }
        node.kill();
        node = world.serve();
        node.wait_for_line("that it reads", |line| line.contains("the source is read"));
        assert!(!node.said().contains("stands still"), "{}", node.said());
    }
    is_acknowledged(&world);
    node.kill();
    let earlier = tempfile::tempdir().unwrap();
    keep_store(world.folder.path(), earlier.path());

    let mut node = world.serve();
    insert(&world, 2);
    assert_eq!(world.ids(2, &node).await, ["1", "2"]);
    is_acknowledged(&world);
    node.kill();
    keep_store(earlier.path(), world.folder.path());
    let mut node = world.serve();
    stands_still(&mut node, &["this store has taken it in up to ", "if this store was put back to an earlier state", ANEW]);
    insert(&world, 3);

    // As it is told.
    node.kill();
    assert!(world.webhookc(&["source", "drop"]).0);
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(noted, "{said}");
    let mut node = world.serve();
    copied(&mut node);
    insert(&world, 4);
    assert_eq!(world.ids(3, &node).await, ["1", "2", "4"]);
    for id in [2, 3] {
        let (there, object) = send("GET", &node.object("orders", &id.to_string()), "").await;
        assert_eq!((there, &object["fields"]["name"]), (200, &"new".into()), "{object}");
    }
}
