//! What `doctor` and `source status` say of models whose rows are not read.

use std::fs;

use crate::world::World;

const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="any" />
    </model>
    <model name="lines" label="Line">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="of_line" />
    </model>
</data-model>"#;

/// Both say all of this, and that it is not well.
fn says(world: &World, doctor: &[&str], status: &[&str]) {
    for (arguments, parts) in [(&["doctor"][..], doctor), (&["source", "status"], status)] {
        let (is_well, said) = world.webhookc(arguments);
        assert!(!is_well && parts.iter().all(|part| said.contains(part)), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_whose_tables_are_not_read_are_named() {
    let world = World::new(SCHEMA, "CREATE TABLE orders (id int PRIMARY KEY, name text, old text)").await;
    world.init();
    let node = world.serve();
    world.sql("INSERT INTO orders VALUES (1, 'one')");
    world.wait(1, &node).await;

    // One that no table is for may have its objects from elsewhere.
    let (is_well, said) = world.webhookc(&["doctor"]);
    assert!(is_well && said.contains("no findings"), "{said}");
    let (is_well, said) = world.webhookc(&["source", "status"]);
    assert!(is_well && said.ends_with("; a node reads it\nno table is for `lines`\n"), "{said}");

    world.sql("CREATE TABLE lines (id int PRIMARY KEY, name text)");
    let not_read = "the table `public.lines` of the model `lines`";
    let found = "error[source-not-followed] tables of models that the publication of `[source.postgres]` lacks: their rows are not read: 1";
    let mends = "run `webhookc source init`, with `--snapshot` to have the rows copied that they have";
    says(&world, &[found, not_read, mends, "1 finding in"], &[&format!("{not_read} is not read, since the publication lacks it")]);
    let (_, said) = world.webhookc(&["doctor", "--output-format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&report["findings"][0]["check"], &report["findings"][0]["count"]), (&"source-not-followed".into(), &1.into()), "{said}");
    assert!(world.webhookc(&["source", "init"]).0 && world.webhookc(&["doctor"]).0);
    let (is_well, said) = world.webhookc(&["source", "status"]);
    assert!(is_well && said.ends_with("; a node reads it\n"), "{said}");

    // What will stop it, and what does.
    world.sql("ALTER TABLE lines RENAME name TO title");
    let misfit = "the table `public.lines` has no column `name`, expected one for `lines.name` (perhaps it is `title` now)";
    says(&world, &["warning[source-misfit]", misfit, "1 finding in"], &[misfit]);
    world.sql("ALTER TABLE lines RENAME title TO name; ALTER TABLE lines DROP CONSTRAINT lines_pkey");
    let keyless = "the table `public.lines` has no primary key, expected one: an object needs an id";
    says(&world, &["error[source-in-the-way]", keyless, "1 finding in"], &[keyless]);
    world.sql("ALTER TABLE lines RENAME TO rows");
    let unread = "has the table `public.rows`, which no model is for";
    says(&world, &["error[source-in-the-way]", unread, "1 finding in"], &[unread, "no table is for `lines`"]);

    fs::write(world.folder.path().join("schema.xml"), SCHEMA.replace("type=\"text\"", "type=\"texts\"")).unwrap();
    says(&world, &["warning[source-without-schema]", "help: run `webhookc check`"], &["the schema has errors", "run `webhookc check`"]);
}
