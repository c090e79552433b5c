//! Names, values and transactions that are rarely seen together.

use serde_json::{Value, json};

use crate::world::World;

const SCHEMA: &str = r#"<data-model>
    <model name="item" label="Item">
        <field name="sel" label="Select" type="text" />
        <field name="mood" label="Mood" type="text" />
        <field name="yes" label="Yes" type="boolean" />
        <field name="mail" label="Mail" type="text" />
        <display>{sel}</display>
        <webhook type="update" name="item" on="create update delete" order="object" />
    </model>
    <model name="user" label="User">
        <field name="table" label="Table" type="text" />
        <display>{table}</display>
        <webhook type="update" name="user" on="create update delete" order="object" />
    </model>
    <model name="other_user" label="User">
        <field name="table" label="Table" type="text" />
        <display>{table}</display>
        <webhook type="update" name="other_user" on="create update delete" order="object" />
    </model>
    <model name="part" label="Part">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="part" on="create update delete" order="object" />
    </model>
</data-model>"#;
const TABLES: &str = r#"CREATE TYPE mood AS ENUM ('it''s "q", \ {x}');
    CREATE DOMAIN inner_mail AS text; CREATE DOMAIN mail AS inner_mail;
    CREATE TABLE "Order Items" ("ID" uuid PRIMARY KEY, "select" text, "Mixed Case" mood, "from" boolean, mail mail,
        twice text GENERATED ALWAYS AS ("select" || "select") STORED);
    CREATE TABLE "user" (id bigint PRIMARY KEY, "table" text);
    CREATE SCHEMA two; CREATE TABLE two."user" (id bigint PRIMARY KEY, "table" text);
    CREATE TABLE of_user (id int PRIMARY KEY, user_id bigint REFERENCES "user");
    CREATE TABLE part (id int, at date, name text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE part_a PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
    CREATE TABLE part_b PARTITION OF part FOR VALUES FROM ('2026-07-01') TO ('2027-01-01')"#;

fn told(came: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    came.iter().map(|body| format!("{} {} {}", text(&body["event"]), text(&body["operation"]), text(&body["object"]["id"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_names_values_and_transactions_are_read() {
    let world = World::new(SCHEMA, TABLES).await;
    world.project(
        "[source.postgres.tables]\n\"Order Items\" = { model = \"item\", columns = { sel = \"select\", mood = \"Mixed Case\", yes = \"from\" } }\n\
         \"two.user\" = \"other_user\"\n",
    );
    world.init();
    let node = world.serve();
    let uuid = "0b8c5c2e-6a39-4d3a-9f0e-2d7c2f7a0001";
    world.sql(&format!(
        r#"INSERT INTO "Order Items" VALUES ('{uuid}', 'it''s', 'it''s "q", \ {{x}}', true, 'a@b');
           INSERT INTO "user" VALUES (1, 'public'); INSERT INTO two."user" VALUES (1, 'two')"#
    ));
    let came = world.wait(3, &node).await;
    assert_eq!(told(&came), [format!("item create {uuid}"), "user create 1".to_owned(), "other_user create 1".to_owned()]);
    let item = json!([came[0]["object"]["sel"], came[0]["object"]["mood"], came[0]["object"]["yes"], came[0]["object"]["mail"]]);
    assert_eq!(item, json!(["it's", "it's \"q\", \\ {x}", true, "a@b"]));
    assert_eq!((&came[1]["object"]["table"], &came[2]["object"]["table"]), (&json!("public"), &json!("two")));

    // A row that goes into another partition, and one that is rolled back to a savepoint.
    world.sql("INSERT INTO part VALUES (1, '2026-02-01', 'a'); UPDATE part SET at = '2026-08-01'");
    world.sql(
        r#"BEGIN; INSERT INTO "user" VALUES (2, 'kept'); SAVEPOINT a; INSERT INTO "user" VALUES (3, 'rolled back'); ROLLBACK TO a;
           SAVEPOINT b; INSERT INTO "user" VALUES (4, 'kept, too'); RELEASE b; COMMIT"#,
    );
    // What is prepared counts when it is committed.
    world.sql(r#"BEGIN; INSERT INTO "user" VALUES (5, 'later'); PREPARE TRANSACTION 'kept'"#);
    world.sql(r#"BEGIN; INSERT INTO "user" VALUES (6, 'never'); PREPARE TRANSACTION 'lost'"#);
    world.sql(r#"INSERT INTO "user" VALUES (7, 'between')"#);
    world.sql("COMMIT PREPARED 'kept'");
    world.sql("ROLLBACK PREPARED 'lost'");
    let came = world.wait(10, &node).await;
    let expected = [
        "part create 1,2026-02-01",
        "part delete 1,2026-02-01",
        "part create 1,2026-08-01",
        "user create 2",
        "user create 4",
        "user create 7",
        "user create 5",
    ];
    assert_eq!(told(&came)[3..], expected);

    // What a truncation takes with it is in the log only when its table is read.
    world.sql(r#"TRUNCATE "user" CASCADE"#);
    let mut gone = told(&world.wait(15, &node).await).split_off(10);
    gone.sort_unstable();
    assert_eq!(gone, [1, 2, 4, 5, 7].map(|id| format!("user delete {id}")), "and nothing of the other table of that name");
}
