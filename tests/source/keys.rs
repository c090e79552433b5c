//! By what a row is known, and what its table tells of it when it changes.

use serde_json::{Value, json};

use crate::node::send;
use crate::world::{World, stands_still};

const SCHEMA: &str = r#"<data-model>
    <model name="lines" label="Line">
        <field name="name" label="Name" type="text" />
        <field name="note" label="Note" type="text" />
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
        <webhook type="update" name="renamed" when="previous is defined and previous.name is not none and previous.name != object.name" />
    </model>
</data-model>"#;
/// The key is not in the order of the columns.
const TABLE: &str = "CREATE TABLE lines (number int, shop text, name text, note text, PRIMARY KEY (shop, number));
    ALTER TABLE lines ALTER note SET STORAGE EXTERNAL";

/// Event, operation, object and name of what came.
fn told(came: &[Value]) -> Vec<[String; 4]> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    came.iter().map(|body| [&body["event"], &body["operation"], &body["object"]["id"], &body["object"]["name"]].map(text)).collect()
}

fn expected(lines: &[[&str; 4]]) -> Vec<[String; 4]> {
    lines.iter().map(|line| line.map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parts_of_a_key_are_told_from_each_other() {
    let world = World::new(SCHEMA, TABLE).await;
    world.init();
    let node = world.serve();
    world.sql(
        "INSERT INTO lines VALUES (1, 'a,1', 'one'), (2, 'a/b', 'two'), (3, '50%', 'three'), (4, 'a%2Cb', 'four'), (5, E'tab\\t', 'five'),
            (6, '', 'six'), (7, 'Zürich ', 'seven');
         UPDATE lines SET shop = 'a', number = 11 WHERE number = 1;
         UPDATE lines SET name = 'zwei' WHERE number = 2;
         DELETE FROM lines WHERE number = 3",
    );
    let came = world.wait(12, &node).await;
    let lines = [
        ["any", "create", "a%2C1,1", "one"],
        ["any", "create", "a%2Fb,2", "two"],
        ["any", "create", "50%25,3", "three"],
        ["any", "create", "a%252Cb,4", "four"],
        ["any", "create", "tab%09,5", "five"],
        ["any", "create", ",6", "six"],
        ["any", "create", "Zürich ,7", "seven"],
        ["any", "create", "a,11", "one"],
        ["any", "delete", "a%2C1,1", "one"],
        ["any", "update", "a%2Fb,2", "zwei"],
        ["renamed", "update", "a%2Fb,2", "zwei"],
        ["any", "delete", "50%25,3", "three"],
    ];
    assert_eq!(told(&came), expected(&lines));
    // As an id is written into a URL.
    let (status, object) = send("GET", &node.object("lines", "a%252Fb,2"), "").await;
    assert_eq!((status, &object["fields"]["name"]), (200, &json!("zwei")), "{object}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_tells_all_of_a_row_has_a_previous_for_what_is_not_stored() {
    let world = World::new(SCHEMA, TABLE).await;
    world.sql("INSERT INTO lines SELECT n, 'a', 'before', repeat('x', 5000) FROM generate_series(1, 3) n");
    world.init();
    let node = world.serve();
    world.sql("UPDATE lines SET name = 'one' WHERE number = 1");
    let told_key = world.wait(1, &node).await;
    assert_eq!(told_key[0]["object"]["note"], json!(null), "neither stored nor told");
    // From here on the old row is told, with the large value that has not changed.
    world.sql(
        "ALTER TABLE lines REPLICA IDENTITY FULL;
         UPDATE lines SET name = 'two' WHERE number = 2;
         UPDATE lines SET number = 33 WHERE number = 3;
         DELETE FROM lines WHERE number = 33;
         UPDATE lines SET name = 'uno' WHERE number = 1",
    );
    let came = world.wait(8, &node).await;
    let lines = [
        ["any", "create", "a,1", "one"],
        ["any", "update", "a,2", "two"],
        ["renamed", "update", "a,2", "two"],
        ["any", "create", "a,33", "before"],
        ["any", "delete", "a,3", "before"],
        ["any", "delete", "a,33", "before"],
        ["any", "update", "a,1", "uno"],
        ["renamed", "update", "a,1", "uno"],
    ];
    assert_eq!(told(&came), expected(&lines));
    for body in &came[1..] {
        assert_eq!(body["object"]["note"].as_str().map(str::len), Some(5_000), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_must_tell_which_row_it_is() {
    let world = World::new(SCHEMA, "CREATE TABLE lines (shop text NOT NULL, number int NOT NULL, name text, note text)").await;
    let refused = |why: &str| {
        let (made, said) = world.webhookc(&["source", "init"]);
        assert!(!made && said.contains(why), "expected {why}: {said}");
        assert_eq!(world.sql("SELECT count(*) FROM pg_publication"), "0", "nothing is made");
    };
    refused("the table `public.lines` has no primary key, expected one");
    world.sql("ALTER TABLE lines SET UNLOGGED");
    refused("the table `public.lines` is unlogged, so that the log has nothing of it; run `ALTER TABLE \"public\".\"lines\" SET LOGGED`");
    world.sql("ALTER TABLE lines SET LOGGED");
    world.sql("ALTER TABLE lines ADD PRIMARY KEY (shop, number) DEFERRABLE; ALTER TABLE lines REPLICA IDENTITY FULL");
    refused("the primary key of the table `public.lines` is deferrable, expected one that is not");
    refused("drop it, and run `ALTER TABLE \"public\".\"lines\" ADD PRIMARY KEY (\"shop\", \"number\")`");
    let (made, said) = world.webhookc(&["schema", "import", &world.database_url, "--output", "-"]);
    assert!(!made && said.contains("left out public.lines: its primary key is deferrable"), "{said}");
    world.sql("ALTER TABLE lines DROP CONSTRAINT lines_pkey; ALTER TABLE lines ADD PRIMARY KEY (shop, number)");
    world.sql("ALTER TABLE lines REPLICA IDENTITY NOTHING");
    refused(
        "does not tell which row has changed (replica identity nothing); run `ALTER TABLE \"public\".\"lines\" REPLICA IDENTITY DEFAULT`",
    );
    world.sql("ALTER TABLE lines ALTER name SET NOT NULL; CREATE UNIQUE INDEX by_name ON lines (name)");
    world.sql("ALTER TABLE lines REPLICA IDENTITY USING INDEX by_name");
    refused("the replica identity of the table `public.lines` does not hold its primary key");
    world.sql("CREATE UNIQUE INDEX by_all ON lines (name, number, shop); ALTER TABLE lines REPLICA IDENTITY USING INDEX by_all");
    world.init();

    let mut node = world.serve();
    world.sql("INSERT INTO lines VALUES ('a', 1, 'one'); UPDATE lines SET name = 'uno'; UPDATE lines SET number = 2");
    let lines = [
        ["any", "create", "a,1", "one"],
        ["any", "update", "a,1", "uno"],
        ["renamed", "update", "a,1", "uno"],
        ["any", "create", "a,2", "uno"],
        ["any", "delete", "a,1", "uno"],
    ];
    assert_eq!(told(&world.wait(5, &node).await), expected(&lines));

    // It stops to tell: new rows are told still, but nothing is taken from a table whose changes would be missing.
    world.sql("ALTER TABLE lines REPLICA IDENTITY NOTHING; INSERT INTO lines VALUES ('b', 1, 'two')");
    stands_still(&mut node, &["`public.lines` does not tell which row has changed", "REPLICA IDENTITY FULL"]);
    world.sql("ALTER TABLE lines REPLICA IDENTITY FULL; UPDATE lines SET name = 'zwei' WHERE shop = 'b'");
    let came = world.wait(8, &node).await;
    let lines = [["any", "create", "b,1", "two"], ["any", "update", "b,1", "zwei"], ["renamed", "update", "b,1", "zwei"]];
    assert_eq!(told(&came[5..]), expected(&lines));
}
