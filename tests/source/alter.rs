//! Tables that are altered while they are read: what the schema does not name is passed over, and what it names and is gone stops the
//! source at that row, until the schema or the table is mended. Nothing is lost or taken twice meanwhile.

use std::fs;

use serde_json::json;

use crate::world::{World, stands_still};

const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <field name="total" label="Total" type="number" />
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
    </model>
</data-model>"#;
const TABLE: &str = "CREATE TABLE orders (id int PRIMARY KEY, name text, total numeric, note text)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_may_be_altered_and_nothing_is_lost() {
    let world = World::new(SCHEMA, TABLE).await;
    world.init();
    let mut node = world.serve();
    world.sql("INSERT INTO orders VALUES (1, 'one', 1, 'x'); ALTER TABLE orders ADD extra int; ALTER TABLE orders DROP note");
    world.sql("INSERT INTO orders VALUES (2, 'two', 2, 22)");
    assert_eq!(world.ids(2, &node).await, ["1", "2"], "columns that no field names come and go");

    // Renamed: the rows before it in the same transaction are taken, the others wait for a schema that names the column.
    world.sql("BEGIN; INSERT INTO orders VALUES (3, 'three', 3); ALTER TABLE orders RENAME name TO title; INSERT INTO orders VALUES (4, 'four', 4); COMMIT");
    world.sql("INSERT INTO orders VALUES (5, 'five', 5)");
    stands_still(
        &mut node,
        &[
            "`public.orders` has no column `name`",
            "`orders.name`",
            "name another one for `name` in `[source.postgres.tables]` and start the nodes anew",
        ],
    );
    assert_eq!(world.ids(3, &node).await, ["1", "2", "3"]);
    let stays = world.confirmed();
    world.sql("INSERT INTO orders VALUES (6, 'six', 6)");
    node.kill();
    world.project("tables = { orders = { columns = { name = \"title\" } } }\n");
    let mut node = world.serve();
    let came = world.wait(6, &node).await;
    let names: Vec<_> = came.iter().map(|body| body["object"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "two", "three", "four", "five", "six"]);
    assert_ne!(stays, world.confirmed(), "acknowledged only now");

    // Another type: the schema is mended, without a restart.
    world.sql("ALTER TABLE orders ALTER total TYPE text USING total || ' EUR'; INSERT INTO orders VALUES (7, 'seven', 'seven EUR')");
    stands_still(&mut node, &["the column `total` of the table `public.orders` is `text`, expected a number for `orders.total`"]);
    world.schema(&SCHEMA.replace("type=\"number\"", "type=\"text\""));
    assert_eq!(world.wait(7, &node).await[6]["object"]["total"], "seven EUR");

    // Dropped: the table is mended.
    world.sql("ALTER TABLE orders DROP total; INSERT INTO orders VALUES (8, 'eight'); UPDATE orders SET title = 'sieben' WHERE id = 7");
    stands_still(&mut node, &["`public.orders` has no column `total`", "`orders.total`", "take the field out of the schema"]);
    world.sql("ALTER TABLE orders ADD total text");
    let came = world.wait(9, &node).await;
    assert_eq!(came[7]["object"]["total"], json!(null));
    assert_eq!(came[8]["object"]["total"], "seven EUR", "what a row says nothing about stays as it was");

    // Another name of the table.
    world.sql("ALTER TABLE orders RENAME TO purchases; INSERT INTO purchases VALUES (9, 'nine')");
    stands_still(&mut node, &["there is no table `public.orders` in the database"]);
    world.sql("ALTER TABLE purchases RENAME TO orders");
    assert_eq!(world.ids(10, &node).await[9], "9");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_read_by_what_their_table_was_when_they_were_written() {
    let world = World::new(SCHEMA, TABLE).await;
    world.init();
    world.sql(
        "INSERT INTO orders VALUES (1, 'one', 1);
         ALTER TABLE orders ADD color text;
         INSERT INTO orders VALUES (2, 'two', 2, '', 'red')",
    );
    let color = "<field name=\"color\" label=\"Color\" type=\"text\" />";
    let schema = SCHEMA.replace("<display>", &format!("{color}<display>"));
    world.schema(&schema);
    let mut node = world.serve();
    let came = world.wait(2, &node).await;
    assert_eq!((&came[0]["object"]["color"], &came[1]["object"]["color"]), (&json!(null), &json!("red")), "added later");

    // Whether it was renamed or another was added and this dropped cannot be told: the source asks.
    node.kill();
    world.sql(
        "INSERT INTO orders VALUES (3, 'three', 3, '', 'blue');
         ALTER TABLE orders RENAME color TO colour;
         ALTER TABLE orders DROP note;
         ALTER TABLE orders RENAME id TO number;
         INSERT INTO orders VALUES (4, 'four', 4, 'green')",
    );
    world.schema(&schema.replace("name=\"color\"", "name=\"colour\""));
    node = world.serve();
    stands_still(&mut node, &["written before there was the column `colour` for `orders.colour`", "has `note` or `color` instead"]);
    node.kill();
    world.project("tables = { orders = { columns = { colour = [\"colour\", \"color\"] } } }\n");
    node = world.serve();
    let came = world.wait(4, &node).await;
    assert_eq!((&came[2]["object"]["colour"], &came[3]["object"]["colour"]), (&json!("blue"), &json!("green")));
    assert_eq!(came[2]["object"]["id"], "3", "the key has another name, too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_read_only_when_it_is_published() {
    let world = World::new(SCHEMA, TABLE).await;
    world.init();
    let line = "<model name=\"lines\" label=\"Line\"><field name=\"name\" label=\"Name\" type=\"text\" /><display>{name}</display></model>";
    world.schema(&SCHEMA.replace("</data-model>", &format!("{line}</data-model>")));
    world.sql("CREATE TABLE lines (id int PRIMARY KEY, name text)");
    let mut node = world.serve();
    stands_still(&mut node, &["the table `public.lines` of the model `lines` is not in the publication", "run `webhookc source init`"]);
    let (added, said) = world.webhookc(&["source", "init"]);
    assert!(added && said.contains("was there"), "{said}");
    world.sql("INSERT INTO orders VALUES (1, 'one', 1); INSERT INTO lines VALUES (1, 'one')");
    assert_eq!(world.ids(1, &node).await, ["1"]);
    assert!(fs::exists(world.folder.path().join("webhookc.db")).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_may_have_dots() {
    let tables = r#"CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."c.d" (id int PRIMARY KEY, "na.me" text, total numeric);
        CREATE TABLE "lines.old" (id int PRIMARY KEY, name text)"#;
    let line = "<model name=\"lines\" label=\"Line\"><field name=\"name\" label=\"Name\" type=\"text\" /><display>{name}</display>\
        <webhook type=\"update\" name=\"line\" /></model>";
    let world = World::new(&SCHEMA.replace("</data-model>", &format!("{line}</data-model>")), tables).await;
    world.project(
        "[source.postgres.tables]\n\"lines.old\" = \"lines\"\n\"a.b.c.d\" = { model = \"orders\", columns = { name = \"na.me\" } }\n",
    );
    world.init();
    let node = world.serve();
    world.sql(r#"INSERT INTO "a.b"."c.d" VALUES (1, 'one', 1); INSERT INTO "lines.old" VALUES (2, 'two')"#);
    let came = world.wait(2, &node).await;
    let told: Vec<_> = came.iter().map(|body| (&body["object"]["type"], &body["object"]["name"])).collect();
    assert_eq!(told, [(&json!("orders"), &json!("one")), (&json!("lines"), &json!("two"))]);
}
