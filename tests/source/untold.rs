//! A publication that leaves out kinds of change, columns or rows of what is read: the log has nothing of it, so that the source stands still and
//! says so, rather than to lose it.

use crate::node::Node;
use crate::world::{World, stands_still};

const SCHEMA: &str = r#"<data-model>
    <model name="customer" label="Customer">
        <field name="full_name" label="Name" type="text" />
        <field name="email" label="Mail" type="text" />
        <display>{full_name}</display>
        <webhook type="update" name="of_customer" on="create update delete" order="object" />
    </model>
    <model name="orders" label="Order">
        <field name="amount" label="Amount" type="number" />
        <display>{amount}</display>
        <webhook type="update" name="of_orders" on="create update delete" order="object" />
    </model>
</data-model>"#;
const TABLES: &str = "CREATE TABLE customer (id int PRIMARY KEY, full_name text, email text, note text);
    CREATE TABLE orders (id int PRIMARY KEY, amount numeric)";
/// Every kind of change.
const WRITES: &str = "INSERT INTO customer VALUES (1, 'Ada', 'ada@example.org'); UPDATE customer SET email = 'a@example.org';
    DELETE FROM customer; INSERT INTO orders VALUES (1, 5)";

/// `source status` and `doctor` say all of this, and that it is not well.
fn say(world: &World, parts: &[&str]) {
    for (arguments, more) in [(["source", "status"].as_slice(), ""), (&["doctor"], "error[source-in-the-way]")] {
        let (is_well, said) = world.webhookc(arguments);
        assert!(!is_well && said.contains(more) && parts.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    }
}

/// `source status` says that it is well.
fn is_well(world: &World) {
    let (is_well, said) = world.webhookc(&["source", "status"]);
    assert!(is_well, "{said}");
}

/// `source init` mends it.
fn mends(world: &World) {
    let (done, said) = world.webhookc(&["source", "init"]);
    assert!(done && said.contains("was there; it now has"), "{said}");
    is_well(world);
}

fn goes_on(node: &mut Node) {
    node.wait_for_new_line("that it reads", |line| line.contains("the source is read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_that_leaves_something_out_is_not_read() {
    let world = World::new(SCHEMA, TABLES).await;
    world.init();
    let alter = |what: &str| world.sql(&format!("ALTER PUBLICATION {} {what}", world.database));
    alter("SET TABLE customer (id, full_name, email), orders");
    is_well(&world);

    let kinds = [
        "does not tell of `update`, `delete`, `truncate`, expected `publish` to be `insert, update, delete, truncate`",
        "run `webhookc source init`",
        "`webhookc source drop` and `webhookc source init --snapshot`",
    ];
    alter("SET (publish = 'insert')");
    let mut node = world.serve();
    stands_still(&mut node, &kinds);
    say(&world, &kinds);
    mends(&world);
    goes_on(&mut node);
    world.sql(WRITES);
    assert_eq!(world.ids(4, &node).await, ["1", "1", "1", "1"]);
    node.kill();

    alter("SET TABLE customer (id, full_name), orders WHERE (amount > 100)");
    let parts = [
        "does not tell the columns `email` of the table `public.customer`, expected them for the model `customer`",
        "tells only of rows of the table `public.orders` for which `(amount > ",
        "expected all",
    ];
    let mut node = world.serve();
    stands_still(&mut node, &parts);
    say(&world, &parts);
    mends(&world);
    goes_on(&mut node);
    world.sql("INSERT INTO orders VALUES (2, 7)");
    assert_eq!(world.ids(5, &node).await[4], "2");

    // One that cannot be made to have the tables of the models alone.
    let name = &world.database;
    world.sql(&format!("DROP PUBLICATION {name}; CREATE PUBLICATION {name} FOR ALL TABLES"));
    let (done, said) = world.webhookc(&["source", "init"]);
    let why = format!("the publication `{name}` is of all tables, expected one of those that are read; run `DROP PUBLICATION \"{name}\"`");
    assert!(!done && said.contains(&why), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_that_is_changed_while_it_is_read_stops_the_source() {
    let world = World::new(SCHEMA, TABLES).await;
    world.init();
    let mut node = world.serve();
    goes_on(&mut node);
    for (change, why) in [
        ("SET (publish = 'insert')", "does not tell of `update`"),
        ("SET TABLE customer, orders WHERE (amount > 100)", "tells only of rows of the table `public.orders`"),
        ("DROP TABLE orders", "the table `public.orders` of the model `orders` is not in the publication"),
    ] {
        world.sql(&format!("ALTER PUBLICATION {} {change}", world.database));
        stands_still(&mut node, &[why]);
        mends(&world);
        goes_on(&mut node);
    }
    world.sql(WRITES);
    assert_eq!(world.ids(4, &node).await.len(), 4);
}
