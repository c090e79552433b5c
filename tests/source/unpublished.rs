//! A publication that is dropped: the database reads a row with what there was when it was written, so that one which was written meanwhile
//! cannot be read any more, whoever makes a publication then.

use std::time::Duration;

use serde_json::json;

use crate::copy::copied;
use crate::node::send;
use crate::world::{ORDERS, World, stands_still};

const TABLE: &str = "CREATE TABLE orders (id int PRIMARY KEY, name text)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_written_without_a_publication_are_said_to_be_in_the_way() {
    let world = World::new(ORDERS, TABLE).await;
    world.init();
    let mut node = world.serve();
    world.sql("INSERT INTO orders VALUES (1, 'one')");
    assert_eq!(world.ids(1, &node).await, ["1"]);
    world.sql(&format!("DROP PUBLICATION {}", world.database));
    world.sql("INSERT INTO orders VALUES (2, 'two')");
    let gone = format!("there is no publication `{}` in the database; run `webhookc source init`", world.database);
    stands_still(&mut node, &[&gone]);
    let (made, said) = world.webhookc(&["source", "init"]);
    assert!(made && said.contains("made the publication") && said.contains("there was no publication"), "{said}");
    let stuck = [
        &*format!("rows were written while there was no publication `{}`, and the log cannot be read on behind them", world.database),
        "run `webhookc source drop` and `webhookc source init`, with `--snapshot`",
    ];
    stands_still(&mut node, &stuck);
    let said = |what: &str| node.said().matches(what).count();
    let before = (said("the source is read"), said("stands still"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((said("the source is read"), said("stands still")), before, "once: {}", node.said());
    node.kill();
    for (arguments, more) in [(["source", "status"].as_slice(), "nobody reads it"), (&["doctor"], "error[source-stuck]")] {
        let (is_well, said) = world.webhookc(arguments);
        assert!(!is_well && said.contains(more) && stuck.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    }
    let (made, said) = world.webhookc(&["source", "init"]);
    assert!(made && said.contains(stuck[0]), "{said}");

    assert!(world.webhookc(&["source", "drop"]).0 && world.webhookc(&["source", "init", "--snapshot"]).0);
    let mut node = world.serve();
    copied(&mut node);
    let (there, object) = send("GET", &node.object("orders", "2"), "").await;
    assert_eq!((there, &object["fields"]["name"]), (200, &json!("two")), "{object}");
    world.sql("INSERT INTO orders VALUES (3, 'three')");
    assert_eq!(world.ids(2, &node).await, ["1", "3"]);
}
