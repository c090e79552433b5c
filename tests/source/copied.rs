//! What is copied, and what is refused: rows are the objects that the log would make of them; a large table takes no more memory than a small
//! one; what is in the way is said before anything is made.

use std::time::Instant;

use crate::copy::{SCHEMA, TABLES, copied, stored};
use crate::world::World;

/// What may have to be changed before rows can be copied is said, and the slot that is there is not taken away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_cannot_be_made_is_refused_with_what_to_run() {
    let world = World::new(SCHEMA, TABLES).await;
    let role = format!("{}_reader", world.database);
    world.sql(&format!(
        "CREATE ROLE {role} LOGIN REPLICATION; GRANT CREATE ON DATABASE {} TO {role}; ALTER TABLE entry OWNER TO {role};
         ALTER TABLE person OWNER TO {role}; REVOKE SELECT ON entry FROM {role};
         ALTER TABLE person ENABLE ROW LEVEL SECURITY; ALTER TABLE person FORCE ROW LEVEL SECURITY",
        world.database
    ));
    let toml = std::fs::read_to_string(world.folder.path().join("webhookc.toml")).unwrap();
    std::fs::write(world.folder.path().join("webhookc.toml"), toml.replace("reader:geheim@", &format!("{role}@"))).unwrap();
    let (refused, said) = world.webhookc(&["source", "init", "--snapshot"]);
    let grant = format!("`GRANT SELECT ON \"public\".\"entry\" TO \"{role}\"`");
    assert!(!refused && said.contains(&grant), "{said}");
    assert!(said.contains(&format!("policies hide rows of `public.person` from `{role}`")), "{said}");
    assert!(said.contains(&format!("`ALTER ROLE \"{role}\" BYPASSRLS`")), "{said}");
    assert_eq!(world.sql("SELECT count(*) FROM pg_publication"), "0", "nothing was made");

    world.project("");
    world.init();
    let (refused, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(!refused && said.contains("is there") && said.contains("`webhookc source drop`"), "{said}");
    let (refused, said) = world.webhookc(&["source", "init", "--leave-ready"]);
    assert!(!refused && said.contains("--snapshot"), "{said}");
}

/// One look at what is to be done: nobody has to come again for each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_in_the_way_is_said_at_once() {
    let world = World::new(SCHEMA, TABLES).await;
    let role = format!("{}_weak", world.database);
    world.sql(&format!("CREATE ROLE {role} LOGIN"));
    let toml = std::fs::read_to_string(world.folder.path().join("webhookc.toml")).unwrap();
    std::fs::write(world.folder.path().join("webhookc.toml"), toml.replace("reader:geheim@", &format!("{role}@"))).unwrap();
    let (done, said) = world.webhookc(&["source", "init", "--snapshot"]);
    let database = &world.database;
    let expected = [
        "error: the source cannot be prepared".to_owned(),
        format!("`{role}` may not read the log; run `ALTER ROLE \"{role}\" REPLICATION` as a superuser"),
        format!("run `GRANT CREATE ON DATABASE \"{database}\" TO \"{role}\"`"),
        format!("the table `public.entry` is of `webhookc`, and only its owner may publish it, not `{role}`"),
        format!("`GRANT SELECT ON \"public\".\"person\" TO \"{role}\"`"),
    ];
    assert!(!done && expected.iter().all(|part| said.contains(part)), "{said}");
    world.sql("ALTER TABLE entry DROP CONSTRAINT entry_pkey");
    let (done, said) = world.webhookc(&["source", "init"]);
    assert!(!done && said.contains("has no primary key") && said.contains(&expected[1]), "{said}");
}

