//! `pgbench` writes while the reader is killed. A witness tells what was committed, the API of a second node is told the same, and both
//! nodes must have said the same to their receivers.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::binaries;
use crate::node::Node;
use crate::twin::{Row, Twin, comparable, decisions, settled};
use crate::witness::{self, Change, What};
use crate::world::{PATIENCE, World, cluster};

const SCHEMA: &str = r#"<data-model>
    <model name="branch" label="Branch">
        <field name="balance" label="Balance" type="integer" />
        <has-many model="wallet" name="wallets" />
        <display>{id}</display>
        <webhook type="ready" name="opened" on="create update" />
    </model>
    <model name="wallet" label="Wallet">
        <field name="balance" label="Balance" type="integer" />
        <field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="closed">Closed</option></field>
        <field name="note" label="Note" type="text" />
        <belongs-to model="branch" />
        <has-many model="entry" name="entries" />
        <display>{id}</display>
        <webhook type="update" name="moved" order="object" on="create update delete"><field name="balance" changed="true" /></webhook>
        <webhook type="update" name="grown" when="previous is defined and (object.balance or 0) > (previous.balance or 0)"><field name="note" /></webhook>
        <webhook type="ready" name="rich" when="(object.balance or 0) > 4000"><field name="status" equals="open" /></webhook>
        <webhook type="update" name="closed"><field name="status" equals="closed" changed="true" /><field name="branch" /></webhook>
    </model>
    <model name="entry" label="Entry">
        <field name="delta" label="Delta" type="integer" />
        <field name="made" label="Made" type="datetime" />
        <belongs-to model="wallet" />
        <display>{delta}</display>
        <webhook type="update" name="booked" on="create"><field name="wallet" /><field name="wallet.branch" /></webhook>
        <webhook type="update" name="voided" on="delete" />
        <webhook type="ready" name="large" when="(object.delta or 0) > 3000"><field name="made" /></webhook>
    </model>
</data-model>"#;

/// How the names of `pgbench` become those of the schema.
const TABLES: &str = r#"[source.postgres.tables]
pgbench_accounts = { model = "wallet", columns = { balance = "abalance", branch = "bid" } }
pgbench_branches = { model = "branch", columns = { balance = "bbalance" } }
pgbench_history = { model = "entry", columns = { wallet = "aid", made = "mtime" } }
"#;

/// More than `pgbench` makes: branches, and rows and large values that are there before anything is read.
const MORE: &str = "
    ALTER TABLE pgbench_accounts ADD status text NOT NULL DEFAULT 'open', ADD note text, ALTER note SET STORAGE EXTERNAL;
    ALTER TABLE pgbench_history ADD id bigserial PRIMARY KEY;
    INSERT INTO pgbench_branches SELECT n, 0 FROM generate_series(2, 5) n;
    UPDATE pgbench_accounts SET bid = 1 + aid % 5 WHERE aid <= 200;
    UPDATE pgbench_accounts SET note = repeat('before ', 500) WHERE aid % 7 = 0 AND aid <= 200;
    INSERT INTO pgbench_history (aid, delta) SELECT n, n FROM generate_series(1, 20) n";

/// What is written, and how often compared with the others: few accounts, so that each has many versions.
const SCRIPTS: [(&str, u32); 6] = [
    (
        "BEGIN;
         UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
         INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, :delta, clock_timestamp());
         END;",
        9,
    ),
    // What changes nothing, and large values.
    (
        "UPDATE pgbench_accounts SET status = CASE WHEN :delta % 3 = 0 THEN 'closed' ELSE 'open' END,
            note = CASE WHEN :delta % 2 = 0 THEN repeat(md5(:delta::text), 100) ELSE note END WHERE aid = :aid;",
        2,
    ),
    ("UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = 1 + :aid % 5;", 1),
    // Rows that nobody has seen, and rows that everybody has.
    (
        "DELETE FROM pgbench_history WHERE id = (SELECT id FROM pgbench_history WHERE aid = :aid ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED);",
        1,
    ),
    // What is not committed.
    (
        "BEGIN;
         UPDATE pgbench_accounts SET abalance = 1000000 WHERE aid = :aid;
         ROLLBACK;
         BEGIN;
         SAVEPOINT a;
         UPDATE pgbench_accounts SET abalance = 2000000 WHERE aid = :aid;
         INSERT INTO pgbench_history (aid, delta) VALUES (:aid, 2000000);
         ROLLBACK TO a;
         UPDATE pgbench_accounts SET abalance = abalance - :delta WHERE aid = :aid;
         END;",
        1,
    ),
    // Gone and there again.
    (
        "BEGIN;
         DELETE FROM pgbench_accounts WHERE aid = :aid;
         INSERT INTO pgbench_accounts (aid, bid, abalance) VALUES (:aid, 1 + :aid % 5, :delta) ON CONFLICT DO NOTHING;
         END;",
        1,
    ),
];

