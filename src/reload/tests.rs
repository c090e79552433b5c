//! A project in a folder, edited while a reloader runs on it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tempfile::TempDir;

use super::reloader::Setup;
use super::{Absent, Files, Keyring, Reloader, Trigger, build, trigger};
use crate::activity::{Activity, Event, Feed};
use crate::config::Overrides;
use crate::egress::Guard;
use crate::generation::Live;
use crate::store::Store;
use crate::time::{SystemClock, SystemEntropy};

/// How long anything may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(20);

const SCHEMA: &str = r#"<data-model><model name="asset" label="Asset"><field name="name" label="Name" type="text"/><display>{name}</display>
<webhook type="update" name="asset_saved"/></model></data-model>"#;

struct Project {
    folder: TempDir,
    reloader: Reloader,
    news: tokio::sync::broadcast::Receiver<Event>,
    trigger: Trigger,
}

impl Project {
    async fn new(schema: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("schema.xml"), schema).unwrap();
        let store = Store::open_with(&format!("sqlite:{}", folder.path().join("test.db").display()), vault()).await.unwrap();
        let feed = Feed::default();
        let news = feed.watch();
        let (trigger, requests) = trigger();
        let reloader = Reloader::new(Setup {
            files: files(folder.path()),
            keyring: Arc::new(Keyring::new(store, Arc::new(SystemEntropy))),
            absent: Absent::LeftOut,
            guard: Guard::new(vec!["127.0.0.0/8".parse().unwrap()]),
            quiet: Duration::from_millis(50),
            feed,
            clock: Arc::new(SystemClock),
            requests,
            swapped: Arc::default(),
            rejected: Arc::default(),
        });
        Self { folder, reloader, news, trigger }
    }

    fn write(&self, text: &str) {
        std::fs::write(self.folder.path().join("schema.xml"), text).unwrap();
    }
}

fn files(folder: &Path) -> Files {
    let sink = Some("127.0.0.1:7357".parse().unwrap());
    Files { paths: vec![folder.to_owned()], overrides: Overrides::default(), sink }
}

async fn next(news: &mut tokio::sync::broadcast::Receiver<Event>) -> (bool, Vec<String>) {
    let event = tokio::time::timeout(PATIENCE, news.recv()).await.expect("no reload in time").unwrap();
    let Activity::Reloaded { lines, live } = event.what else { panic!("not a reload: {event:?}") };
    (live, lines.to_vec())
}

fn webhook(live: &Live) -> String {
    live.load().rules.program.webhooks[0].name.to_string()
}

#[tokio::test]
async fn an_edit_goes_live_and_a_mistake_keeps_the_last_good_program() {
    let Project { folder, mut reloader, mut news, trigger } = Project::new(SCHEMA).await;
    let (generation, report) = reloader.take(files(folder.path()).attempt()).await;
    assert!(report.live && report.lines[0].starts_with("live, 1 model, 1 webhook in "), "{report:?}");
    let live: Live = Arc::new(ArcSwap::from_pointee(generation.unwrap()));
    let path = folder.path().join("schema.xml");
    let running = tokio::spawn(reloader.run(Arc::clone(&live)));

    let began = Instant::now();
    std::fs::write(&path, SCHEMA.replace("asset_saved", "asset_changed")).unwrap();
    assert!(next(&mut news).await.0);
    assert_eq!((webhook(&live).as_str(), live.load().number), ("asset_changed", 2));
    // What the operating system tells of takes well under the regular look of two seconds.
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());

    std::fs::write(&path, SCHEMA.replace("{name}", "{nmae}")).unwrap();
    let (is_live, lines) = next(&mut news).await;
    assert!(!is_live && lines[0] == "rejected, 1 error, still on the last good program", "{lines:?}");
    assert!(lines[1].contains("error[WH0203]"), "{lines:?}");
    assert_eq!(webhook(&live), "asset_changed");

    // Replaced by renaming, as editors do.
    std::fs::write(folder.path().join("new"), SCHEMA.replace("asset_saved", "asset_moved")).unwrap();
    std::fs::rename(folder.path().join("new"), &path).unwrap();
    assert!(next(&mut news).await.0);
    assert_eq!(webhook(&live), "asset_moved");

    let report = trigger.reload().await.unwrap();
    assert!(report.live, "asked for without a change: {report:?}");
    running.abort();
}

