//! What `webhookc source` says of how things are.

use crate::world::World;

const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="any" />
    </model>
</data-model>"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_state_of_a_source_is_said() {
    let mut world = World::new(SCHEMA, "CREATE TABLE orders (id int PRIMARY KEY, name text)").await;
    let slot = world.database.clone();
    let says = |world: &World, arguments: &[&str], is_well: bool, parts: &[&str]| {
        let (was_well, said) = world.webhookc(arguments);
        assert!(was_well == is_well && parts.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    };
    says(&world, &["source", "status"], false, &[&format!("there is no slot `{slot}`")]);
    world.init();
    says(&world, &["source", "init"], true, &["was there"]);
    says(&world, &["source", "status"], true, &[&format!("the slot `{slot}` is read up to "), "bytes behind the log", "nobody reads it"]);
    world.sql("INSERT INTO orders SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n");
    let (_, said) = world.webhookc(&["source", "status"]);
    let behind = said.split(", ").find_map(|part| part.strip_suffix(" bytes behind the log; nobody reads it\n")).map(str::parse::<u64>);
    assert!(matches!(behind, Some(Ok(bytes)) if bytes > 100_000), "{said}");

    let mut node = world.serve();
    assert_eq!(world.wait(1_000, &node).await.len(), 1_000);
    says(&world, &["source", "status"], true, &["; a node reads it"]);
    says(&world, &["doctor"], true, &["no findings in"]);
    says(&world, &["source", "drop"], false, &["a node reads the slot", "stop it first"]);
    node.kill();
    says(&world, &["doctor"], false, &["warning[source-unread]", &format!("{slot}: "), "1 finding in"]);
    world.sql(&format!("DROP PUBLICATION {slot}"));
    says(&world, &["doctor"], false, &["error[source-publication-missing]"]);
    says(
        &world,
        &["source", "status"],
        false,
        &["is read up to", &format!("there is no publication `{slot}`; run `webhookc source init`")],
    );
    says(&world, &["source", "init"], true, &["made the publication", "was there; it goes on from where it is"]);
    says(&world, &["source", "drop"], true, &["removed the slot", "removed the publication"]);
    says(&world, &["source", "drop"], true, &["there is no slot", "there is no publication"]);

    world.database_url = "postgres://nobody@127.0.0.1:1/none".to_owned();
    world.project("");
    says(&world, &["source", "status"], false, &["the database at `127.0.0.1:1` cannot be reached", "refused"]);
    world.database_url = "mysql://nobody@127.0.0.1/none".to_owned();
    world.project("");
    says(&world, &["source", "status"], false, &["error"]);
    std::fs::write(world.folder.path().join("webhookc.toml"), "").unwrap();
    says(&world, &["source", "status"], false, &["the project has no source", "add `[source.postgres]`"]);
}
