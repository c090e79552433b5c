//! `webhookc schema import`: an odd database becomes a schema without a mistake, and what it prints is all that its tables need to be read.

use std::fs;

use serde_json::{Value, json};

use crate::world::World;

const ODD: &str = r#"
CREATE SCHEMA sales;
CREATE TYPE mood AS ENUM ('sad', 'so so', '<happy> & "glad"');
CREATE TYPE blank AS ENUM ('', 'a');
CREATE DOMAIN posint AS int CHECK (value > 0);
CREATE DOMAIN moods AS mood;
CREATE TYPE pair AS (a int, b text);
CREATE TABLE object (id int PRIMARY KEY, type text, account_id int, class text, x_id text);
CREATE TABLE class (id int PRIMARY KEY, object int REFERENCES object, object_id text);
CREATE TABLE "Order" (id uuid PRIMARY KEY, "Name" text NOT NULL, name text);
CREATE TABLE "my ""odd"" table" ("the key" int PRIMARY KEY, "a b" text, a_b text, "größe" int, "2nd" mood);
CREATE TABLE "Straße" (id char(5) PRIMARY KEY, n posint, m moods, ms mood[], b blank, tags text[], ints int[], dates date[], r int4range,
    p pair, j jsonb, pt point, by bytea, ts timestamp, tz timestamptz, d date, num numeric(8,2), bo boolean, ip inet, iv interval, mo money,
    gen int GENERATED ALWAYS AS (1 + 1) STORED, idn int GENERATED ALWAYS AS IDENTITY, street char(5) REFERENCES "Straße");
CREATE TABLE node (id bigint PRIMARY KEY, title text, parent_id bigint REFERENCES node, other bigint REFERENCES node);
CREATE TABLE customer (id int PRIMARY KEY, email text UNIQUE, "a.b" text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customer, biller_id int REFERENCES customer,
    email text REFERENCES customer (email), customer text);
