//! `pgbench` writes while the reader is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cluster::binaries;
use crate::world::{World, cluster};

/// What `pgbench` writes: few accounts, so that each has many versions; each version has more than the one before.
const SCRIPT: &str = "\\set aid random(1, 300)
\\set delta random(1, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, :delta, CURRENT_TIMESTAMP);
END;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pgbench_commits_arrives_once_although_the_reader_is_killed_twice() {
    const SCHEMA: &str = r#"<data-model>
    <model name="pgbench_accounts" label="Account">
        <field name="bid" label="Branch" type="integer" />
        <field name="abalance" label="Balance" type="integer" />
        <display>{abalance}</display>
        <webhook type="update" name="moved" order="object"><field name="abalance" /></webhook>
        <webhook type="ready" name="seen"><field name="abalance" /></webhook>
    </model>
</data-model>"#;
    let seconds: u64 = std::env::var("SOURCE_SECONDS").map_or(5, |text| text.parse().unwrap());
    let world = World::new(SCHEMA, "").await;
    let host = cluster().folder();
    let pgbench = |arguments: &[&str]| {
        let mut command = Command::new(binaries().join("pgbench"));
        command
            .arg("-h")
            .arg(host)
            .args(["-U", "webhookc"])
            .args(arguments)
            .arg(&world.database)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    assert!(pgbench(&["-i", "-q", "-s", "1"]).status().unwrap().success());
    world.init();
    let mut node = world.serve();
    let time = seconds.to_string();
    let script = world.folder.path().join("script.sql");
    fs::write(&script, SCRIPT).unwrap();
    let mut writing = pgbench(&["-n", "-c", "2", "-R", "150", "-T", &time, "-f", script.to_str().unwrap()]).spawn().unwrap();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(seconds * 1_000 / 3)).await;
        node.kill();
        node = world.serve();
    }
    assert!(writing.wait().unwrap().success());
    let number = |sql: &str| world.sql(sql).parse::<usize>().unwrap();
    let (versions, accounts) = (number("SELECT count(*) FROM pgbench_history"), number("SELECT count(DISTINCT aid) FROM pgbench_history"));
    assert!(versions > accounts && accounts > 0, "{versions} of {accounts}");
    let came = world.wait(versions + accounts, &node).await;

    let (moved, seen): (Vec<_>, Vec<_>) = came.iter().partition(|body| body["event"] == "moved");
    assert_eq!((moved.len(), seen.len()), (versions, accounts));
    let once: BTreeSet<&str> = seen.iter().map(|body| body["object"]["id"].as_str().unwrap()).collect();
    assert_eq!(once.len(), accounts, "`ready` is once");
    // Each account: as many versions as were committed, in order, each the one before and what was added to it.
    let mut balances: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for body in moved {
        let object = &body["object"];
        balances.entry(object["id"].as_str().unwrap().to_owned()).or_default().push(object["abalance"].as_i64().unwrap());
    }
    let history = world.sql("SELECT aid || ':' || string_agg(delta::text, ',') FROM pgbench_history GROUP BY aid");
    for line in history.lines() {
        let (account, deltas) = line.split_once(':').unwrap();
        let mut deltas: Vec<i64> = deltas.split(',').map(|delta| delta.parse().unwrap()).collect();
        let mut before = 0;
        let mut told: Vec<i64> = balances[account].iter().map(|balance| balance - std::mem::replace(&mut before, *balance)).collect();
        deltas.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, deltas, "{account}");
    }
}
