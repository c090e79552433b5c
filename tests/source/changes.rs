//! What becomes of each kind of change.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inserts_updates_and_deletes_are_saves_with_what_was_before() {
    const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <field name="note" label="Note" type="text" />
        <field name="total" label="Total" type="number" />
        <field name="open" label="Open" type="boolean" />
        <field name="placed" label="Placed" type="datetime" />
        <field name="tags" label="Tags" type="multiple-choice"><option key="a">A</option><option key="b">B</option></field>
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
    </model>
</data-model>"#;
    let world = World::new(
        SCHEMA,
        "CREATE TABLE orders (id int PRIMARY KEY, name text, note text, total numeric(8,2), open boolean, placed timestamptz, tags text[]);
         ALTER TABLE orders ALTER note SET STORAGE EXTERNAL",
    )
    .await;
    world.init();
    let node = world.serve();
    world.sql(
        "BEGIN;
         INSERT INTO orders VALUES (1, 'one', repeat('x', 9000), 12.50, true, '2026-01-31 10:30:00+01', '{a,b}');
         UPDATE orders SET name = 'uno' WHERE id = 1;
         COMMIT;
         UPDATE orders SET id = 2 WHERE id = 1;
         DELETE FROM orders WHERE id = 2;
         INSERT INTO orders VALUES (3, 'three');
         TRUNCATE orders",
    );
    let came = world.wait(7, &node).await;
    let told: Vec<(&str, &str, Value)> = came
        .iter()
        .map(|body| (body["operation"].as_str().unwrap(), body["object"]["id"].as_str().unwrap(), body["object"]["name"].clone()))
        .collect();
    let expected = [
        ("create", "1", json!("one")),
        ("update", "1", json!("uno")),
        ("create", "2", json!("uno")),
        ("delete", "1", json!("uno")),
        ("delete", "2", json!("uno")),
        ("create", "3", json!("three")),
        ("delete", "3", json!("three")),
    ];
    assert_eq!(told, expected);
    for body in &came[..5] {
        let object = &body["object"];
        assert_eq!(object["note"].as_str().unwrap().len(), 9000, "what was not told again is as it was: {object}");
        assert_eq!((&object["total"], &object["open"]), (&json!(12.5), &json!(true)));
        assert_eq!((&object["placed"], &object["tags"]), (&json!("2026-01-31T09:30:00Z"), &json!(["a", "b"])));
    }
    drop(node);
    let (gone, said) = world.webhookc(&["source", "drop"]);
    assert!(gone && said.contains("removed the slot"), "{said}");
}
