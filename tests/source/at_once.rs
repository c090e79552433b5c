//! What comes to the tables while a node reads: it is read from the first row on that the log has of it, without a restart, a change of the
//! schema, or a row that stands in the way.

use serde_json::{Value, json};

use crate::added::{made, told};
use crate::node::send;
use crate::world::{World, stands_still};

/// A model of each table, of which only one is there.
fn schema() -> String {
    let model = |name: &str| {
        format!(
            r#"<model name="{name}" label="Model">
                <field name="name" label="Name" type="text" />
                <display>{{name}}</display>
                <webhook type="update" name="of_{name}" on="create update delete" order="object" />
            </model>"#
        )
    };
    let models: String = ["orders", "lines", "parts", "notes"].map(model).concat();
    format!("<data-model>{models}</data-model>")
}

fn create(id: u64) -> (String, u64) {
    ("create".to_owned(), id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_to_the_tables_is_read_from_its_first_row_on() {
    let world = World::new(&schema(), "CREATE TABLE orders (id int PRIMARY KEY, name text)").await;
    world.project("tables = { orders = { columns = { name = [\"title\", \"name\"] } } }\n");
    world.init();
    let mut node = world.serve();
    node.wait_for_line("that it reads", |line| line.contains("the source is read"));
    world.sql("INSERT INTO orders VALUES (1, 'name')");
    world.wait(1, &node).await;

    // By `source init`: from there on.
    world.sql("CREATE TABLE lines (id int PRIMARY KEY, name text); INSERT INTO lines VALUES (1, 'before')");
    let (done, said) = world.webhookc(&["source", "init"]);
    assert!(done && said.contains("`public.lines` is read from here on"), "{said}");
    world.sql("INSERT INTO lines VALUES (2, 'at once'); UPDATE lines SET name = 'now' WHERE id = 1");
    let came = world.wait(3, &node).await;
    assert_eq!(told(&came, "of_lines"), [create(2), create(1)]);

    // With its rows, although nothing is written to any table.
    world.sql("CREATE TABLE parts (id int PRIMARY KEY, name text); INSERT INTO parts VALUES (1, 'before')");
    assert!(world.webhookc(&["source", "init", "--snapshot"]).0);
    made(&mut node);
    node.wait_for_new_line("that it reads on", |line| line.contains("the source is read"));
    let (there, object) = send("GET", &node.object("parts", "1"), "").await;
    assert_eq!((there, &object["fields"]["name"]), (200, &json!("before")), "{object}");

    // By somebody who makes publications by hand, and in the transaction that makes the table.
    let publication = &world.database;
    world.sql(&format!(
        "BEGIN; CREATE DOMAIN padded AS char(8); CREATE TABLE notes (id int PRIMARY KEY, name padded);
         ALTER PUBLICATION {publication} ADD TABLE notes; INSERT INTO notes VALUES (1, 'by hand'); COMMIT"
    ));
    let came = world.wait(4, &node).await;
    assert_eq!(told(&came, "of_notes"), [create(1)]);
    let name = |came: &[Value], event: &str| came.iter().rfind(|body| body["event"] == event).map(|body| body["object"]["name"].clone());
    assert_eq!(name(&came, "of_notes"), Some(json!("by hand")), "the type is as new as the table");

    // A column that is the first choice for a field.
    world.sql("ALTER TABLE orders ADD title text; INSERT INTO orders VALUES (5, 'name', 'title')");
    let came = world.wait(5, &node).await;
    assert_eq!(name(&came, "of_orders"), Some(json!("title")));

    // One that goes and comes again is another table, and in no publication.
    world.sql("DROP TABLE lines; CREATE TABLE lines (id text PRIMARY KEY, name text)");
    assert!(world.webhookc(&["source", "init"]).0);
    world.sql("INSERT INTO lines VALUES ('6', 'again')");
    let came = world.wait(6, &node).await;
    assert_eq!(told(&came, "of_lines").last(), Some(&create(6)));
    assert!(!node.said().contains("stands still"), "{}", node.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_table_that_is_dropped_before_they_are_read_are_not_passed_over() {
    let tables = "CREATE TABLE orders (id int PRIMARY KEY, name text); CREATE TABLE lines (id int PRIMARY KEY, name text)";
    let world = World::new(&schema(), tables).await;
    world.init();
    let mut node = world.serve();
    node.wait_for_line("that it reads", |line| line.contains("the source is read"));
    node.kill();
    world.sql(
        "INSERT INTO orders VALUES (1, 'one'); INSERT INTO lines VALUES (1, 'one'); DROP TABLE lines; INSERT INTO orders VALUES (2, 'two')",
    );
    let mut node = world.serve();
    stands_still(&mut node, &["the log has rows of the table `public.lines` of the model `lines`", "make it anew"]);
    assert_eq!(world.ids(1, &node).await, ["1"], "what comes before it is taken in");
    world.sql("CREATE TABLE lines (name text, id int PRIMARY KEY)");
    assert!(world.webhookc(&["source", "init"]).0);
    let came = world.wait(3, &node).await;
    assert_eq!((told(&came, "of_lines"), told(&came, "of_orders")), (vec![create(1)], vec![create(1), create(2)]));
}
