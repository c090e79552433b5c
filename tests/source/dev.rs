//! What the terminal of `dev` says of a source that stands still.

use crate::node::Node;
use crate::world::World;

const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="total" label="Total" type="number" />
        <display>{total}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
    </model>
</data-model>"#;

/// What it says of its source, without the time of day.
fn of_source(node: &Node) -> Vec<String> {
    let said = node.said();
    let mut lines = said.lines().skip_while(|line| !line.contains(" source  ")).peekable();
    let mut out = Vec::new();
    while let Some(line) = lines.next() {
        if let Some((_, what)) = line.split_once(" source  ") {
            out.push(what.to_owned());
            while let Some(more) = lines.next_if(|line| line.starts_with("                 ")) {
                out.push(format!("  {}", more.trim_start()));
            }
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_says_once_why_a_source_stands_still_and_when_it_goes_on() {
    let world = World::new(SCHEMA, "CREATE TABLE orders (id int PRIMARY KEY, total numeric)").await;
    let mut node = Node::start(world.folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    let slot = &world.database;
    node.wait_for_line("that it stands still", |line| line.ends_with(" source  stands still"));
    world.init();
    node.wait_for_new_line("that it goes on", |line| line.ends_with("goes on: the database is read"));
    world.sql("INSERT INTO orders VALUES (1, 1), (2, 'NaN'), (3, 3)");
    node.wait_for_new_line("that it stands still", |line| line.ends_with(" source  stands still"));
    assert_eq!(world.ids(1, &node).await, ["1"]);
    // It is looked at every second.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    world.schema(&SCHEMA.replace("type=\"number\"", "type=\"text\""));
    node.wait_for_new_line("that it goes on", |line| line.ends_with("goes on: the database is read"));
    assert_eq!(world.ids(3, &node).await, ["1", "2", "3"]);
    let goes_on = "  it goes on by itself when this is mended, and saves are taken by the API meanwhile";
    let expected = [
        "stands still",
        &format!("  there is no slot `{slot}` in the database"),
        "  run `webhookc source init`",
        goes_on,
        "goes on: the database is read",
        "stands still",
        "  row `2` of `public.orders`: the column `total` has `NaN`, expected a finite number for `orders.total`",
        goes_on,
        "goes on: the database is read",
    ];
    assert_eq!(of_source(&node), expected);
    drop(node);

    // What is left out is said, too.
    world.schema(SCHEMA);
    world.project("refused = \"skip\"\n");
    let node = Node::start(world.folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    world.sql("INSERT INTO orders VALUES (4, '-Infinity'), (5, 5)");
    assert_eq!(world.ids(4, &node).await, ["1", "2", "3", "5"]);
    let left_out = "  row `4` of `public.orders`: the column `total` has `-Infinity`, expected a finite number for `orders.total`";
    assert_eq!(of_source(&node), ["the database is read", "a row was left out", left_out]);
}