CREATE TABLE lines (order_id int REFERENCES orders, line int, PRIMARY KEY (order_id, line));
CREATE TABLE subline (id int PRIMARY KEY, order_id int, line int, FOREIGN KEY (order_id, line) REFERENCES lines);
CREATE TABLE sales.lines (id int PRIMARY KEY, q int, order_id int REFERENCES public.orders);
CREATE TABLE measure (id int, at date, v float8, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE measure_1 PARTITION OF measure FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (customer);
CREATE UNLOGGED TABLE hasty (id int PRIMARY KEY);
CREATE VIEW seen AS SELECT 1 AS a;
CREATE TABLE nokey (a int);
CREATE TABLE "a.b" (id int PRIMARY KEY, order_id int);
CREATE TABLE "日本" (id int PRIMARY KEY, "名" text);
"#;

/// What is inserted, the model that it is then, its id, and what it has.
fn rows() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        (
            "INSERT INTO object VALUES (1, 't', 5, 'c', 'x')",
            "object_model",
            "1",
            json!({"type_field": "t", "account_id_field": 5, "x_id": "x"}),
        ),
        ("INSERT INTO class VALUES (1, 1, 'o')", "class_model", "1", json!({"object_ref_id": "1", "object_id": "o"})),
        (
            "INSERT INTO \"my \"\"odd\"\" table\" VALUES (7, 'one', 'two', 3, '<happy> & \"glad\"')",
            "my_odd_table",
            "7",
            json!({"a_b": "two", "a_b_field": "one", "gr_e": 3, "column_2nd": "<happy> & \"glad\""}),
        ),
        (
            "INSERT INTO \"Straße\" (id, n, m, ms, r, p, ts, bo, street) \
             VALUES ('a', 4, 'sad', '{\"so so\",sad}', '[1,3)', '(1,x)', '2026-01-01 10:00', true, 'a')",
            "Stra_e",
            "a",
            json!({"n": 4, "m": "sad", "ms": ["so so", "sad"], "r": "[1,3)", "p": "(1,x)", "ts": "2026-01-01T10:00:00Z", "bo": true, "street_id": "a"}),
        ),
        ("INSERT INTO node VALUES (1, 'root', NULL, 1)", "node", "1", json!({"title": "root", "parent_id": null, "other_id": "1"})),
        ("INSERT INTO customer VALUES (1, 'a@b', 'dot')", "customer", "1", json!({"a_b": "dot"})),
        (
            "INSERT INTO orders VALUES (1, 1, 1, 'a@b', 'c')",
            "orders",
            "1",
            json!({"customer": "c", "customer_ref_id": "1", "biller_id": "1"}),
        ),
        ("INSERT INTO lines VALUES (1, 2)", "lines", "1,2", json!({"order_id": "1", "line": 2})),
        ("INSERT INTO sales.lines VALUES (1, 2, 1)", "sales_lines", "1", json!({"q": 2, "order_id": "1"})),
        ("INSERT INTO measure VALUES (1, '2026-05-05', 0.5)", "measure", "1,2026-05-05", json!({"id_field": 1, "v": 0.5})),
        ("INSERT INTO child VALUES (9, 'c@d', '', 1)", "child", "9", json!({"email": "c@d", "extra": 1})),
        ("INSERT INTO \"a.b\" VALUES (1, 1)", "a_b", "1", json!({"order_id": 1})),
        ("INSERT INTO \"日本\" VALUES (1, 'x')", "table", "1", json!({"column": "x"})),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_odd_database_becomes_a_schema_by_which_it_is_read() {
    let world = World::new("", ODD).await;
    fs::remove_file(world.folder.path().join("schema.xml")).unwrap();
    let url = &world.database_url;
    let (made, said) = world.webhookc(&["schema", "import", url, "--schema", "public", "--schema", "sales"]);
    assert!(made, "{said}");
    for note in [
        "left out public.seen: a view has no rows of its own",
        "left out public.nokey: it has no primary key",
        "left out public.hasty: an unlogged table is not in the log",
        "left out public.Straße.gen: a generated column is not in the log",
        "left out public.Straße.tags: `text[]` is a list",
        "public.Straße.b is a text: a value of `blank` cannot be a key",
        "the id of public.measure is its key of 2 columns",
        "no relation for orders_email_fkey of public.orders: it does not refer to the primary key of public.customer",
        "no relation for subline_order_id_line_fkey of public.subline: it has 2 columns",
    ] {
        assert!(said.contains(note), "{note} is missing in {said}");
    }
    let (is_good, found) = world.webhookc(&["check", "schema.xml"]);
    assert!(is_good && found.starts_with("no mistakes"), "{found}");
    let (is_laid_out, found) = world.webhookc(&["fmt", "--check", "schema.xml"]);
    assert!(is_laid_out, "{found}");

    // It is read by what was printed, and nothing else.
    let mapping = said.split_once("[source.postgres.tables]").unwrap().1.split("\nleft out").next().unwrap();
    world.project(&format!("[source.postgres.tables]{}", mapping.split("\npublic.").next().unwrap()));
    let path = world.folder.path().join("schema.xml");
    let schema = fs::read_to_string(&path).unwrap();
    let webhooks = |name: &str| format!("</display><webhook type=\"update\" name=\"{name}_saved\" />");
    let mut fired = String::new();
    for part in schema.split_inclusive("</model>") {
        let name = part.split_once("<model name=\"").map_or("", |(_, rest)| rest.split('"').next().unwrap());
        fired.push_str(&part.replace("</display>", &webhooks(name)));
    }
    fs::write(path, fired).unwrap();
    world.init();
    let node = world.serve();
    let rows = rows();
    for (sql, ..) in &rows {
        drop(world.sql(sql));
    }
    let came = world.wait(rows.len(), &node).await;
    for ((sql, model, id, has), body) in rows.iter().zip(&came) {
        let object = &body["object"];
        assert_eq!((&object["type"], &object["id"]), (&json!(model), &json!(id)), "{sql}");
        for (key, value) in has.as_object().unwrap() {
            assert_eq!(&object[key], value, "{sql}: {key} in {object}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_not_overwritten_and_tables_can_be_chosen() {
    let world =
        World::new("mine", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE ab (id int PRIMARY KEY, a_id int REFERENCES a)").await;
    let url = &world.database_url;
    let (made, said) = world.webhookc(&["schema", "import", url]);
    assert!(!made && said.contains("`schema.xml` is there and would be overwritten"), "{said}");
    assert_eq!(fs::read_to_string(world.folder.path().join("schema.xml")).unwrap(), "mine");
    let (made, said) = world.webhookc(&["schema", "import", url, "--force", "--table", "a*"]);
    assert!(made && said.contains("2 models with 1 relation") && !said.contains("[source"), "{said}");
    let (made, said) = world.webhookc(&["schema", "import", url, "-o", "-", "--table", "public.ab"]);
    assert!(made && said.contains("no relation for ab_a_id_fkey of public.ab: there is no model for public.a"), "{said}");
    let (made, said) = world.webhookc(&["schema", "import", url, "--force", "--table", "ac"]);
    assert!(!made && said.contains("there is no table `ac` in the schema `public`"), "{said}");
    let (made, said) = world.webhookc(&["schema", "import", url, "--force", "--schema", "nothing"]);
    assert!(!made && said.contains("no table of the schema `nothing` can be a model"), "{said}");
    let (made, said) = world.webhookc(&["schema", "import", "http://127.0.0.1/", "--force"]);
    assert!(!made && said.contains("error"), "{said}");
}