#[tokio::test]
async fn a_half_written_file_is_read_again_before_it_is_reported() {
    let mut project = Project::new(SCHEMA).await;
    let (generation, _) = project.reloader.take(files(project.folder.path()).attempt()).await;
    let live: Live = Arc::new(ArcSwap::from_pointee(generation.unwrap()));
    let whole = SCHEMA.replace("asset_saved", "asset_whole");
    project.write("");
    let Project { folder, reloader, mut news, trigger: _trigger } = project;
    let running = tokio::spawn(reloader.run(Arc::clone(&live)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    std::fs::write(folder.path().join("schema.xml"), &whole).unwrap();
    let (is_live, lines) = next(&mut news).await;
    assert!(is_live, "an empty file was reported: {lines:?}");
    assert_eq!(webhook(&live), "asset_whole");
    running.abort();
}

#[tokio::test]
async fn a_project_that_begins_with_errors_waits_for_the_fix() {
    let mut project = Project::new(&SCHEMA.replace("{name}", "{nmae}")).await;
    let (generation, report) = project.reloader.take(files(project.folder.path()).attempt()).await;
    assert!(generation.is_none());
    assert_eq!(report.lines[0], "rejected, 1 error, waiting for a good one");
    project.write(SCHEMA);
    let generation = tokio::time::timeout(PATIENCE, project.reloader.until_good()).await.expect("no program in time");
    assert_eq!(generation.number, 1);
    let target = generation.targets.values().next().unwrap();
    assert_eq!(target.name, "sink", "nobody else receives it");
}

#[tokio::test]
async fn signing_secrets_are_kept() {
    let project = Project::new(SCHEMA).await;
    let url = format!("sqlite:{}", project.folder.path().join("keys.db").display());
    let mut signatures = Vec::new();
    for _ in 0..2 {
        let store = Store::open_with(&url, vault()).await.unwrap();
        let keyring = Keyring::new(store.clone(), Arc::new(SystemEntropy));
        let (config, compilation) = files(project.folder.path()).attempt().outcome.unwrap();
        let (generation, _) = build(compilation.rules.unwrap(), &config, &keyring, 1, Absent::Refused).await.unwrap();
        let message = crate::ids::MessageId(uuid::Uuid::from_u128(1));
        let target = generation.targets.values().next().unwrap();
        signatures.push(target.signer.sign(message, jiff::Timestamp::UNIX_EPOCH, b"body"));
        store.close().await;
    }
    assert_eq!(signatures[0], signatures[1], "a restart signs with the same secret");
}

fn vault() -> crate::vault::Vault {
    let key = crate::vault::VaultKey::from_bytes([7; 32]);
    crate::vault::Vault::new(crate::vault::VaultKeys::of(key), Arc::new(SystemEntropy))
}

#[tokio::test]
async fn whoever_asks_hears_of_the_change_that_he_asked_for() {
    let Project { folder, mut reloader, news: _news, trigger } = Project::new(SCHEMA).await;
    let (generation, _) = reloader.take(files(folder.path()).attempt()).await;
    let live: Live = Arc::new(ArcSwap::from_pointee(generation.unwrap()));
    let path = folder.path().join("schema.xml");
    // Seen already when he asks, and before it was read.
    std::fs::write(&path, SCHEMA.replace("asset_saved", "asset_early")).unwrap();
    let running = tokio::spawn(reloader.run(Arc::clone(&live)));
    let mut heard = vec![("asset_early".to_owned(), trigger.reload().await.unwrap())];
    // While it is noticed, waited for, read, compiled and swapped in.
    for wait in (0..80).step_by(4) {
        let name = format!("asset_after_{wait}");
        std::fs::write(&path, SCHEMA.replace("asset_saved", &name)).unwrap();
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let is_news = webhook(&live) != name;
        let report = trigger.reload().await.unwrap();
        if is_news {
            heard.push((name, report));
        }
    }
    running.abort();
    assert!(heard.len() > 5, "{heard:?}");
    for (name, report) in heard {
        let unheard = report.lines.iter().any(|line| line == "no change in meaning");
        assert!(report.live && !unheard, "{name}: {report:?}");
    }
}