/// `SOURCE_ROWS` rows of 4 KiB each (20,000 if nothing is said): how fast they are copied, and in how much memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_table_is_copied_in_bounded_memory() {
    let rows: u64 = std::env::var("SOURCE_ROWS").map_or(20_000, |text| text.parse().unwrap());
    let tables = format!(
        "CREATE TABLE person (id int PRIMARY KEY, name text); ALTER TABLE person ALTER name SET STORAGE EXTERNAL;
         INSERT INTO person SELECT id, repeat(md5(id::text), 128) FROM generate_series(1, {rows}) id; ANALYZE;
         CREATE TABLE entry (id int PRIMARY KEY, person_id int, name text, version int, state text)"
    );
    let world = World::new(SCHEMA, &tables).await;
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(noted, "{said}");
    let mut node = world.serve();
    let (before, began, cpu) = (node.memory(), Instant::now(), node.processor_time());
    copied(&mut node);
    let (took, cpu) = (began.elapsed().as_secs_f64(), node.processor_time() - cpu);
    let more = node.most_memory().saturating_sub(before) / 1024;
    println!("{rows} rows of 4 KiB in {took:.1} s, {cpu}0 ms of processor time; {more} MiB more memory than before");
    assert!(more < 160, "{more} MiB for {} MiB of rows", rows * 4 / 1024);
}

/// A row that is copied is the same object as one that the log tells, whatever its columns are and wherever it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_copied_is_what_it_would_be_in_the_log() {
    const SCHEMA: &str = r#"<data-model>
    <model name="thing" label="Thing">
        <field name="text" label="Text" type="text" />
        <field name="code" label="Code" type="text" />
        <field name="bytes" label="Bytes" type="text" />
        <field name="number" label="Number" type="number" />
        <field name="yes" label="Yes" type="boolean" />
        <field name="day" label="Day" type="date" />
        <field name="at" label="At" type="datetime" />
        <field name="place" label="Place" type="location" />
        <field name="tags" label="Tags" type="multiple-choice"><option key="a">A</option><option key="b c">B</option></field>
        <display>{text}</display>
        <webhook type="update" name="any" on="create update delete" />
    </model>
    <model name="part" label="Part">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
    </model>
    <model name="empty" label="Empty"><field name="name" label="Name" type="text" /><display>{name}</display></model>
</data-model>"#;
    let world = World::new(
        SCHEMA,
        "CREATE SCHEMA other; CREATE DOMAIN amount AS numeric(10, 4);
         CREATE TABLE other.things (region text, \"the id\" char(4), text text, code char(3), bytes bytea, number amount, yes bool, day date,
             at timestamptz, place point, tags text[], twice int GENERATED ALWAYS AS (1 + 1) STORED, PRIMARY KEY (region, \"the id\"));
         ALTER TABLE other.things ALTER text SET STORAGE EXTERNAL;
         CREATE TABLE part (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
         CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
         INSERT INTO part SELECT id, 'part ' || id FROM generate_series(0, 19) id;
         CREATE TABLE empty (id int PRIMARY KEY, name text);
         CREATE TABLE heir () INHERITS (empty);
         INSERT INTO heir VALUES (1, 'a row of another table')",
    )
    .await;
    let insert = |id: &str| {
        world.sql(&format!(
            "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';
             INSERT INTO other.things VALUES ('north/1', '{id}', E'tab\\there \\\\N \"x\" ' || repeat('y', 9000), 'ab', '\\x00ff', -12.5, true,
             '2026-01-31', '2026-01-31 10:30:00.123456+01', '(8.5,47.25)', '{{a,\"b c\"}}');
             INSERT INTO other.things (region, \"the id\") VALUES ('null', '{id}')"
        ))
    };
    insert("1");
    world.project("tables = { \"other.things\" = \"thing\" }\n");
    let (noted, said) = world.webhookc(&["source", "init", "--snapshot"]);
    assert!(noted, "{said}");
    let mut node = world.serve();
    copied(&mut node);
    insert("2");
    assert_eq!(world.ids(2, &node).await, ["north%2F1,2", "null,2"]);
    node.kill();
    let store = format!("sqlite:{}/webhookc.db", world.folder.path().display());
    let fields = ["text", "code", "bytes", "number", "yes", "day", "at", "place", "tags"];
    let things = stored(&store, "thing", &fields).await;
    let [first, second, null, null_too] = &things[..] else { panic!("{things:#?}") };
    assert_eq!(first.replacen(",1|", ",2|", 1), *second);
    assert_eq!(null.replacen(",1|", ",2|", 1), *null_too);
    assert!(first.contains("|ab|AP8=|-12.5|true|2026-01-31|2026-01-31T09:30:00.123456Z|"), "{first}");
    assert_eq!(stored(&store, "part", &["name"]).await.len(), 20);
    assert_eq!(stored(&store, "empty", &["name"]).await.len(), 0);
}
