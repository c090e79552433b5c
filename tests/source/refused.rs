//! Rows that the data model does not allow.

use serde_json::json;

use crate::node::send;
use crate::world::{World, metric, stands_still};

const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="status" label="Status" type="single-choice"><option key="open">Open</option></field>
        <field name="total" label="Total" type="number" />
        <display>{status}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
    </model>
</data-model>"#;
const TABLE: &str = "CREATE TABLE orders (id text PRIMARY KEY, status text, total numeric)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_refused_stops_the_source_until_the_schema_allows_it() {
    let world = World::new(SCHEMA, TABLE).await;
    world.init();
    let mut node = world.serve();
    world.sql(
        "INSERT INTO orders VALUES ('1', 'open'), ('2', 'lost'), ('3', 'open');
         INSERT INTO orders VALUES ('4', 'open')",
    );
    stands_still(&mut node, &["row `2` of `public.orders`", "`status`", "\"lost\"", "`open`"]);
    assert_eq!(world.ids(1, &node).await, ["1"], "what comes before it is taken in");
    let stays = world.confirmed();
    assert_eq!(metric(&node, "webhookc_source_up").await, 0);
    let (saved, _) = send("PUT", &node.object("orders", "by-api"), r#"{"status": "open"}"#).await;
    assert_eq!(saved, 201, "the API goes on");
    assert_eq!(stays, world.confirmed());
    world.schema(&SCHEMA.replace("</field>", "<option key=\"lost\">Lost</option></field>"));
    assert_eq!(world.ids(5, &node).await, ["1", "by-api", "2", "3", "4"]);
    assert_eq!(metric(&node, "webhookc_source_up").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_rows_can_be_left_out() {
    let world = World::new(SCHEMA, TABLE).await;
    world.project("refused = \"skip\"\n");
    world.init();
    let mut node = world.serve();
    world.sql(
        "INSERT INTO orders VALUES ('1', 'open', 1), ('2', 'lost', 1), ('3', 'open', 1), ('', 'open', 1), ('5', 'open', 'NaN');
         UPDATE orders SET status = 'gone' WHERE id = '1';
         DELETE FROM orders WHERE id = '2';
         INSERT INTO orders VALUES (repeat('x', 300), 'open');
         UPDATE orders SET status = 'open', total = 7 WHERE id = '5'",
    );
    let left_out = [
        ["row `2` of `public.orders`", "\"lost\""],
        ["row `` of `public.orders`", "the object's id is empty"],
        ["row `5` of `public.orders`", "the column `total` has `NaN`, expected a finite number for `orders.total`"],
        ["row `1` of `public.orders`", "\"gone\""],
        ["has 300 characters", "expected at most 255"],
    ];
    for why in left_out {
        node.wait_for_new_line(&why.join(", "), |line| line.contains("left out") && why.iter().all(|part| line.contains(part)));
    }
    let came = world.wait(3, &node).await;
    let told: Vec<_> = came.iter().map(|body| (&body["operation"], &body["object"]["id"], &body["object"]["total"])).collect();
    let create = json!("create");
    assert_eq!(told, [(&create, &json!("1"), &json!(1)), (&create, &json!("3"), &json!(1)), (&create, &json!("5"), &json!(7))]);
    assert_eq!(metric(&node, "webhookc_source_skipped_rows_total").await, 5);
    assert_eq!(metric(&node, "webhookc_source_up").await, 1);

    // Many of them: half of a large transaction.
    world.sql("INSERT INTO orders SELECT 'n' || n, CASE WHEN n % 2 = 0 THEN 'open' ELSE 'lost' END FROM generate_series(1, 6000) n");
    assert_eq!(world.wait(3_003, &node).await.len(), 3_003);
    assert_eq!(metric(&node, "webhookc_source_skipped_rows_total").await, 3_005);
}