/// A command of `pgbench` on the database of the test.
fn pgbench(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(binaries().join("pgbench"));
    command.arg("-h").arg(cluster().folder()).args(["-U", "webhookc"]).args(arguments).arg(&world.database);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Begins to write, for so many seconds.
fn write(world: &World, seconds: u64) -> Child {
    let mut arguments: Vec<String> = ["-n", "-c", "2", "-R", "150", "-T", &seconds.to_string()].map(str::to_owned).into();
    for (number, (script, weight)) in SCRIPTS.iter().enumerate() {
        let path = world.folder.path().join(format!("{number}.sql"));
        fs::write(
            &path,
            format!("\\set aid random(1, 200)\n\\set delta random(1, 5000)\n{}\n", script.replace('\n', " ").replace(';', ";\n")),
        )
        .unwrap();
        arguments.extend(["-f".to_owned(), format!("{}@{weight}", path.display())]);
    }
    pgbench(world, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap()
}

/// What a row is for somebody who calls the API.
fn row(change: &Change) -> Row {
    let number = |text: &str| json!(text.parse::<i64>().unwrap());
    let text = |text: &str| json!(text);
    let time = |text: &str| json!(format!("{}Z", text.replace(' ', "T")));
    let (model, key, columns): (_, _, Vec<(&str, Option<Value>)>) = match &*change.table {
        "pgbench_branches" => ("branch", "bid", vec![("balance", change.json("bbalance", number))]),
        "pgbench_accounts" => {
            let (balance, branch) = (change.json("abalance", number), change.json("bid", text));
            let (status, note) = (change.json("status", text), change.json("note", text));
            ("wallet", "aid", vec![("balance", balance), ("branch_id", branch), ("status", status), ("note", note)])
        }
        "pgbench_history" => {
            let (account, delta, made) = (change.json("aid", text), change.json("delta", number), change.json("mtime", time));
            ("entry", "id", vec![("wallet_id", account), ("delta", delta), ("made", made)])
        }
        other => panic!("{other}"),
    };
    let is_whole = columns.iter().all(|(_, value)| value.is_some());
    let fields = columns.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    Row { model, id: change.text(key).to_owned(), fields: Value::Object(fields), is_whole }
}

/// Waits until the source has taken in all that is committed, and the node has delivered it.
async fn drained(world: &World, node: &Node) {
    let end = world.sql("SELECT pg_current_wal_lsn()");
    let is_read = format!("SELECT confirmed_flush_lsn >= '{end}' FROM pg_replication_slots WHERE slot_name = '{}'", world.database);
    let began = Instant::now();
    while world.sql(&is_read) != "t" {
        assert!(began.elapsed() < PATIENCE, "{}", node.said());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settled(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pgbench_commits_fires_as_the_api_would_although_the_reader_is_killed_twice() {
    let seconds: u64 = std::env::var("SOURCE_SECONDS").map_or(5, |text| text.parse().unwrap());
    let world = World::new(SCHEMA, "").await;
    world.project(TABLES);
    assert!(pgbench(&world, &["-i", "-q", "-s", "1"]).status().unwrap().success());
    world.sql(MORE);
    world.init();
    witness::begin(&world);

    let mut node = world.serve();
    let mut writing = write(&world, seconds);
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(seconds * 1_000 / 3)).await;
        node.kill();
        node = world.serve();
    }
    assert!(writing.wait().unwrap().success());
    drained(&world, &node).await;

    let changes = witness::told(&world);
    for what in [What::Insert, What::Update, What::Delete] {
        assert!(changes.iter().any(|change| change.what == what), "{what:?}");
    }
    assert!(changes.iter().any(|change| !row(change).is_whole), "a large value that has not changed");
    let twin = Twin::start(SCHEMA).await;
    let saves = twin.save(&changes, row).await;
    settled(&twin.node).await;

    let (came, expected) = (comparable(&world.received), comparable(&twin.received));
    for event in ["opened", "moved", "grown", "rich", "closed", "booked", "voided", "large"] {
        assert!(expected.iter().any(|body| body["event"] == event), "{event} never fired");
    }
    for (number, (came, expected)) in came.iter().zip(&expected).enumerate() {
        assert_eq!(came, expected, "message {number}");
    }
    assert_eq!(came.len(), expected.len());
    let rich = came.iter().filter(|body| body["event"] == "rich");
    let once: BTreeSet<&str> = rich.clone().map(|body| body["object"]["id"].as_str().unwrap()).collect();
    assert_eq!(once.len(), rich.count(), "`ready` is once");

    let wallets: BTreeSet<String> = changes.iter().map(row).filter(|row| row.model == "wallet").map(|row| row.id).collect();
    let mut asked = 0;
    for id in wallets.iter().take(60) {
        let (decided, object) = decisions(&node, "wallet", id).await;
        let (expected, same) = decisions(&twin.node, "wallet", id).await;
        assert_eq!(decided, expected, "wallet {id}");
        assert_eq!(object, same, "wallet {id}");
        let balance = world.sql(&format!("SELECT abalance FROM pgbench_accounts WHERE aid = {id}"));
        assert_eq!(object["fields"]["balance"].to_string(), balance, "wallet {id}: {object}");
        asked += decided["data"].as_array().unwrap().len();
    }
    // Said with `--nocapture`: how much was compared.
    eprintln!("{} committed changes, {saves} saves, {} messages, the decisions of {asked} saves: the same", changes.len(), came.len());
}
